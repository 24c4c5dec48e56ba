"""A signed bundle is refused when anything in it is not as its owner signed it."""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from iotcall.bundle import (
    SIGNATURE,
    Signature,
    generate_key,
    key_id,
    open_bundle,
    read_private_key,
    read_public_key,
    sign_bundle,
    verify_bundle,
    verify_signature,
    write_bundle,
    write_key_pair,
)
from iotcall.bundle.signature import sign_manifest
from iotcall.errors import BundleError, FileError
from iotcall.shipped import shipped

STARTER = shipped("bundles") / "smart_home"
FILES = sorted(str(path.relative_to(STARTER)) for path in STARTER.rglob("*") if path.is_file())
OWNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
TRUSTED = [OWNER.public_key()]


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed bundle whose tests leave it as it was."""
    folder = Path(shutil.copytree(STARTER, tmp_path_factory.mktemp("signed") / "home"))
    sign_bundle(folder, OWNER)
    return folder


@pytest.fixture
def signed(tmp_path: Path, lasting: Path) -> Path:
    """A signed bundle that may be spoilt."""
    return Path(shutil.copytree(lasting, tmp_path / "home"))


@contextmanager
def flipped(path: Path, position: int, mask: int) -> Iterator[None]:
    """One byte is another inside."""
    with path.open("r+b") as file:
        file.seek(position)
        [byte] = file.read(1)
        file.seek(position)
        file.write(bytes([byte ^ mask]))
        file.flush()
        try:
            yield
        finally:
            file.seek(position)
            file.write(bytes([byte]))


def test_a_signed_bundle_opens_with_and_without_trusted_keys(lasting: Path) -> None:
    assert open_bundle(lasting, trusted_keys=[OTHER.public_key(), *TRUSTED]).name == "smart_home"
    assert open_bundle(lasting).name == "smart_home"
    signature = verify_signature(lasting, TRUSTED)
    assert signature is not None
    assert signature.key_id == key_id(OWNER.public_key())


@pytest.mark.parametrize("mask", [0x01, 0x80])
@pytest.mark.parametrize("place", ["first", "middle", "last"])
@pytest.mark.parametrize("name", [*FILES, SIGNATURE])
def test_a_flipped_byte_in_any_file_is_refused(
        lasting: Path, name: str, place: str, mask: int) -> None:
    size = (lasting / name).stat().st_size
    position = {"first": 0, "middle": size // 2, "last": size - 1}[place]
    with flipped(lasting / name, position, mask), pytest.raises(BundleError):
        open_bundle(lasting, trusted_keys=TRUSTED)


@pytest.mark.parametrize(("name", "step"), [("manifest.json", 37), (SIGNATURE, 1)])
def test_no_byte_of_manifest_and_signature_can_be_altered(
        tmp_path: Path, lasting: Path, name: str, step: int) -> None:
    """Even where any key may have signed."""
    for file in ("manifest.json", SIGNATURE):
        shutil.copyfile(lasting / file, tmp_path / file)
    whole = (tmp_path / name).read_bytes()
    for position in range(0, len(whole), step):
        byte = whole[position]
        for other in {byte ^ 1, *(b" \n\t" if byte in b" \n" else b"")} - {byte}:
            (tmp_path / name).write_bytes(whole[:position] + bytes([other]) + whole[position + 1:])
            with pytest.raises(BundleError):
                verify_signature(tmp_path)


def test_a_flipped_byte_in_a_large_file_needs_trusted_keys_to_be_found_at_the_start(
        lasting: Path) -> None:
    with flipped(lasting / "model.onnx.data", 3_000_000, 0x10):
        verify_bundle(lasting, full=False)
        with pytest.raises(BundleError, match=r"model\.onnx\.data was altered: expected SHA-256"):
            verify_bundle(lasting, full=False, trusted_keys=TRUSTED)


def test_a_manifest_made_to_fit_an_altered_file_is_refused(signed: Path) -> None:
    (signed / "parity.json").write_bytes(b"{}")
    manifest = json.loads((signed / "manifest.json").read_bytes())
    manifest["files"]["parity.json"]["size"] = 2
    (signed / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=r"expected a manifest\.json signed by"):
        open_bundle(signed)


def test_another_key_is_refused_with_both_ids(lasting: Path) -> None:
    with pytest.raises(BundleError) as told:
        open_bundle(lasting, trusted_keys=[OTHER.public_key()])
    assert f"expected a signature by {key_id(OTHER.public_key())}" in str(told.value)
    assert f"found one by {key_id(OWNER.public_key())}" in str(told.value)


def test_where_no_key_is_trusted_nothing_opens(lasting: Path) -> None:
    with pytest.raises(BundleError, match="none is named"):
        open_bundle(lasting, trusted_keys=[])


def test_a_signature_under_a_borrowed_key_id_is_refused(signed: Path) -> None:
    mine = sign_bundle(signed, OTHER, replace=True)
    posing = msgspec.structs.replace(mine, key_id=key_id(OWNER.public_key()))
    (signed / SIGNATURE).write_bytes(posing.encode())
    for trusted in (TRUSTED, [OTHER.public_key()], None):
        with pytest.raises(BundleError):
            verify_signature(signed, trusted)


def test_an_unsigned_bundle_is_refused_only_where_keys_are_trusted(signed: Path) -> None:
    (signed / SIGNATURE).unlink()
    assert verify_signature(signed) is None
    assert open_bundle(signed).name == "smart_home"
    with pytest.raises(BundleError, match=r"found none; copy the bundle with its manifest\.sig"):
        open_bundle(signed, trusted_keys=TRUSTED)


@pytest.mark.parametrize("trusted", [TRUSTED, None], ids=["trusted", "any"])
def test_a_truncated_signature_is_refused(
        signed: Path, trusted: list[Ed25519PublicKey] | None) -> None:
    whole = (signed / SIGNATURE).read_bytes()
    for length in range(0, len(whole), 3):
        (signed / SIGNATURE).write_bytes(whole[:length])
        with pytest.raises(BundleError, match="is no signature"):
            verify_signature(signed, trusted)
    found = msgspec.json.decode(whole, type=Signature)
    for spoilt in (msgspec.structs.replace(found, signature=found.signature[:63]),
                   msgspec.structs.replace(found, signature=b""),
                   msgspec.structs.replace(found, public_key=found.public_key[:31])):
        (signed / SIGNATURE).write_bytes(spoilt.encode())
        with pytest.raises(BundleError):
            open_bundle(signed, trusted_keys=trusted)


@pytest.mark.parametrize("content", [
    b"", b"{}", b"[]", b"\xff", b"[" * 3000, b" " * 5000,
    b'{"algorithm": "none", "key_id": "", "public_key": "", "signature": ""}',
])
def test_a_signature_file_that_is_none_is_refused(signed: Path, content: bytes) -> None:
    (signed / SIGNATURE).write_bytes(content)
    with pytest.raises(BundleError, match="is no signature"):
        open_bundle(signed)


def test_the_same_signature_in_other_base64_is_refused(signed: Path) -> None:
    """The last digit of 32 bytes has two bits to spare."""
    text = (signed / SIGNATURE).read_text()
    digits = json.loads(text)["public_key"]
    spare = digits[:-2] + chr(ord(digits[-2]) + 1) + "="
    assert base64.b64decode(spare) == base64.b64decode(digits)
    (signed / SIGNATURE).write_text(text.replace(digits, spare))
    with pytest.raises(BundleError, match="other spacing, order or base64"):
        open_bundle(signed)


@pytest.mark.parametrize("name", ["extra.bin", "skills/manifest.sig", ".manifest.sig"])
def test_a_file_beside_the_signed_ones_is_refused(signed: Path, name: str) -> None:
    (signed / name).parent.mkdir(exist_ok=True)
    (signed / name).write_bytes(b"!")
    with pytest.raises(BundleError, match="is not in the manifest; remove it"):
        open_bundle(signed, trusted_keys=TRUSTED)


def test_signing_agrees_with_the_second_vector_of_rfc_8032(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    signature = sign_manifest(tmp_path, b"\x72", key)
    assert signature.public_key.hex() == (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    assert signature.signature.hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")


def test_the_same_key_signs_again_and_another_needs_replace(signed: Path) -> None:
    before = (signed / SIGNATURE).read_bytes()
    sign_bundle(signed, OWNER)
    assert (signed / SIGNATURE).read_bytes() == before
    with pytest.raises(BundleError, match="add --replace"):
        sign_bundle(signed, OTHER)
    assert (signed / SIGNATURE).read_bytes() == before
    sign_bundle(signed, OTHER, replace=True)
    verify_bundle(signed, full=True, trusted_keys=[OTHER.public_key()])


def test_an_altered_bundle_is_not_signed(signed: Path) -> None:
    with flipped(signed / "model.onnx.data", 3_000_000, 1), \
            pytest.raises(BundleError, match=r"model\.onnx\.data was altered"):
        sign_bundle(signed, OTHER, replace=True)
    assert verify_signature(signed, TRUSTED) is not None


def _write(out: Path, key: Ed25519PrivateKey | None, *, replace: bool = False) -> None:
    manifest = verify_bundle(STARTER, full=False)
    with write_bundle(out, name="home", catalogue="smart_home", student=manifest.student,
                      target=manifest.target, made_with={}, replace=replace,
                      sign_with=key) as folder:
        for name in manifest.files:
            shutil.copyfile(STARTER / name, folder / name)


def test_a_bundle_is_written_with_its_signature_the_same_every_time(tmp_path: Path) -> None:
    _write(tmp_path / "one", OWNER)
    _write(tmp_path / "two", OWNER)
    assert open_bundle(tmp_path / "one", trusted_keys=TRUSTED).name == "home"
    first, second = ((tmp_path / name / SIGNATURE).read_bytes() for name in ("one", "two"))
    assert first == second
    _write(tmp_path / "two", None, replace=True)
    assert not (tmp_path / "two" / SIGNATURE).exists()


def test_writing_with_a_key_that_cannot_sign_leaves_nothing_behind(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise BundleError("no space left")

    monkeypatch.setattr("iotcall.bundle.writer.sign_manifest", full)
    with pytest.raises(BundleError, match="no space left"):
        _write(tmp_path / "out", OWNER)
    assert list(tmp_path.iterdir()) == []


def test_cryptography_is_loaded_for_a_signature_only_and_pydantic_for_none(
        tmp_path: Path, lasting: Path) -> None:
    public = write_key_pair(tmp_path / "owner", OWNER)
    code = (f"import sys\nfrom pathlib import Path\n"
            f"from iotcall.bundle import open_bundle, read_public_key\n"
            f"open_bundle(Path({str(STARTER)!r}))\nprint('cryptography' in sys.modules)\n"
            f"key = read_public_key(Path({str(public)!r}))\n"
            f"open_bundle(Path({str(lasting)!r}), trusted_keys=[key])\n"
            "print('cryptography' in sys.modules, 'pydantic' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          timeout=60)
    assert done.stdout.split() == ["False", "True", "False"]


def test_key_files_are_read_as_they_were_written(tmp_path: Path) -> None:
    key = generate_key()
    public = write_key_pair(tmp_path / "owner", key)
    assert public == tmp_path / "owner.pub"
    assert read_private_key(tmp_path / "owner").private_bytes_raw() == key.private_bytes_raw()
    assert read_public_key(public).public_bytes_raw() == key.public_key().public_bytes_raw()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_its_owner_may_read_a_private_key(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_key_pair(tmp_path / "owner", OWNER)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "owner").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["owner", "owner.pub"])
@pytest.mark.parametrize("kind", ["file", "link"])
def test_an_existing_key_file_is_never_replaced(tmp_path: Path, name: str, kind: str) -> None:
    taken = tmp_path / name
    if kind == "file":
        taken.write_text("mine")
    else:
        taken.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileError, match="keys are never replaced"):
        write_key_pair(tmp_path / "owner", OWNER)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert kind == "link" or taken.read_text() == "mine"


def test_a_protected_key_opens_with_its_passphrase_only(tmp_path: Path) -> None:
    path = tmp_path / "owner"
    write_key_pair(path, OWNER, passphrase="öffne")
    assert read_private_key(path, lambda: "öffne").private_bytes_raw() == OWNER.private_bytes_raw()
    for wrong in ("offne", ""):
        with pytest.raises(FileError, match="the passphrase does not open it"):
            read_private_key(path, lambda wrong=wrong: wrong)
    with pytest.raises(FileError, match="is protected by a passphrase, and none was given"):
        read_private_key(path)


def test_the_passphrase_of_an_unprotected_key_is_not_asked(tmp_path: Path) -> None:
    write_key_pair(tmp_path / "owner", OWNER)
    read_private_key(tmp_path / "owner", lambda: pytest.fail("was asked"))


def test_key_files_of_the_wrong_kind_are_refused(tmp_path: Path) -> None:
    public = write_key_pair(tmp_path / "owner", OWNER)
    with pytest.raises(FileError, match="expected a private key, found a public one"):
        read_private_key(public)
    with pytest.raises(FileError, match=r"found a private one.*; give owner\.pub"):
        read_public_key(tmp_path / "owner")
    curve = generate_ec(SECP256R1())
    (tmp_path / "ec").write_bytes(curve.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "ec.pub").write_bytes(curve.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(FileError, match="expected a private Ed25519 key, found EC"):
        read_private_key(tmp_path / "ec")
    with pytest.raises(FileError, match="expected a public Ed25519 key, found EC"):
        read_public_key(tmp_path / "ec.pub")


@pytest.mark.parametrize("content", [
    b"", b"\x00\xff", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me@box\n", b"x" * 70_000,
])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    for read in (read_private_key, read_public_key):
        with pytest.raises(FileError, match="expected a"):
            read(path)


def test_a_key_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing", tmp_path / "a\0b"):
        for read in (read_private_key, read_public_key):
            with pytest.raises(FileError, match="cannot be read"):
                read(path)
    with pytest.raises(FileError, match="cannot be written"):
        write_key_pair(tmp_path / "missing" / "owner", OWNER)
