"""Chat templates that write today's date: the one that a bundle keeps. Leaves out: rendering them.

A prefix state that is shipped with a bundle is of one day, and an export gives the same bytes on
every day, so the date is fixed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from tokenizers import Tokenizer

from iotcall.errors import ExportError

EPOCH = "SOURCE_DATE_EPOCH"
"""Environment variable of reproducible builds: seconds since 1970 that stand for now."""
FIXED = datetime(2025, 1, 1, tzinfo=UTC)
"""Now, where the environment does not say."""
OTHERS = (datetime(2018, 7, 9, 4, 5, 6, tzinfo=UTC), datetime(2031, 10, 25, 13, 37, 51, tzinfo=UTC))
"""They differ in year, month, day, weekday, hour, minute and second, so that whatever a template
writes of a date is not the bundle's on one of them."""


class DatedPrefix(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt's fixed beginning that holds a date."""

    date: str
    """That the bundle keeps, e.g. ``2025-01-01``."""
    tokens: int
    """Of the prefix."""
    again: int
    """Of these, from the date on: what another date changes or comes after it."""

    @property
    def note(self) -> str:
        """For people."""
        return (f"the chat template writes today's date into the prompt's beginning; the bundle "
                f"keeps {self.date} ({EPOCH} chooses another): one that followed the calendar "
                f"would run {self.again} of its {self.tokens} tokens again with each new date")


def bundle_date() -> datetime:
    """What a template is told of the time.

    Raises:
        ExportError: the environment's is no number of seconds.
    """
    given = os.environ.get(EPOCH)
    if not given:
        return FIXED
    try:
        return datetime.fromtimestamp(int(given), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ExportError(f"{EPOCH} is {given!r}; expected whole seconds since 1970, or nothing: "
                          "unset it") from error


def dated_prefix(tokenizer: Tokenizer, prefix: str, otherwise: Sequence[str]) -> DatedPrefix | None:
    """How much of a prefix depends on the date; None where nothing does.

    Args:
        tokenizer: the bundle's.
        prefix: on the bundle's date.
        otherwise: on `OTHERS`, or nothing.
    """
    ids = _ids(tokenizer, prefix)
    kept = min((_common(ids, _ids(tokenizer, text)) for text in otherwise if text != prefix),
               default=None)
    if kept is None:
        return None
    return DatedPrefix(date=bundle_date().date().isoformat(), tokens=len(ids),
                       again=len(ids) - kept)


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    return next((at for at, (x, y) in enumerate(zip(one, other, strict=False)) if x != y),
                min(len(one), len(other)))
