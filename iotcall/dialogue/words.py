"""Compare what was said with lists of words. Leaves out: grammar; the student does that.

Case, punctuation and the shape of apostrophes never matter.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from iotcall.speech.typos import right

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def words(text: str) -> tuple[str, ...]:
    """The words of a text: "Yes, I'm sure!" -> ("yes", "i'm", "sure")."""
    return tuple(_WORD.findall(text.casefold().replace("\u2019", "'")))


def without(said: tuple[str, ...], phrases: Iterable[str]) -> tuple[str, ...]:
    """What is left of the words when all phrases are taken out, longest first."""
    listed = sorted((words(phrase) for phrase in phrases), key=len, reverse=True)
    left: list[str] = []
    at = 0
    while at < len(said):
        taken = next((len(phrase) for phrase in listed
                      if phrase and said[at:at + len(phrase)] == phrase), 0)
        if not taken:
            left.append(said[at])
        at += taken or 1
    return tuple(left)


def is_only(said: tuple[str, ...], phrases: Iterable[str], beside: Iterable[str]) -> bool:
    """Whether the words are one of the phrases or several, and nothing but `beside` else."""
    left = without(said, [*phrases, *beside])
    return not left and bool(without(said, beside))


def is_said_twice(said: tuple[str, ...], phrases: Collection[str], beside: Collection[str]) -> bool:
    """Whether one of the phrases is said again and again, a letter of it lost, struck twice or
    swapped with the next: "yes es". No other letter may come in: "yup nup" is none."""
    again = {slip for phrase in phrases if phrase in said for at in range(len(phrase))
             for slip in (phrase[:at] + phrase[at + 1:], phrase[:at + 1] + phrase[at:],
                          phrase[:at] + phrase[at + 1:at + 2] + phrase[at] + phrase[at + 2:])
             if len(slip) > 1}
    return bool(again) and all(
        word in phrases or word in beside or word in again for word in said)


def has_any(said: tuple[str, ...], phrases: Iterable[str]) -> bool:
    """Whether one of the phrases is among the words, as whole words in a row."""
    return without(said, phrases) != said


def meant(said: tuple[str, ...], slips: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The words, slips of the finger spelt right, joined ones apart and cut ones joined
    (`Decoding.slips`)."""
    return words(right(" ".join(said), slips))
