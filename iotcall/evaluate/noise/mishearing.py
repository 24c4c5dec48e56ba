"""Slips of a recogniser at a stated word error rate. Leaves out: which words may be altered.

Kinds of slips, drawn by weight, on utterances drawn by their number of words:

- *sound-alike*: a word that sounds like it, or whose "s" comes or goes;
- *split*: a compound as two words; *join*: two words as one, a contraction or a compound;
- *filler*: um, uh, like ..., or a function word said twice;
- *dropped*: an article, a courtesy;
- *truncated*: a courtesy lost at the beginning or the end, or one or two letters of the first or
  last word.

Slips go on until the word error rate of all utterances together is reached, so that some utterances
have several and some none. None falls on a negation, makes a word of the catalogue's closed values
or a number out of another word ("to" -> "two"), or drops a word that a call may need; arguments and
their labels are kept as `iotcall.evaluate.noise.rewording` says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import msgspec

from iotcall.catalogue import Catalogue
from iotcall.evaluate.dialogues import Dialogue
from iotcall.evaluate.noise.result import Noisy, noisy, said_words, word_errors
from iotcall.evaluate.noise.rewording import Rewording
from iotcall.evaluate.noise.vocabulary import (
    ARTICLES,
    CONTRACTIONS,
    COURTESIES,
    FILLERS,
    NEGATIONS,
    closed_words,
    is_part,
    known_words,
    sound_alikes,
    split,
)
from iotcall.speech import is_number_word

_TRIES = 60
"""Draws for each word that may become an error, before it is given up."""
_CLIPPED = 6
"""Letters of a word that may lose one or two of them."""


class _Surroundings(msgspec.Struct, frozen=True):
    closed: frozenset[str]
    """Words of the catalogue's closed values."""
    known: frozenset[str]
    """Words of the data and the catalogue."""


def mishear(dialogues: Sequence[Dialogue], catalogue: Catalogue, *, rate: float,
            seed: int = 0) -> Noisy:
    """The dialogues at the word error rate (0..1), or as near to it as their words allow."""
    random = Random(f"{seed} {rate}")
    said = [Rewording(dialogue, catalogue) for dialogue in dialogues]
    places = [(row, turn) for row, dialogue in enumerate(dialogues)
              for turn in range(len(dialogue.turns))]
    spoken = {(row, turn): said_words(dialogues[row].turns[turn].utterance)
              for row, turn in places}
    weights = [len(spoken[place]) for place in places]
    total, errors = sum(weights), dict.fromkeys(places, 0)
    surroundings = _Surroundings(closed_words(catalogue), known_words(dialogues, catalogue))
    kinds = list(_KINDS)
    reached = 0
    for _ in range(_TRIES * int(rate * total + 1) if total else 0):
        if reached >= round(rate * total):
            break
        row, turn = random.choices(places, weights)[0]
        kind = random.choices(kinds, [_KINDS[each] for each in kinds])[0]
        if errors[row, turn] < max(1, len(spoken[row, turn]) // 2) and kind(
                said[row], turn, random, surroundings):
            now = word_errors(spoken[row, turn], said_words(said[row].utterance(turn)))
            reached += now - errors[row, turn]
            errors[row, turn] = now
    return noisy(dialogues, [each.result() for each in said], kind="transcription", asked=rate,
                 seed=seed)


def _misheard(said: Rewording, turn: int, random: Random, around: _Surroundings) -> bool:
    place = random.randrange(len(said.said[turn]))
    word = said.said[turn][place]
    found = sound_alikes(word.casefold(), around.known)
    if not found or not _may_alter(said, turn, place):
        return False
    heard = random.choice(found)
    if heard in around.closed | NEGATIONS or any(map(is_number_word, heard.split())):
        return False
    return said.alter(turn, place, _cased(heard, word), before=said.before[turn][place])


