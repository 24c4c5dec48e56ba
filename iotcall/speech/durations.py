"""How long, in words: "an hour and a half", "90 seconds", "1h 20". Leaves out: times of the day.

"A few minutes" and "five to ten minutes" are no durations either: a timer is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from iotcall.speech.tokens import HOMOPHONES
from iotcall.speech.values import LONGEST, fraction, heard, number, quantity

SHORTEST_S = 1.0
LONGEST_S = 7 * 86400.0

_SECOND, _MINUTE, _HOUR, _DAY, _WEEK = 1, 60, 3600, 86400, 604800
_UNITS = {
    **dict.fromkeys(("second", "seconds", "sec", "secs", "s"), _SECOND),
    **dict.fromkeys(("minute", "minutes", "min", "mins", "m"), _MINUTE),
    **dict.fromkeys(("hour", "hours", "hr", "hrs", "h"), _HOUR),
    **dict.fromkeys(("day", "days", "d"), _DAY),
    **dict.fromkeys(("week", "weeks", "wk", "wks"), _WEEK),
}
_ALONE = frozenset({"minute", "hour", "day", "week"})
"""Units that are one of it without a number; a "second" may be an ordinal."""
_WITHIN = {_MINUTE: (_SECOND, 60), _HOUR: (_MINUTE, 60), _DAY: (_HOUR, 24)}
"""Unit -> the one that a number after it counts ("an hour twenty"), and how many make it up."""
_PADDING = frozenset({"more", "longer", "extra", "additional", "whole", "full", "good", "time",
                      "long", "worth"})
_CLOCK = re.compile(r"(?<![\d:.,])([0-9]{1,3}):([0-5][0-9])(?::([0-5][0-9]))?(?![\d:])")
_PLACE = "clock"
"""Stands where digits with colons stood."""


def duration(text: str, *, bare_minutes: bool = False) -> float | None:
    """Seconds, from 1 to those of seven days; None where the text says no such duration.

    With `bare_minutes` a number without a unit counts minutes: "forty five", and "3:30" is three
    and a half.
    """
    if len(text) > LONGEST:
        return None
    clocks = _CLOCK.findall(text)
    if clocks:
        seconds = _of_clock(clocks, _words(_CLOCK.sub(f" {_PLACE} ", text)), bare_minutes)
    else:
        seconds = _of_words(_words(text), bare_minutes)
    if seconds is None or not SHORTEST_S <= seconds <= LONGEST_S:
        return None
    return round(seconds, 3)


def _words(text: str) -> list[str]:
    found = [word.removesuffix("'s") for word in heard(text)]
    if len(found) == 2 and found[0] in HOMOPHONES and found[1] in _UNITS:  # "too minutes"
        found[0] = str(HOMOPHONES[found[0]])
    return [word for word in found if word not in _PADDING]


def _of_clock(clocks: Sequence[tuple[str, str, str]], said: Sequence[str],
              bare_minutes: bool) -> float | None:
    """"3:30 minutes", "1:20 hours", "1:20:00"."""
    if len(clocks) != 1 or said[:1] != [_PLACE] or len(said) > 2:
        return None
    first, second, third = clocks[0]
    unit = _UNITS.get(said[1], 0) if len(said) == 2 else None
    if third:
        return int(first) * 3600 + int(second) * 60 + int(third) if unit in (
            None, _HOUR) else None
    if unit == _HOUR:
        return int(first) * 3600 + int(second) * 60
    if unit == _MINUTE or (unit is None and bare_minutes):
        return int(first) * 60 + int(second)
    return None


def _of_words(said: Sequence[str], bare_minutes: bool) -> float | None:
    """A row of counted units, and what may follow the last of them."""
    if bare_minutes and (value := number(said)) is not None:
        return value * _MINUTE
    total, at, last = 0.0, 0, 0
    seen: set[int] = set()
    while at < len(said):
        start = at + (at > 0 and said[at] == "and")
        stop = next((here for here in range(start, len(said)) if said[here] in _UNITS), len(said))
        if stop == len(said):
            rest = _rest(said[start:], last)
            return None if rest is None else total + rest
        value = quantity(said[start:stop])
        if start == stop == 0 and said[0] in _ALONE:
            value = 1.0
        last = _UNITS[said[stop]]
        if value is None or value < 0 or (last in seen and value >= 1):
            return None
        seen.add(last)
        total += value * last
        at = stop + 1
    return total if seen else None


def _rest(said: Sequence[str], last: int) -> float | None:
    """Seconds of what follows the last unit: "(an hour) and a half", "(an hour) twenty"."""
    if not last:
        return None
    part = fraction(said)
    if part is not None:
        return part * last
    unit, count = _WITHIN.get(last, (0, 0))
    value = number(said)
    return value * unit if value is not None and value in range(1, count) else None
