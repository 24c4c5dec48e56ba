"""The PIN that stands in place of a yes. Leaves out: the keypad's topic, which question is open.

Digits are compared and forgotten: they are in no log, no record, no reply and no `repr`. Four of
them are few, so tries are counted for the whole house, and so is the time that nothing is tried.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from typing import Protocol

import msgspec

from iotcall.devices.home_safety import PinHash, read_pin_hash
from iotcall.dialogue.notes import Notes
from iotcall.errors import InputError

TRIES = 3
LOCKED_SECONDS = 300.0
"""After three wrong tries; twice as long after each further three, up to an hour."""
LONGEST_LOCKED_SECONDS = 3600.0

_HOUSE = "house"
"""The one name under which tries are noted."""
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
    """How often a PIN was tried since the last right one, in the whole house.

    A try is counted before it is looked at: workers that look at the same time look three times
    together, and one that ends while it looks has looked.
    """

    def __init__(self, notes: Notes) -> None:
        """Where `notes` are in a store, every operation may raise `StoreError`; then nothing was
        looked at, or the count stays as it was, which is the safe way to fail."""
        self._notes = notes

    @property
    def locked_seconds(self) -> float:
        """How long no PIN is looked at; 0: it is."""
        return self._counted()[1]

    def take(self) -> bool:
        """Count one, which may then be looked at; False: none may. The third locks, until `right`.
        """
        with self._notes.lock():
            taken, locked = self._counted()
            if locked:
                return False
            taken += 1
            times, left = divmod(taken, TRIES)
            longer = 0.0 if left else LOCKED_SECONDS * 2.0 ** min(times - 1, 16)
            self._notes.put(_HOUSE, msgspec.json.encode(
                (taken, min(longer, LONGEST_LOCKED_SECONDS))))
        return True

    def right(self) -> None:
        """Forget those that were taken."""
        self._notes.drop(_HOUSE)

    def _counted(self) -> tuple[int, float]:
        """How many were taken, and for how long none is from now."""
        found = self._notes.get(_HOUSE)
        if found is None:
            return 0, 0.0
        taken, locked = msgspec.json.decode(found[0], type=tuple[int, float])
        return taken, max(0.0, locked - found[1])


def _key(digits: str, made: PinHash) -> bytes:
    n = 2 ** made.log_n
    return hashlib.scrypt(digits.encode(), salt=made.salt, n=n, r=made.r, p=made.p, dklen=32,
                          maxmem=2 * 128 * made.r * (n + made.p))
