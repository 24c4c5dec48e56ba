from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest

from iotcall.catalogue import ToolCall
from iotcall.errors import InputError
from iotcall.evaluate.evaluation import Evaluation, figures
from iotcall.evaluate.picture import draw
from tests.evaluate.items import item


def _figures(tools: int) -> Evaluation:
    random = Random(1)
    names = [f"tool{number}" for number in range(tools)]
    return figures([item((ToolCall(random.choice(names)),), (ToolCall(random.choice(names)),),
                         confidence=random.random(), row=row) for row in range(60)])


@pytest.mark.parametrize("tools", [1, 5, 40])
def test_a_picture_holds_as_many_tools_as_there_are(tmp_path: Path, tools: int) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "a.svg"
    draw(_figures(tools), path, title="t", name="one", others=[("another", _figures(2))])
    text = path.read_text()
    assert "<svg" in text
    assert text.count("tool0") > 1  # svg says what its text is


def test_a_picture_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name in ("missing/a.png", "a.tiffany"):
        with pytest.raises(InputError, match="cannot be written"):
            draw(_figures(2), tmp_path / name, title="t")


def test_without_matplotlib_it_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match="pip install matplotlib"):
        draw(_figures(2), tmp_path / "a.png", title="t")
