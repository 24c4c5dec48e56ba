"""Sounds that people make while they think: "um", "er", "you know". Leaves out: words that they
repeat or take back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_HESITATION = re.compile(
    r"(?<!\S)(?:u[hm]|uhm|erm?|hm+|"
    r"(?<!\bdo )(?<!\bdid )(?<!\bif )(?<!\blet )(?<!\bas )you know(?! (?:if|wh|how|that\b)))"
    r"(?:,|\.{2,}|\u2026)?(?=\s|$)(?!,? huh\b)\s*", re.IGNORECASE)
"""Words of their own, so that "hm.txt" is none; "uh huh" is a yes, "do you know who" a question."""


def hesitations(text: str) -> Iterator[tuple[int, int]]:
    """Where they begin and end, with the spaces behind them, or before the last; none where nothing
    else was said."""
    found = [match.span() for match in _HESITATION.finditer(text)]
    if found and found[-1][1] == len(text):
        found[-1] = len(text[:found[-1][0]].rstrip()), len(text)
    if sum(end - start for start, end in found) < len(text.rstrip()):
        yield from found
