"""The words of a text, as the spans that a person would copy. Leaves out: what they mean."""

from __future__ import annotations

import re

# Letters with the accents that are written apart from them, digits, and what binds them inside.
_PART = r"(?:[^\W_][\u0300-\u036f]*)+"
# "p. m." keeps its last full stop, as transcripts and labels have it
_MERIDIEM = r"(?<!\w)[aApP]\.\s?[mM]\."
_WORD = re.compile(rf"{_MERIDIEM}|{_PART}(?:['\u2019_\u2010\u2011-]{_PART})*(?:(?<=\d)%)?")


def words(text: str) -> tuple[tuple[int, int], ...]:
    """Start and end of each word: "Mum's to-do" -> ((0, 5), (6, 11)).

    Marks around a word are no part of it; an apostrophe, a hyphen or an underscore inside is, and a
    percent sign behind a number.
    "3.50" is two words, yet one stretch of text: from the start of one to the end of the other.
    """
    return tuple(match.span() for match in _WORD.finditer(text))
