"""Terms in a row, and what each row can be read as. Leaves out: what money and units add.

"four five six seven" is one number of four digits, "forty five sixty seven" that, two numbers, or
dollars and cents: all are readings, and one of each place is marked as the likely one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from iotcall.speech.terms import RUN_KINDS, Kind, Term
from iotcall.speech.tokens import MONEY, UNITS, Token, plain, word

# "the bedroom one" counts nothing: a bare "one" is a number only beside one of these.
_BEFORE_ONE = frozenset({"to", "at", "by", "about", "around"})
_AFTER_ONE = frozenset({"degree", "degrees", "percent"})
_BEFORE_ONE_PERHAPS = frozenset({"number", "channel", "level", "zone", "scene", "speed", "volume",
                                 "option", "preset"})

# subtle: recognisers write "two" for "to" and "four" for "for". "Pay fifty two Verizon" is that
# where a name goes on, "set it two seventy" where the verb's object came before.
_LIKE_TO = frozenset({"two", "four"})
_BEFORE_TO = frozenset({"it", "that", "this", "them", "up", "down", "back"})
_GOES_ON = UNITS | {
    "a", "about", "again", "also", "an", "and", "are", "at", "but", "by", "cause", "each", "for",
    "from", "got", "has", "have", "i", "if", "in", "instead", "into", "is", "it", "it's", "its",
    "more", "now", "of", "off", "on", "or", "please", "point", "so", "thank", "thanks", "that",
    "then", "through", "to", "today", "too", "tomorrow", "tonight", "until", "was", "with", "f"}

_SINGLE = frozenset({Kind.DIGIT, Kind.OH, Kind.HOMOPHONE})
_PAIRS = frozenset({Kind.PAIR, Kind.NUMERAL})
_LONG = 6
"""Digits of a sum of money in whole units, above which no cents are looked for."""


class Reading(msgspec.Struct, gc=False):
    """A number that some tokens can be read as."""

    value: Decimal
    digits: str
    first: int
    stop: int
    """Indices of tokens: from `first`, up to and without `stop`."""
    is_likely: bool = True
    """Whether it is the one to take where only one may be taken."""


def readings(said: Sequence[Token], found: Sequence[Term]) -> Iterator[Reading]:
    """The readings of all runs, in no order, some of them twice."""
    start = 0
    for at in range(1, len(found) + 1):
        if at == len(found) or not _joins(said, found[at - 1], found[at]):
            yield from _run(said, found[start:at])
            start = at


def _joins(said: Sequence[Token], one: Term, two: Term) -> bool:
    if one.stop != two.first:
        return False
    gap = said[two.first].gap
    if gap == ",":
        return one.kind in _SINGLE and two.kind in _SINGLE
    return gap != "|" and ((one.kind in RUN_KINDS and two.kind in RUN_KINDS)
                           or _is_sum(one, two))


def _run(said: Sequence[Token], run: Sequence[Term]) -> Iterator[Reading]:
    """One maximal run: with its homophones as digits, and what they part."""
    if run[0].kind is Kind.WHOLE and len(run) > 1:
        yield from _parts(run[:1])
        yield _sum(run[0], run[1])  # "two hundred twenty five fifty": 225.50
        run = run[1:]
    if any(term.kind is Kind.HOMOPHONE for term in run):
        yield from _misheard(said, run)
    for piece in _split(run, Kind.HOMOPHONE):
        yield from _piece(said, _without_stray_oh(said, piece))


def _piece(said: Sequence[Token], run: Sequence[Term]) -> Iterator[Reading]:
    """A run without homophones, with commas perhaps: "4, 5, 6, 7" may be one number or four."""
    commas = [at for at in range(1, len(run)) if said[run[at].first].gap == ","]
    if not commas:
        if run:
            yield from _group(said, run)
            if len(run) > 1 and word(said, run[0].first - 1) == "last" and run[0].value == 4:
                yield from _unlikely(_group(said, run[1:]))  # "last four nine one one seven"
            for part in _other_ends(said, run):
                yield from _unlikely(_group(said, part))
        return
    if len(run) > 2:
        yield _joint(run, is_likely=False)
    for start, stop in zip([0, *commas], [*commas, len(run)], strict=True):
        yield from _group(said, _without_stray_oh(said, run[start:stop]))


def _group(said: Sequence[Token], run: Sequence[Term]) -> Iterator[Reading]:
    """A run of terms with nothing but spaces and hyphens between them."""
    if len(run) < 2:
        if run and _is_bare_one(said, run[0]):
            yield from _one(said, run)
        elif run:
            yield from _parts(run)
        return
    kinds = [term.kind for term in run]
    if len(run) == 2:
        yield from _two(said, *run)
    elif Kind.NUMERAL in kinds:
        yield _joint(run, is_likely=any(term.digits == "000" for term in run[1:]))
        yield from _numerals_apart(run)
    else:
        is_list = len(run) == 3 and all(kind is Kind.PAIR for kind in kinds)
        yield _joint(run, is_likely=not is_list)
        if is_list:
            yield from _parts(run)
        yield from _with_cents(said, run)


def _two(said: Sequence[Token], one: Term, two: Term) -> Iterator[Reading]:
    """"two fifty" is one number in the first place, "25 50" and "twenty fifty" are two."""
    is_range = said[two.first].gap == "-" and bool(said[two.first].digits)
    is_whole = one.kind is Kind.DIGIT and two.kind in (Kind.DIGIT, Kind.PAIR)
    if is_range and min(len(one.digits), len(two.digits)) == 1:
        yield from _parts((one, two))  # "3-5", "8-10": hardly one number
        return
    yield _joint((one, two), is_likely=is_whole or two.digits == "000")
    if not is_whole:
        yield from _parts((one,) if two.digits == "000" else (one, two))  # "10 000"
    elif two.kind is Kind.PAIR and word(said, two.stop) in UNITS - MONEY:
        yield from _unlikely(_parts((two,)))  # "lamp two fifty percent"
    if _is_sum(one, two) and not is_range:
        yield _sum(one, two)


def _with_cents(said: Sequence[Token], run: Sequence[Term]) -> Iterator[Reading]:
    """"two ninety nine fifty" is 299.50, "twelve oh five" 12.05; what follows a card's digits."""
    if len(run) == 3 and run[2].kind is Kind.PAIR and run[0].kind is Kind.DIGIT and (
            run[1].kind is Kind.PAIR):
        yield _sum(_term_of(run[:2]), run[2])
    elif len(run) == 3 and run[0].kind is Kind.PAIR and run[1].kind is Kind.OH:
        yield _sum(run[0], _term_of(run[1:]))
    elif len(run) > 4 and run[-1].kind is Kind.PAIR and word(said, run[-1].stop) in UNITS:
        # "four four four four two fifty dollars"
        yield _joint(run[:-1], is_likely=False)
        yield from _unlikely(_parts(run[-1:]))
        if run[-2].kind is Kind.DIGIT:
            yield _joint(run[:-2], is_likely=False)
            yield _joint(run[-2:], is_likely=False)
            yield _sum(*run[-2:])


