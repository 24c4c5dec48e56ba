"""Slips of the finger. Leaves out: which words may be altered (see rewording).

A typo falls on a word of four letters or more (of three, where an utterance has no longer one that
may be altered): a letter is left out, doubled, swapped with the next, replaced or followed by one
that lies beside it on a QWERTY keyboard, each as likely. Words with digits are left alone. A slip
that makes another word of the data or its catalogue ("off" -> "of"), or a number ("eighty" ->
"eight"), is drawn again, since its right answer would be another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from iotcall.catalogue import Catalogue
from iotcall.evaluate.dialogues import Dialogue
from iotcall.evaluate.noise.result import Noisy, noisy
from iotcall.evaluate.noise.rewording import Rewording
from iotcall.evaluate.noise.vocabulary import known_words
from iotcall.speech import is_number_word

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_TRIES = 40
"""Draws of one typo."""


def _beside() -> dict[str, str]:
    found: dict[str, str] = {}
    for number, row in enumerate(_ROWS):
        for place, letter in enumerate(row):
            near = row[max(place - 1, 0):place] + row[place + 1:place + 2]
            above = _ROWS[number - 1][place:place + 2] if number else ""
            below = (_ROWS[number + 1][max(place - 1, 0):place + 1]
                     if number + 1 < len(_ROWS) else "")
            found[letter] = near + above + below
    return found


_BESIDE = _beside()


def mistype(dialogues: Sequence[Dialogue], catalogue: Catalogue, *, typos: int = 1,
            seed: int = 0) -> Noisy:
    """The dialogues with so many typos in every utterance that has room for them.

    The same seed gives the same dialogues, in this order, the same typos.
    """
    known = known_words(dialogues, catalogue)
    after = []
    for row, dialogue in enumerate(dialogues):
        said = Rewording(dialogue, catalogue)
        for turn in range(len(dialogue.turns)):
            random = Random(f"{seed} {row} {turn}")
            slipped: set[int] = set()
            for _ in range(typos):
                _slip_once(said, turn, slipped, known, random)
        after.append(said.result())
    return noisy(dialogues, after, kind="typos", asked=typos, seed=seed)


def slip(word: str, random: Random) -> str:
    """One slip in a word of letters; its first letter is as likely as any."""
    place = random.randrange(len(word))
    letter = word[place]
    near = random.choice(_BESIDE.get(letter.casefold(), letter))
    near = near.upper() if letter.isupper() else near
    kind = random.choice(("omit", "double", "swap", "replace", "insert"))
    if kind == "swap":
        place = min(place, len(word) - 2)
        return word[:place] + word[place + 1] + word[place] + word[place + 2:]
    return word[:place] + {"omit": "", "double": 2 * letter, "replace": near,
                           "insert": letter + near}[kind] + word[place + 1:]


def _slip_once(said: Rewording, turn: int, slipped: set[int], known: frozenset[str],
               random: Random) -> None:
    free = [place for place, word in enumerate(said.said[turn])
            if word.isalpha() and not said.fixed[turn][place]]
    long = [place for place in free if len(said.said[turn][place]) > 3]
    choice = long or [place for place in free if len(said.said[turn][place]) == 3]
    choice = [place for place in choice if place not in slipped] or choice
    for _ in range(_TRIES if choice else 0):
        place = random.choice(choice)
        word = said.said[turn][place]
        found = slip(word, random)
        if found != word and found.casefold() not in known and not is_number_word(
                found.casefold()) and said.alter(turn, place, found):
            slipped.add(place)
            return
