"""What stands in the place of personal data: made-up values of the same shape.

Where a range is reserved for examples, fakes are from it: domains (RFC 2606), addresses (RFC 5737,
RFC 3849, RFC 7042), telephone numbers (the North American 555-0100 to 555-0199); IBANs have check
digits that no real one has (ISO 13616), card numbers a wrong one (ISO/IEC 7812-1). Fakes are drawn
from a seed and the row's place, never from the value: nothing leads back. Leaves out: which values
are replaced (see detect) and that one value is replaced alike everywhere (see redact).
"""

from __future__ import annotations

import string
from random import Random

from stdnum import luhn

NAMES = ("Alva", "Benno", "Cleo", "Dario", "Edda", "Falk", "Gitta", "Hugo", "Ines", "Jorin", "Kaja",
         "Lenz", "Mila", "Nuri", "Orla", "Pelle", "Quinn", "Runa", "Sami", "Tilda", "Ugo", "Vera",
         "Wim", "Xenia", "Yara", "Zeno")
_SPOKEN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SYLLABLES = tuple(head + tail for head in "bdfgklmnprstvz" for tail in "aeiou")
_TRIES = 50


def fake_digits(kind: str, digits: str, random: Random) -> str:
    """As many other digits; a first digit that is not zero stays such."""
    made = digits
    for _ in range(_TRIES):
        made = _drawn(kind, digits, random)
        if made != digits and not (kind == "card" and luhn.is_valid(made)):
            break
    return made


def _drawn(kind: str, digits: str, random: Random) -> str:
    first = "0" if digits.startswith("0") else random.choice("123456789")
    made = first + "".join(random.choices(string.digits, k=len(digits) - 1))
    if kind == "phone" and len(made) >= 7:
        made = f"{made[:-7]}55501{random.randrange(100):02d}"
    return made


def in_place_of(text: str, kind: str, fake: str) -> str:
    """A fake that is more than digits, written as the text is: in groups, or as it is spoken."""
    if kind == "email" and "@" not in text:
        return fake.replace(".", " dot ").replace("@", " at ")
    if kind == "iban":
        chars = iter(fake)
        return "".join(next(chars, "") if char.isalnum() else char for char in text)
    return fake


def in_shape(text: str, digits: str) -> str:
    """The digits written as the text writes its own: "4-4", "four four", "forty four" too."""
    places = [at for at, char in enumerate(text) if char.isdecimal()]
    if len(places) == len(digits):
        chars = list(text)
        for at, digit in zip(places, digits, strict=True):
            chars[at] = digit
        return "".join(chars)
    if places:  # "4 4 double 5": typed for the most part
        return " ".join(digits)
    return " ".join(_SPOKEN[int(digit)] for digit in digits)


def fake_text(kind: str, text: str, random: Random) -> str:
    """Another value of the kind, which is more than digits; an IBAN without spaces."""
    match kind:
        case "email":
            return f"{_word(random, 2)}.{_word(random, 2)}@example.com"
        case "credentials":
            return f"{_word(random, 2)}:{_word(random, 3)}" if ":" in text else _word(random, 4)
        case "ip":
            return (f"2001:db8::{random.randrange(1, 0xffff):x}" if ":" in text
                    else f"192.0.2.{random.randrange(1, 255)}")
        case "mac":
            between = text[2]
            return between.join(["00", "00", "5E", "00", "53", f"{random.randrange(256):02X}"])
        case "iban":
            return f"{text[:2]}00{''.join(_alike(char, random) for char in text[4:])}"
        case "name":
            return random.choice(NAMES)
        case _:
            tail = sum(char.isdecimal() for char in text)
            return _word(random, 3) + "".join(random.choices(string.digits, k=tail))


def _alike(char: str, random: Random) -> str:
    if char.isdecimal():
        return random.choice(string.digits)
    if char.isalpha():
        return random.choice(string.ascii_uppercase if char.isupper() else string.ascii_lowercase)
    return char


def _word(random: Random, syllables: int) -> str:
    return "".join(random.choices(_SYLLABLES, k=syllables))
