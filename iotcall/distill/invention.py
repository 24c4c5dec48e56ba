"""Names that nobody has. Leaves out: where they stand.

A student that has learnt the names by heart copies nothing, so a part of all names is made up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

_LETTERS = "bcdfghjklmnprstvwz"
_VOWELS = "aeiou"
_RUN = re.compile(r"[A-Za-z]{4,}")
_KEPT = frozenset({
    "json", "html", "jpeg", "docx", "xlsx", "pptx", "conf", "yaml", "toml", "from", "with", "that",
    "this", "underscore", "dash", "slash"})
"""Runs of letters that are no name: endings of files and little words."""


def pseudo_word(random: Random) -> str:
    """Two or three syllables."""
    return "".join(random.choice(_LETTERS) + random.choice(_VOWELS)
                   for _ in range(random.randint(2, 3))) + random.choice(("", "n", "s", "l", "k"))


def altered(name: str, pool: Sequence[str], random: Random) -> str:
    """The name with its longer words exchanged for made-up ones or those of other names, its digits
    for others; as long as before in words and signs."""
    def other(found: re.Match[str]) -> str:
        word = found[0]
        if word.casefold() in _KEPT or random.random() < 0.3:
            return word
        made = pseudo_word(random)
        if random.random() < 0.5:
            runs = [run for run in _RUN.findall(random.choice(pool)) if run.casefold() not in _KEPT]
            made = random.choice(runs) if runs else made
        return made.title() if word.istitle() else made.upper() if word.isupper() else made

    name = _RUN.sub(other, name)
    if random.random() < 0.5:
        name = re.sub(r"\d", lambda _: str(random.randrange(10)), name)
    return name
