"""A file that one run at a time has open. Leaves out: what is in it."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from iotcall.errors import InputError


def hold(file: int | IO[bytes], what: Path) -> None:
    """Lock an open file, for as long as it is open; `what` is in use if another run has.

    Raises:
        InputError: another run has it.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise in_use(what) from error


def in_use(what: Path) -> InputError:
    return InputError(f"{what} is in use by another run; wait for it, or choose another --out")
