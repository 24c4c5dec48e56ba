"""A threshold inside a bundle: all or nothing, under its signature, in the hub's settings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from iotcall.bundle import (
    CALIBRATION,
    Calibration,
    generate_key,
    open_bundle,
    renew_files,
    sign_bundle,
    verify_bundle,
    verify_signature,
)
from iotcall.bundle.manifest import file_entry
from iotcall.dialogue import dialogue_of
from iotcall.errors import BundleError
from iotcall.shipped import shipped

MADE = Calibration(fallback_below=0.875, risk=0.02, doubt=0.1, proven=True, items=600, accepted=580,
                   wrong=4, method="by hand", data_sha256=("ab" * 32,))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a bundle that is shipped without a calibration."""
    return Path(shutil.copytree(shipped("bundles") / "home", tmp_path / "home"))


def test_a_calibrated_bundle_is_whole_and_says_what_it_rests_on(folder: Path) -> None:
    before = verify_bundle(folder, full=True)
    renew_files(folder, {CALIBRATION: MADE.encode()})
    after = verify_bundle(folder, full=True)
    assert after.files.keys() - before.files.keys() == {CALIBRATION}
    assert {name: after.files[name] for name in before.files} == before.files
    assert open_bundle(folder).calibration == MADE
    assert [path.name for path in folder.parent.iterdir()] == ["home"]


def test_its_threshold_stands_in_place_of_the_catalogues(folder: Path) -> None:
    assert dialogue_of(open_bundle(folder)).fallback_below == 0.3
    renew_files(folder, {CALIBRATION: MADE.encode()})
    assert dialogue_of(open_bundle(folder)).fallback_below == 0.875
    renew_files(folder, {CALIBRATION: msgspec.structs.replace(MADE, wish_from=0.75).encode()})
    assert dialogue_of(open_bundle(folder)).wish_from == 0.75


def test_a_second_calibration_replaces_the_first(folder: Path) -> None:
    renew_files(folder, {CALIBRATION: MADE.encode()})
    renew_files(folder, {CALIBRATION: msgspec.structs.replace(MADE, fallback_below=0.25).encode()})
    calibration = open_bundle(folder).calibration
    assert calibration is not None
    assert calibration.fallback_below == 0.25


def test_a_copy_leaves_the_bundle_as_it_was(folder: Path, tmp_path: Path) -> None:
    renew_files(folder, {CALIBRATION: MADE.encode()}, out=tmp_path / "copy")
    assert open_bundle(folder).calibration is None
    assert open_bundle(tmp_path / "copy").calibration == MADE
    with pytest.raises(BundleError, match="exists"):
        renew_files(folder, {CALIBRATION: MADE.encode()}, out=tmp_path / "copy")


def test_a_signed_bundle_wants_a_key_and_is_signed_again(folder: Path) -> None:
    key = generate_key()
    sign_bundle(folder, key)
    with pytest.raises(BundleError, match="add --key"):
        renew_files(folder, {CALIBRATION: MADE.encode()})
    assert open_bundle(folder, trusted_keys=[key.public_key()]).calibration is None
    renew_files(folder, {CALIBRATION: MADE.encode()}, sign_with=key)
    assert verify_signature(folder, [key.public_key()]) is not None
    assert open_bundle(folder, trusted_keys=[key.public_key()]).calibration == MADE


def test_an_altered_bundle_gets_no_new_hashes(folder: Path) -> None:
    path = folder / "model.onnx.data"
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    with pytest.raises(BundleError, match=r"model\.onnx\.data was altered"):
        renew_files(folder, {CALIBRATION: MADE.encode()})
    assert CALIBRATION not in {each.name for each in folder.iterdir()}


@pytest.mark.parametrize(("change", "says"), [
    ({"fallback_below": 1.5}, "from 0 to 1"), ({"wish_from": -1}, "from 0 to 1"),
    ({"fallback_below": "x"}, "is no calibration"),
    ({"below": 1}, "is no calibration"),
])
def test_a_calibration_that_does_not_fit_is_refused(
    folder: Path, change: dict[str, object], says: str
) -> None:
    renew_files(folder, {CALIBRATION: MADE.encode()})
    path, manifest = folder / CALIBRATION, folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    entries = json.loads(manifest.read_text())
    entries["files"][CALIBRATION] = msgspec.to_builtins(file_entry(path))
    manifest.write_text(json.dumps(entries))
    with pytest.raises(BundleError, match=says):
        open_bundle(folder)