def _numerals_apart(run: Sequence[Term]) -> Iterator[Reading]:
    """"4444 250" as typed, and what is said beside: "five five five 0123"."""
    start = 0
    for at in range(len(run) + 1):
        if at == len(run) or run[at].kind is Kind.NUMERAL:
            if at - start > 1:
                yield _joint(run[start:at])
            if at < len(run) and (at == 0 or run[at].digits != "000"):  # "1 000 000"
                yield from _parts(run[at:at + 1])
            start = at + 1


def _misheard(said: Sequence[Token], run: Sequence[Term]) -> Iterator[Reading]:
    """"for five six seven" -> 4567, where enough digits stand beside the homophones.

    subtle: at an end, "for" and "to" are rather words: they count only where four digits come out,
    and where nothing but homophones is said, only as four.
    """
    start = 0
    for at in range(len(run) + 1):
        if at < len(run) and run[at].kind in _SINGLE:
            continue
        part = run[start:at]
        start = at + 1
        if len(part) == 4 == sum(len(term.digits) for term in part):
            yield _joint(part, is_likely=False)  # "for for too ate": the end of a card's number
        sure = sum(len(term.digits) for term in part if term.kind is not Kind.HOMOPHONE)
        if sure != 3 or _count_leading(part) > 1:
            part = part[_count_leading(part):]
        is_last = bool(part) and (part[-1].stop == len(said) or said[part[-1].stop].gap in ",|")
        if sure != 3 or not is_last:
            part = part[:len(part) - _count_leading(part[::-1])]
        if sure > 2 and any(term.kind is Kind.HOMOPHONE for term in part):
            yield _joint(part, is_likely=False)


def _count_leading(run: Sequence[Term]) -> int:
    return next((at for at, term in enumerate(run) if term.kind is not Kind.HOMOPHONE), len(run))


