"""Files of Ed25519 keys. Leaves out: what is signed with them (see signature).

A private key is PEM of PKCS8, with or without a passphrase; a public one is PEM of
SubjectPublicKeyInfo: what ``openssl genpkey -algorithm ed25519`` writes too.
"""

# cryptography is imported where it is used: it takes 60 ms and 7 MB, and few hubs open a key.

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from iotcall.errors import FileError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

_PRIVATE_MODE = 0o600
_PUBLIC_MODE = 0o644
_LARGEST_BYTES = 65_536
"""More than this is no key; nothing of it is read."""


def key_id(key: Ed25519PublicKey) -> str:
    """First 16 hexadecimal digits of the SHA-256 of the raw key: to tell keys apart by eye."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def generate_key() -> Ed25519PrivateKey:
    """A new key, from the system's random numbers."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate()


def write_key_pair(path: Path, key: Ed25519PrivateKey, *, passphrase: str | None = None) -> Path:
    """Write the private key to `path` (mode 0600) and the public one beside it; return that path.

    Raises:
        FileError: one of the files exists, or cannot be written; neither is left then.
    """
    public = public_path(path)
    write_public_key(public, key.public_key())
    try:
        write_private_key(path, key, passphrase=passphrase)
    except BaseException:
        public.unlink()
        raise
    return public


def public_path(path: Path) -> Path:
    """Where the public key of a private key's file lies: ``FILE.pub``."""
    return path.with_name(path.name + ".pub") if path.name else path


def write_private_key(path: Path, key: Ed25519PrivateKey, *, passphrase: str | None = None) -> None:
    """Write PEM of PKCS8 with mode 0600, encrypted where there is a passphrase.

    Raises:
        FileError: the file exists (it is never replaced) or cannot be written.
    """
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    protection = BestAvailableEncryption(os.fsencode(passphrase)) if passphrase else NoEncryption()
    _write_new(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection),
               _PRIVATE_MODE)


def write_public_key(path: Path, key: Ed25519PublicKey) -> None:
    """Write PEM of SubjectPublicKeyInfo.

    Raises:
        FileError: the file exists (it is never replaced) or cannot be written.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    _write_new(path, key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
               _PUBLIC_MODE)


def read_private_key(path: Path,
                     passphrase: Callable[[], str] | None = None) -> Ed25519PrivateKey:
    """The private key in a file; `passphrase` is asked only where the file is encrypted.

    Raises:
        FileError: the file cannot be read, holds no private Ed25519 key, or the passphrase is
            missing or wrong.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    text = _read(path)
    if b"-----BEGIN PUBLIC KEY-----" in text:
        raise FileError(path, "expected a private key, found a public one; give the file that was "
                              "written beside it")
    try:
        try:
            key: object = load_pem_private_key(text, None)
        except TypeError as error:  # subtle: how cryptography says that it is encrypted
            if passphrase is None:
                raise FileError(path, "is protected by a passphrase, and none was given") from error
            key = _decrypted(path, text, passphrase())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise FileError(path, "expected a private Ed25519 key (PEM), found none; make one with "
                              "'iotcall keys new'") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise FileError(path, f"expected a private Ed25519 key, found {type(key).__name__}; make "
                              "one with 'iotcall keys new'")
    return key


def _decrypted(path: Path, text: bytes, passphrase: str) -> object:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(text, os.fsencode(passphrase))
    except (TypeError, ValueError) as error:  # TypeError: an empty one
        raise FileError(path, "the passphrase does not open it") from error


def read_public_key(path: Path) -> Ed25519PublicKey:
    """The public key in a file.

    Raises:
        FileError: the file cannot be read or holds no public Ed25519 key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    text = _read(path)
    if _is_private(text):
        raise FileError(path, "expected a public key, found a private one, which should not leave "
                              f"its owner; give {public_path(path).name}")
    try:
        key = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise FileError(path, "expected a public Ed25519 key (PEM), found none; 'iotcall keys new' "
                              "writes one that ends in .pub") from error
    if not isinstance(key, Ed25519PublicKey):
        raise FileError(path, f"expected a public Ed25519 key, found {type(key).__name__}")
    return key


def holds_private_key(path: Path) -> bool:
    """Whether a file is of a private key, by its first line.

    Raises:
        FileError: the file cannot be read.
    """
    return _is_private(_read(path))


def _is_private(text: bytes) -> bool:
    return b"PRIVATE KEY-----" in text


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise FileError(path, f"cannot be read: {error}") from error
    if len(text) > _LARGEST_BYTES:
        raise FileError(path, f"expected a key, found more than {_LARGEST_BYTES} bytes")
    return text


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise FileError(path, "exists, and keys are never replaced; choose another --out") \
            from error
    except (OSError, ValueError) as error:
        raise FileError(path, f"cannot be written: {error}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except BaseException as error:
        path.unlink()
        if isinstance(error, OSError):
            raise FileError(path, f"cannot be written: {error}") from error
        raise
