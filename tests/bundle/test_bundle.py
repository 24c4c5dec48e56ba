"""A bundle is refused unless it is whole."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from iotcall.bundle import (
    FORMAT_VERSION,
    Bundle,
    StudentInfo,
    TargetInfo,
    check_place,
    open_bundle,
    verify_bundle,
    write_bundle,
)
from iotcall.bundle.manifest import file_entry
from iotcall.errors import BundleError
from iotcall.grammar import Automaton


@pytest.fixture
def copy(tmp_path: Path, bundle_of: Callable[[str], Bundle]) -> Path:
    """A bundle that may be spoilt."""
    return Path(shutil.copytree(bundle_of("qwen3").folder, tmp_path / "copy"))


def test_an_opened_bundle_knows_its_catalogue_format_and_student(
        bundle_of: Callable[[str], Bundle]) -> None:
    bundle = open_bundle(bundle_of("qwen3").folder)
    assert [tool.name for tool in bundle.catalogue.tools] == ["lamp", "heat", "note"]
    assert bundle.format.name == "hermes"
    assert bundle.manifest.student.parameters > 10_000


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "tokenizer.json").unlink()
    with pytest.raises(BundleError, match=r"tokenizer\.json is missing"):
        open_bundle(copy)


def test_a_file_of_another_size_is_refused_with_both_sizes(copy: Path) -> None:
    model = copy / "model.onnx"
    size = model.stat().st_size
    model.write_bytes(model.read_bytes() + b"!")
    with pytest.raises(BundleError, match=f"expected {size} bytes, found {size + 1}"):
        open_bundle(copy)


def test_a_small_file_altered_in_place_is_refused_at_every_start(copy: Path) -> None:
    prompt = copy / "prompt.json"
    prompt.write_bytes(prompt.read_bytes().replace(b"user", b"usex"))
    with pytest.raises(BundleError, match=r"prompt\.json was altered: expected SHA-256"):
        open_bundle(copy)


def test_a_large_file_altered_in_place_is_found_by_the_full_check(copy: Path) -> None:
    model = copy / "model.onnx"
    model.write_bytes(model.read_bytes() + bytes(1_100_000))
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"]["model.onnx"]["size"] = model.stat().st_size
    (copy / "manifest.json").write_text(json.dumps(manifest))
    verify_bundle(copy, full=False)
    with pytest.raises(BundleError, match=r"model\.onnx was altered: expected SHA-256"):
        verify_bundle(copy, full=True)


def test_a_file_that_the_manifest_does_not_name_is_found_by_the_full_check(copy: Path) -> None:
    (copy / "extra.bin").write_bytes(b"")
    verify_bundle(copy, full=False)
    with pytest.raises(BundleError, match=r"extra\.bin is not in the manifest"):
        verify_bundle(copy, full=True)


def test_another_format_version_is_refused_with_both_versions(copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["format_version"] = FORMAT_VERSION + 1
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=f"expected bundle format {FORMAT_VERSION}, "
                                          f"found {FORMAT_VERSION + 1}"):
        open_bundle(copy)


@pytest.mark.parametrize("content", ["", "[]", "{}", "{\"format_version\": 1}", "not json"])
def test_a_manifest_that_is_none_is_refused(copy: Path, content: str) -> None:
    (copy / "manifest.json").write_text(content)
    with pytest.raises(BundleError):
        open_bundle(copy)


def test_a_manifest_that_names_files_outside_the_bundle_is_refused(copy: Path) -> None:
    (copy.parent / "outside").write_bytes(b"secret")
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"]["../outside"] = {"sha256": "0" * 64, "size": 6}
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="lies outside the bundle"):
        open_bundle(copy)


def test_a_folder_without_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="expected a bundle"):
        open_bundle(tmp_path)


def test_writing_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def fill() -> None:
        with write_bundle(
                tmp_path / "out", name="out", catalogue="lamp", made_with={},
                student=StudentInfo(architecture="qwen3", parameters=1, format="hermes",
                                    history_turns=4, checkpoint_sha256=""),
                target=TargetInfo(name="cpu", provider="CPUExecutionProvider",
                                  precision="fp32")) as folder:
            (folder / "model.onnx").write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_a_bundle_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(BundleError, match="is a file"):
        check_place(tmp_path / "out", replace=True)


def test_an_interrupted_replacement_keeps_the_old_bundle(
        copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between the two renames, where neither bundle lies at its place."""
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if target == copy and not self.name.endswith("-old"):
            raise KeyboardInterrupt
        return rename(self, target)

    manifest = verify_bundle(copy, full=True)

    def replace() -> None:
        with write_bundle(copy, name="new", catalogue="lamp", made_with={}, replace=True,
                          student=manifest.student, target=manifest.target) as folder:
            for name in manifest.files:
                shutil.copyfile(copy / name, folder / name)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replace()
    monkeypatch.undo()
    assert verify_bundle(copy, full=True) == manifest
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]


def test_an_automaton_that_goes_round_is_refused(copy: Path) -> None:
    with np.load(copy / "automaton.npz") as arrays:
        altered = dict(arrays)
    altered["targets"][-1] = 0
    np.savez(copy / "automaton.npz", **altered)
    with pytest.raises(BundleError, match="lead nowhere or back"):
        Automaton.load(copy / "automaton.npz")


def test_a_prior_that_cannot_be_is_named(copy: Path) -> None:
    path, manifest = copy / "prior.json", copy / "manifest.json"
    path.write_text('{"novelty": 0.2, "values": {}, "shares": {"attic": 1.0}}')
    told = json.loads(manifest.read_text())
    told["files"]["prior.json"] = msgspec.to_builtins(file_entry(path))
    manifest.write_text(json.dumps(told))
    with pytest.raises(BundleError, match=r"prior\.json: .* < 1.0 .*shares.*; export it again"):
        open_bundle(copy)


@pytest.mark.parametrize("written", [b'{"usual": []}', gzip.compress(b"[]"), b"\x1f\x8b\x08",
                                     gzip.compress(b'{"usual": []}')[:-6]])
def test_a_lexicon_that_cannot_be_read_is_named(copy: Path, written: bytes) -> None:
    path, manifest = copy / "lexicon.json.gz", copy / "manifest.json"
    path.write_bytes(written)
    told = json.loads(manifest.read_text())
    told["files"][path.name] = msgspec.to_builtins(file_entry(path))
    manifest.write_text(json.dumps(told))
    with pytest.raises(BundleError, match=r"lexicon\.json\.gz: .*; export it again"):
        open_bundle(copy)
