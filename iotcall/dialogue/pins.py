"""The PIN that stands in place of a yes. Leaves out: the keypad's topic, which question is open.

Digits are compared and forgotten: they are in no log, no record, no reply and no `repr`. Four of
them are few, so tries are counted for the whole house, and so is the time that nothing is tried.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import re
import secrets
import time
from collections.abc import Callable
from typing import Protocol

from iotcall.devices.home_safety import PinHash, read_pin_hash
from iotcall.errors import InputError

TRIES = 3
LOCKED_SECONDS = 300.0
"""After three wrong tries; twice as long after each further three, up to an hour."""
LONGEST_LOCKED_SECONDS = 3600.0

_DIGITS = re.compile(r"[0-9]{4,12}")
_LOG_N, _R, _P = 14, 8, 5
"""16 MiB, and a second on a small board. Source: OWASP Password Storage Cheat Sheet, scrypt:
https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#scrypt"""


class Pin(Protocol):
    """What the conversation needs of a PIN."""

    def is_right(self, digits: str) -> bool:
        """Whether these are its digits. Never raises, whatever a keypad sends."""


class ScryptPin:
    """The PIN of a home's file."""

    def __init__(self, pin_hash: str) -> None:
        """`pin_hash` is `Safety.pin_hash`; empty: there is none, and no digits are right."""
        self._hash = read_pin_hash(pin_hash) if pin_hash else None

    def is_right(self, digits: str) -> bool:
        if self._hash is None or not _DIGITS.fullmatch(digits):
            return False
        return hmac.compare_digest(_key(digits, self._hash), self._hash.key)


def pin_hash(digits: str) -> str:
    """What the home's file keeps of a PIN (`iotcall home pin`): ``scrypt$14$8$5$<salt>$<key>``.

    Raises:
        InputError: it is not 4 to 12 digits. The message does not say what was found.
    """
    if not _DIGITS.fullmatch(digits):
        raise InputError("a PIN is 4 to 12 digits, 0 to 9; found something else")
    made = PinHash(log_n=_LOG_N, r=_R, p=_P, salt=secrets.token_bytes(16), key=b"")
    salt, key = (base64.b64encode(part).decode() for part in (made.salt, _key(digits, made)))
    return f"scrypt${_LOG_N}${_R}${_P}${salt}${key}"


class Tries:
    """How often a wrong PIN was entered since the last right one, in the whole house."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong = 0
        self._locked_until = -math.inf

    @property
    def locked_seconds(self) -> float:
        """How long no PIN is looked at; 0: it is."""
        return max(0.0, self._locked_until - self._clock())

    def wrong(self) -> None:
        """Count one; the third locks."""
        self._wrong += 1
        times, left = divmod(self._wrong, TRIES)
        if left == 0:
            longer = LOCKED_SECONDS * 2.0 ** min(times - 1, 16)
            self._locked_until = self._clock() + min(longer, LONGEST_LOCKED_SECONDS)

    def right(self) -> None:
        """Forget the wrong ones."""
        self._wrong = 0


def _key(digits: str, made: PinHash) -> bytes:
    n = 2 ** made.log_n
    return hashlib.scrypt(digits.encode(), salt=made.salt, n=n, r=made.r, p=made.p, dklen=32,
                          maxmem=2 * 128 * made.r * (n + made.p))
