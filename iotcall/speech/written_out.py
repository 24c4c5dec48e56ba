"""Names as they are typed, where they were spelt out aloud: "notes dot t x t" is "notes.txt".

Leaves out: which of several names was meant.
"""

from __future__ import annotations

import itertools
import re

from iotcall.speech.tokens import SMALL
from iotcall.speech.words import words

_SIGNS = {"dot": ".", "underscore": "_", "dash": "-", "hyphen": "-", "minus": "-", "slash": "/"}
_LETTERS = {"em": "m", "dee": "d", "ess": "s", "jay": "j", "pee": "p", "why": "y", "see": "c",
            "tee": "t", "el": "l", "en": "n", "ex": "x", "eff": "f", "gee": "g", "bee": "b",
            "be": "b", "are": "r", "tea": "t", "sea": "c", "pea": "p", "you": "u"}
"""How recognisers write single letters, besides as such."""
_RAW = re.compile(r"(?<!\S)[\"'(]?(~?[./*~_^#$@-][^\s\"']*\w[^\s\"']*)")
"""What begins with a sign, which no word does: "/var/log", ".gitignore", "~/notes", "*.txt"."""
_QUOTED = re.compile(r"(?<!\w)([\"'`])(\S|\S[^\n]*?\S)\1(?!\w)")
"""What stands between marks, with all its signs."""
_LETTER_BY_LETTER = re.compile(r"(?<![\w'])\w(?: \w){2,}(?![\w'])")
_LONGEST = 5
"""Letters that are said one by one."""


def written_out(text: str) -> tuple[str, ...]:
    """What a text may mean besides runs of its own words: names that were spelt out, paths, quotes.

    A name goes on as long as words and signs ("dot", "underscore", "dash", "slash") take turns;
    behind a sign letters may be said one by one. It may begin at any of its words or signs.
    """
    said = [text[start:stop] for start, stop in words(text)]
    found = [quoted for _, quoted in _QUOTED.findall(text)]
    found += [raw.rstrip(".,;:!?)") for raw in _RAW.findall(text)]
    spelt = _LETTER_BY_LETTER.sub(lambda run: run[0].replace(" ", ""), text)
    if spelt != text:
        found += [run.replace(" ", "") for run in _LETTER_BY_LETTER.findall(text)]
        found += _spelt_out([spelt[start:stop] for start, stop in words(spelt)])
    found += _spelt_out(said)
    return tuple(dict.fromkeys(found))


def _spelt_out(said: list[str]) -> list[str]:
    """Names that begin at any word that a sign follows, or at a sign."""
    found: list[str] = []
    for at, (word, after) in enumerate(itertools.pairwise(said)):
        if word.casefold() in _SIGNS:
            found += _names(said, at, "")
        elif after.casefold() in _SIGNS:
            found += _names(said, at + 1, word)
    return found


def _names(said: list[str], at: int, name: str) -> list[str]:
    """All names that begin with `name` and go on with the sign at a place."""
    found: list[str] = []
    while at + 1 < len(said) and (sign := _SIGNS.get(said[at].casefold())):
        letters = _letters(said, at + 1)
        found += [f"{name}{sign}{letters[:count]}" for count in range(2, len(letters) + 1)]
        name = f"{name}{sign}{letters if len(letters) > 1 else said[at + 1]}"
        found.append(name)
        at += 1 + max(len(letters), 1)
    return found


def _letters(said: list[str], at: int) -> str:
    """Letters that are said one by one from a place on, and digits behind the first."""
    letters = ""
    for word in map(str.casefold, said[at:at + _LONGEST]):
        letter = word if len(word) == 1 else _LETTERS.get(word, "")
        if not letter and letters and word in SMALL:
            letter = str(int(SMALL[word]))
        if len(letter) != 1:
            break
        letters += letter
    return letters