def _other_ends(said: Sequence[Token], run: Sequence[Term]) -> Iterator[Sequence[Term]]:
    """The run without a "two" or "four" at its ends that may be "to" or "for"."""
    if len(run) > 2:
        return
    first, last = run[0], run[-1]
    follows = said[last.stop].text if last.stop < len(said) and said[last.stop].gap == " " else ""
    ends = said[last.stop - 1]
    if follows.isalpha() and follows not in _GOES_ON and ends.text in _LIKE_TO and ends.gap == " ":
        if last.stop - last.first > 1:
            less = last.value - (2 if ends.text == "two" else 4)
            if last.kind is Kind.PAIR or (last.kind is Kind.WHOLE and less < 10**_LONG):
                yield [*run[:-1], Term(less, f"{less:f}", last.first, last.stop - 1, last.kind)]
        elif len(run) == 2:
            yield run[:1]
    before = word(said, first.first - 1)
    if len(run) == 2 and first.kind is Kind.DIGIT and run[1].kind in _PAIRS:
        opening = said[first.first].text
        if (opening in _LIKE_TO and before in _BEFORE_TO) or (
                opening == "one" and word(said, first.first - 2) in ("the", "that", "this")):
            yield run[1:]  # "set it two seventy", "the bedroom one seventy"


def _without_stray_oh(said: Sequence[Token], run: Sequence[Term]) -> Sequence[Term]:
    """Without an "oh" that is none of the digits: "oh, four one two", "seventy two oh no"."""
    if not any(term.kind is Kind.OH for term in run):
        return run
    start, stop = 0, len(run)
    while start < stop and run[start].kind is Kind.OH and (
            stop - start < 3 or said[run[start + 1].first].gap == ","
            or run[start + 1].kind not in _SINGLE or run[start + 2].kind not in _SINGLE):
        start += 1
    sure = sum(term.kind is Kind.DIGIT for term in run)
    while stop > start and run[stop - 1].kind is Kind.OH and (
            sure < 3 and (run[stop - 1].stop < len(said) and said[run[stop - 1].stop].gap == " ")):
        stop -= 1
    return run[start:stop] if any(term.kind is not Kind.OH for term in run) else ()


def _split(run: Sequence[Term], kind: Kind) -> Iterator[Sequence[Term]]:
    start = 0
    for at in range(len(run) + 1):
        if at == len(run) or run[at].kind is kind:
            if at > start:
                yield run[start:at]
            start = at + 1


def _is_bare_one(said: Sequence[Token], term: Term) -> bool:
    return said[term.first].text == "one" and term.kind is Kind.DIGIT and len(said) > 1


def _one(said: Sequence[Token], run: Sequence[Term]) -> Iterator[Reading]:
    before, after = word(said, run[0].first - 1), word(said, run[0].stop)
    if before in _BEFORE_ONE or after in _AFTER_ONE:
        yield from _parts(run)
    elif before in _BEFORE_ONE_PERHAPS or after in UNITS:
        yield from _unlikely(_parts(run))


def _is_sum(one: Term, two: Term) -> bool:
    """Whether the two may be whole money and its hundredths: "two fifty", "twenty five fifty"."""
    return (two.kind in _PAIRS and len(two.digits) == 2 and two.digits[0] != "0"
            and one.kind in (Kind.DIGIT, Kind.PAIR, Kind.NUMERAL, Kind.WHOLE)
            and len(one.digits) <= _LONG)


def _sum(one: Term, two: Term) -> Reading:
    return Reading(plain(one.value + two.value / 100), "", one.first, two.stop, is_likely=False)


def _term_of(run: Sequence[Term]) -> Term:
    joint = _joint(run)
    return Term(joint.value, joint.digits, joint.first, joint.stop, Kind.NUMERAL)


def _joint(run: Sequence[Term], is_likely: bool = True) -> Reading:
    digits = "".join(term.digits for term in run)
    return Reading(Decimal(digits), digits, run[0].first, run[-1].stop, is_likely)


def _parts(run: Sequence[Term]) -> Iterator[Reading]:
    for term in run:
        yield Reading(term.value, term.digits, term.first, term.stop, term.is_sure)
        for value, first, stop in term.others:
            yield Reading(value, f"{value:f}" if value == value.to_integral_value() else "", first,
                          stop, is_likely=False)


def _unlikely(found: Iterator[Reading]) -> Iterator[Reading]:
    for reading in found:
        reading.is_likely = False
        yield reading