def _split(said: Rewording, turn: int, random: Random, around: _Surroundings) -> bool:
    found = [(place, parts) for place, word in enumerate(said.said[turn])
             if (parts := split(word.casefold())) and _may_alter(said, turn, place)]
    if not found:
        return False
    place, parts = random.choice(found)
    return said.alter(turn, place, _cased(parts, said.said[turn][place]),
                      before=said.before[turn][place])


def _joined(said: Rewording, turn: int, random: Random, around: _Surroundings) -> bool:
    spoken = said.said[turn]
    found = []
    for place in range(len(spoken) - 1):
        one, other = spoken[place].casefold(), spoken[place + 1].casefold()
        if (said.gap(turn, place + 1) != " " or said.before[turn][place + 1]
                or said.is_bound(turn, place, place + 2)):
            continue
        if (one, other) in CONTRACTIONS or (is_part(one) and is_part(other)):
            found.append((place, CONTRACTIONS.get((one, other))))
    if not found:
        return False
    place, contraction = random.choice(found)
    if contraction is None:
        return said.join(turn, place)
    if said.is_argument(turn, place) or said.is_argument(turn, place + 1):
        return False
    return (said.alter(turn, place, _cased(contraction, spoken[place]))
            and said.alter(turn, place + 1, ""))


def _filled(said: Rewording, turn: int, random: Random, around: _Surroundings) -> bool:
    place = random.randrange(len(said.said[turn]))
    word = said.said[turn][place]
    if (not word or said.before[turn][place] or said.is_inside(turn, place)
            or said.gap(turn, place).strip()):
        return False
    again = word.casefold() in ARTICLES | COURTESIES and not said.is_argument(turn, place)
    filler = word.casefold() if again and random.random() < 0.4 else random.choice(FILLERS)
    return said.alter(turn, place, word, before=filler)


def _dropped(said: Rewording, turn: int, random: Random, around: _Surroundings) -> bool:
    found = [place for place, word in enumerate(said.said[turn])
             if _may_drop(said, turn, place)]
    return bool(found) and said.alter(turn, random.choice(found), "")


def _truncated(said: Rewording, turn: int, random: Random, around: _Surroundings) -> bool:
    spoken = said.said[turn]
    left = [place for place, word in enumerate(spoken) if word]
    if len(left) < 2:
        return False
    at_end = random.random() < 0.5
    place = left[-1] if at_end else left[0]
    word = spoken[place]
    if word.casefold() in COURTESIES and _may_drop(said, turn, place):
        return said.alter(turn, place, "")
    if len(word) < _CLIPPED or not word.isalpha() or not _may_alter(said, turn, place):
        return False
    letters = random.choice((1, 1, 2))
    clipped = word[:-letters] if at_end else word[letters:]
    return clipped.casefold() not in around.closed | NEGATIONS and not is_number_word(
        clipped.casefold()) and said.alter(turn, place, clipped, before=said.before[turn][place])


def _may_drop(said: Rewording, turn: int, place: int) -> bool:
    """Whether no call needs a word."""
    word = said.said[turn][place].casefold()
    plain = any(call.arguments for call in said.dialogue.turns[turn].calls)
    return word in (ARTICLES | COURTESIES if plain else ARTICLES) and not said.is_argument(
        turn, place)


def _may_alter(said: Rewording, turn: int, place: int) -> bool:
    """Whether a word is as it was said, and may be heard otherwise."""
    word = said.said[turn][place]
    return (bool(word) and not said.fixed[turn][place] and not said.is_altered(turn, place)
            and word.casefold() not in NEGATIONS)


def _cased(heard: str, word: str) -> str:
    return heard[:1].upper() + heard[1:] if word[:1].isupper() else heard


_Kind = Callable[[Rewording, int, Random, _Surroundings], bool]
_KINDS: dict[_Kind, int] = {_misheard: 40, _split: 8, _joined: 10, _filled: 15, _dropped: 15,
                            _truncated: 12}
"""Kind -> weight."""
