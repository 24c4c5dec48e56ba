"""What a sentence says of numbers, piece by piece. Leaves out: how pieces in a row are read."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from iotcall.speech.cardinals import Cardinal, cardinal, decimals
from iotcall.speech.tokens import (
    CENTS,
    HOMOPHONES,
    MINUS,
    MONEY,
    OH,
    ONES,
    ORDINALS,
    SCALES,
    SMALL,
    TENS,
    Token,
    joined_word,
    plain,
    word,
)

_DOUBLES = {"double": 2, "triple": 3}
_MONTHS = frozenset({"january", "february", "march", "april", "may", "june", "july", "august",
                     "september", "october", "november", "december"})
_ENDINGS = frozenset({"st", "nd", "rd", "th"})
_NO_POINT_AFTER = frozenset({"this", "that", "the", "some", "which", "what", "a", "at", "any"})
_ONE_UNIT = (MONEY | CENTS | {"degree", "percent"}) - {"quid"}
_LARGE = {"m": 10**6, "mm": 10**6, "mil": 10**6, "bn": 10**9, "b": 10**9}


class Kind(enum.Enum):
    """What a term may be joined with."""

    DIGIT = "five, 5, double five"
    PAIR = "twelve, forty five"
    NUMERAL = "45, 0412"
    OH = "oh"
    HOMOPHONE = "for"
    WHOLE = "two hundred five, $40"
    OTHER = "minus five, 2.5, fifth"


RUN_KINDS = frozenset({Kind.DIGIT, Kind.PAIR, Kind.NUMERAL, Kind.OH, Kind.HOMOPHONE})
"""Kinds that make up digits said in groups."""


class Term(msgspec.Struct, gc=False):
    """One piece, which says a number if it stands alone (an OH or a HOMOPHONE does not)."""

    value: Decimal
    digits: str
    """As one would type them; "" where the number has a sign or a point."""
    first: int
    stop: int
    """Indices of tokens: from `first`, up to and without `stop`."""
    kind: Kind
    is_sure: bool = True
    """Whether it says this number and not only perhaps."""
    others: tuple[tuple[Decimal, int, int], ...] = ()
    """Value, first and stop of other numbers that it also may be, or that it may be made of."""


def terms(said: Sequence[Token]) -> list[Term]:
    """The terms in order; they do not overlap."""
    found: list[Term] = []
    at = 0
    while at < len(said):
        term = _term(said, at)
        if term is None:
            at += 1
        else:
            found.append(term)
            at = term.stop
    return found


def _term(said: Sequence[Token], at: int) -> Term | None:
    token = said[at]
    if token.value is not None:
        return _large(said, at) or _typed_ordinal(said, at) or _cardinal(said, at)
    if (read := _READERS.get(token.text)) is None:
        return None
    return read(said, at)


def _cardinal(said: Sequence[Token], at: int) -> Term | None:
    found = cardinal(said, at)
    if found is None:
        return None
    value = plain(found.value)
    digits = said[at].digits if found.stop == at + 1 and said[at].digits else (
        f"{value:f}" if found.is_whole and not value.is_signed() else "")
    return Term(value, digits, at, found.stop, _kind(said, at, found, digits),
                is_sure=found.is_scaled or said[at].text not in ("a", "an", "couple"),
                others=found.halves)


def _kind(said: Sequence[Token], at: int, found: Cardinal, digits: str) -> Kind:
    token = said[at]
    if not digits:
        return Kind.OTHER
    is_typed = token.value is not None
    if found.is_scaled or token.has_currency or "," in token.text or not (
            is_typed or token.text in SMALL):
        return Kind.WHOLE
    if len(digits) == 1:
        return Kind.DIGIT
    return Kind.NUMERAL if is_typed else Kind.PAIR


def _a(said: Sequence[Token], at: int) -> Term | None:
    """"a hundred", or the one of "by a degree" and "a buck fifty"."""
    if joined_word(said, at + 1) in _ONE_UNIT:
        return Term(Decimal(1), "1", at, at + 1, Kind.WHOLE, is_sure=False)
    return _cardinal(said, at)


def _minus(said: Sequence[Token], at: int) -> Term | None:
    follows = joined_word(said, at + 1)
    after = _term(said, at + 1) if follows and follows not in MINUS else None
    if after is None or after.kind in (Kind.OH, Kind.HOMOPHONE) or after.value.is_signed():
        return None
    return Term(after.value.copy_negate() if after.value else after.value, "", at, after.stop,
                Kind.OTHER, is_sure=after.is_sure)


def _double(said: Sequence[Token], at: int) -> Term | None:
    """"double seven", "triple oh"."""
    follows = joined_word(said, at + 1)
    digit = "0" if follows in OH else str(ONES[follows]) if follows in ONES else (
        said[at + 1].digits if follows else "")
    if len(digit) != 1:
        return None
    digits = digit * _DOUBLES[said[at].text]
    return Term(Decimal(digits), digits, at, at + 2, Kind.DIGIT)


def _oh(said: Sequence[Token], at: int) -> Term | None:
    point = _point(said, at + 1, at) if joined_word(said, at + 1) == "point" else None
    return point or Term(Decimal(0), "0", at, at + 1, Kind.OH)


def _homophone(said: Sequence[Token], at: int) -> Term | None:
    value = HOMOPHONES[said[at].text]
    return Term(Decimal(value), str(value), at, at + 1, Kind.HOMOPHONE)


def _point(said: Sequence[Token], at: int, first: int | None = None) -> Term | None:
    """"point five", but not "at this point five of them"."""
    if first is None and word(said, at - 1) in _NO_POINT_AFTER:
        return None
    digits, stop = decimals(said, at + 1)
    return Term(plain(Decimal(f"0.{digits}")), "", at if first is None else first, stop,
                Kind.OTHER) if digits else None


def _half(said: Sequence[Token], at: int) -> Term | None:
    """"half a million"; perhaps "half a degree"."""
    has_a = joined_word(said, at + 1) in ("a", "an")
    follows = joined_word(said, at + 1 + has_a)
    if follows in SCALES and follows != "k":
        value = SCALES[follows] // 2
        return Term(Decimal(value), str(value), at, at + 2 + has_a, Kind.WHOLE)
    return Term(Decimal("0.5"), "", at, at + 2, Kind.OTHER, is_sure=False) if (
        has_a and follows) else None


def _ordinal(said: Sequence[Token], at: int) -> Term | None:
    """"the fifth", "June fifth", "fifth of June"."""
    before = word(said, at - 1)
    if before != "the" and before not in _MONTHS and word(said, at + 1) != "of":
        return None
    value = ORDINALS[said[at].text]
    return Term(Decimal(value), str(value), at, at + 1, Kind.OTHER, is_sure=False)


def _tens(said: Sequence[Token], at: int) -> Term | None:
    """"twenty", "twenty one", "twenty first"; "twenty second" may be of a timer."""
    follows = joined_word(said, at + 1)
    unit = ORDINALS.get(follows, 10)
    if unit >= 10:
        return _cardinal(said, at)
    tens = TENS[said[at].text]
    both = Term(Decimal(tens + unit), str(tens + unit), at, at + 2, Kind.OTHER)
    if follows == "second" and word(said, at - 1) != "the":
        return Term(Decimal(tens), str(tens), at, at + 1, Kind.OTHER,
                    others=((both.value, at, both.stop),))
    if follows == "second":
        both.others = ((Decimal(tens), at, at + 1),)
    return both


def _typed_ordinal(said: Sequence[Token], at: int) -> Term | None:
    """"5th", "21st"."""
    token = said[at]
    if not token.digits or word(said, at + 1) not in _ENDINGS or said[at + 1].gap:
        return None
    return Term(Decimal(token.digits), token.digits, at, at + 2, Kind.OTHER)


def _large(said: Sequence[Token], at: int) -> Term | None:
    """"$2m", "$1.5bn"."""
    token = said[at]
    scale = _LARGE.get(word(said, at + 1), 0)
    if not (scale and token.has_currency and token.value is not None and not said[at + 1].gap
            and len(token.text) < 12):
        return None
    value = plain(token.value * scale)
    return Term(value, token.digits and f"{value:f}", at, at + 2, Kind.WHOLE if token.digits
                else Kind.OTHER)


_READERS: dict[str, Callable[[Sequence[Token], int], Term | None]] = {
    **dict.fromkeys([*SMALL, *SCALES, "couple"], _cardinal), **dict.fromkeys(TENS, _tens),
    **dict.fromkeys(ORDINALS, _ordinal), **dict.fromkeys(HOMOPHONES, _homophone),
    **dict.fromkeys(OH, _oh), **dict.fromkeys(MINUS, _minus), **dict.fromkeys(_DOUBLES, _double),
    "a": _a, "an": _a, "half": _half, "point": _point,
}
