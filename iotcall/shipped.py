"""Find the data folders (grammars, bundles, devices, export), in a wheel or a checkout alike; and
the folder for what is made once and can be made again.
"""

from __future__ import annotations

import os
from pathlib import Path

from iotcall.errors import InputError

_PACKAGE = Path(__file__).resolve().parent


def shipped(folder: str) -> Path:
    """The data folder of that name: ``iotcall/_data/<folder>`` in a wheel, else the checkout's."""
    packed = _PACKAGE / "_data" / folder
    return packed if packed.is_dir() else _PACKAGE.parent / folder


def cache_folder() -> Path:
    """``IOTCALL_CACHE``, else ``~/.cache/iotcall``."""
    given = os.environ.get("IOTCALL_CACHE")
    return Path(given).absolute() if given else Path.home() / ".cache" / "iotcall"


def find(folder: str, given: str, suffix: str = "") -> Path:
    """The shipped item of that name, else the path as given.

    A bare name means the shipped item even where a file of that name lies in the working folder:
    ``./name`` means that one.

    Raises:
        InputError: neither is there; lists what is shipped.
    """
    item = shipped(folder) / f"{given}{suffix}"
    if given and "/" not in given and not given.startswith(".") and item.exists():
        return item
    path = Path(given)
    if given and path.exists():
        return path
    names = sorted(item.name.removesuffix(suffix) for item in shipped(folder).glob(f"*{suffix}")
                   if not item.name.startswith("."))
    raise InputError(
        f"{given!r} is neither a path nor shipped in {folder}/; "
        f"shipped: {', '.join(names) or 'none'}"
    )
