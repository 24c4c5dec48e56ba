"""Names of shipped items and paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from iotcall.errors import InputError
from iotcall.shipped import find, shipped


def test_a_bare_name_is_the_shipped_item_and_dot_slash_the_path(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("smart_home", "mine"):
        (tmp_path / name).mkdir()
    assert find("bundles", "smart_home") == shipped("bundles") / "smart_home"
    assert find("bundles", "./smart_home").resolve() == tmp_path / "smart_home"
    assert find("bundles", "mine").resolve() == tmp_path / "mine"


@pytest.mark.parametrize("given", ["", "nosuch", "../bundles", "nosuch/smart_home"])
def test_what_is_neither_is_refused_with_what_is_shipped(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="shipped: banking, home, massive_iot, shell, smart_home"):
        find("bundles", given)


def test_names_with_a_dot_in_front_are_not_listed(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    from iotcall.cli.bundles import bundles

    monkeypatch.setattr("iotcall.shipped._PACKAGE", tmp_path / "package")
    (tmp_path / "bundles" / ".half-made").mkdir(parents=True)
    with pytest.raises(InputError, match="shipped: none"):
        find("bundles", "nosuch")
    bundles(names=None, verify=False, json=True)
    assert capsys.readouterr().out.strip() == "[]"
