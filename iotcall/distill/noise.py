"""What fingers and recognisers do to words. Leaves out: to which words, and how often (slices).

Its words are not those of `iotcall.evaluate.noise`, on purpose: a student must not be judged by
the very slips that it was taught.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

import msgspec

from iotcall.speech import is_number_word


class Noise(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much of it: shares of sentences; part of a recipe."""

    padded: float = 0.06
    """With a word of politeness in front, and with one behind."""
    slips: float = 0.2
    """With a slip of the finger."""
    misheard: float = 0.14
    """With a word that a recogniser got wrong."""
    again: float = 0.2
    """With a second one, to those of `misheard`."""
    shouted: float = 0.04
    """With a word in capitals, or all of them."""


USUAL = Noise()
BEFORE = ("please", "hey", "ok", "okay", "um", "uh", "so", "alright", "right", "can you",
           "could you", "hey can you", "could you please", "hi", "well", "also", "now", "and")
AFTER = ("please", "now", "thanks", "thank you", "right now", "for me", "okay", "if you can")
FILLERS = ("um", "uh", "er", "like", "you know", "hmm", "well", "so", "ah", "erm", "right",
           "I mean")
_ALIKE = (
    ("to", "two", "too"), ("for", "four"), ("off", "of"), ("write", "right"), ("light", "lite"),
    ("lights", "lice", "likes"), ("close", "clothes"), ("lock", "log", "look"), ("door", "dor"),
    ("on", "own", "and"), ("heat", "heed", "eat"), ("hall", "haul", "hole"), ("turn", "tern"),
    ("blinds", "blinds'", "lines"), ("their", "there"), ("its", "it's"), ("your", "you're"),
    ("by", "buy", "bye"), ("dim", "dimm", "them"), ("fan", "van", "fun"), ("new", "knew"),
    ("need", "knead"), ("see", "sea"), ("here", "hear"), ("know", "no"), ("our", "hour"),
    ("would", "wood"), ("which", "witch"), ("wait", "weight"), ("week", "weak"), ("room", "rum"),
    ("kitchen", "kitchin", "chicken"), ("bedroom", "bed room", "bad room"), ("living", "leaving"),
    ("office", "of is"), ("hallway", "hall way"), ("upstairs", "up stairs"), ("set", "said"),
    ("make", "mike"), ("switch", "which", "swich"), ("scene", "seen"), ("night", "knight"),
    ("movie", "move he"), ("party", "part he"), ("balance", "ballance", "valence"),
    ("account", "a count"), ("savings", "saving's"), ("checking", "check in"), ("card", "cart"),
    ("credit", "credit's", "edit"), ("debit", "debt it", "debut"), ("pin", "pen"), ("pay", "pae"),
    ("bill", "bell"), ("transfer", "trans fur"), ("statement", "state mint"), ("fraud", "broad"),
    ("cancel", "can sell"), ("file", "fail", "vile"), ("folder", "fold her"), ("copy", "coffee"),
    ("delete", "the lead"), ("move", "moo"), ("list", "lest"), ("show", "sho"), ("find", "fined"),
    ("brew", "brue"), ("vacuum", "vacume", "back room"), ("plug", "plugged"), ("red", "read"),
    ("blue", "blew"), ("bright", "brite"), ("brighter", "writer"), ("down", "dawn"), ("up", "app"),
    ("open", "opened"), ("garage", "garbage"), ("thermostat", "thermo stat", "thermostats"),
    ("curtains", "certains"), ("volume", "volumes"), ("timer", "time her"), ("minutes", "minute's"),
    ("is", "his"), ("the", "da", "a"), ("a", "uh"), ("are", "our", "r"), ("you", "u"), ("be", "b"),
    ("please", "pleas", "pls"), ("what", "wot"), ("that", "dat"), ("and", "an", "n"),
)
_HEARD = {word: tuple(other for other in group if other != word)
          for group in _ALIKE for word in group[:1]}
_ARTICLES = frozenset({"the", "a", "an"})
_SMALL = frozenset({
    "my", "our", "your", "please", "can", "could", "you", "would", "to", "of",
    "for", "in", "me", "i", "and", "just"})
"""What may get lost. Not "it" and "that", which stand for a thing, nor "is": without it a question
is a wish."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def slip(sentence: str, random: Random) -> str:
    """One slip of the finger, inside a word of letters only, so that numbers stay right."""
    words = sentence.split(" ")
    long = [index for index, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    if not long:
        return sentence
    index = random.choice(long)
    word = words[index]
    place = random.randrange(1, len(word) - 1)
    words[index] = random.choice((
        word[:place] + word[place + 1:],
        word[:place] + word[place] + word[place:],
        word[:place] + word[place + 1] + word[place] + word[place + 2:],
        word[:place] + random.choice(_LETTERS) + word[place + 1:],
    ))
    return " ".join(words)


def shout(text: str, random: Random) -> str:
    """One word in capitals."""
    words = text.split(" ")
    at = random.randrange(len(words))
    words[at] = words[at].upper()
    return " ".join(words)


def mishear(text: str, random: Random) -> str:
    """What a bad recogniser makes of it: a word that sounds alike, a small one lost, one cut in two
    or joined with the next, said twice, a filler between, or letters lost where it began to listen
    late or stopped early. Spaces at both ends stay."""
    words = text.split(" ")
    filled = [index for index, word in enumerate(words)
              if word.strip(",.!?") and not _is_number(word)]
    if filled:
        random.choices(list(_HABITS), list(_HABITS.values()))[0](words, filled, random)
    return " ".join(words)


def _hear_alike(words: list[str], filled: list[int], random: Random) -> None:
    alike = [each for each in filled if _bare(words[each]) in _HEARD
             and not any(map(_is_number, words[each + 1:each + 2]))]  # "to sixty"
    if alike:
        index = random.choice(alike)
        words[index] = random.choice(_HEARD[_bare(words[index])])


def _lose_article(words: list[str], filled: list[int], random: Random) -> None:
    """Not where it is all that was said."""
    lost = [each for each in filled if words[each].casefold() in _ARTICLES]
    if lost and len(words) > 1:
        del words[random.choice(lost)]


def _lose_small(words: list[str], filled: list[int], random: Random) -> None:
    lost = [each for each in filled if words[each].casefold() in _SMALL]
    if lost and len(filled) > 2:
        del words[random.choice(lost)]


def _cut(words: list[str], filled: list[int], random: Random) -> None:
    index = random.choice(filled)
    word = words[index]
    if len(word) > 5 and word.isalpha():
        place = random.randrange(2, len(word) - 2)
        words[index] = f"{word[:place]} {word[place:]}"


def _join(words: list[str], filled: list[int], random: Random) -> None:
    index = random.choice(filled)
    if index + 1 < len(words) and words[index].isalpha() and words[index + 1].isalpha() and (
            not _is_number(words[index + 1])):
        words[index:index + 2] = [words[index] + words[index + 1]]


def _hesitate(words: list[str], filled: list[int], random: Random) -> None:
    index = random.choice(filled)
    words[index] = random.choice((
        f"{words[index]} {random.choice((_bare(words[index]), *FILLERS))}",
        f"{random.choice(FILLERS)} {words[index]}"))


def _clip(words: list[str], filled: list[int], random: Random) -> None:
    index = random.choice((filled[0], filled[-1]))
    if len(words[index]) > 5 and words[index].isalpha():
        lost = random.choice((1, 1, 2))
        words[index] = words[index][lost:] if index == filled[0] else words[index][:-lost]


def _bare(word: str) -> str:
    return word.strip(",.!?").casefold()


_HABITS: dict[Callable[[list[str], list[int], Random], None], int] = {
    _hear_alike: 3, _lose_article: 3, _lose_small: 1, _hesitate: 3, _cut: 1, _join: 1, _clip: 1}
"""Habit of a recogniser -> weight. Each changes a sentence's words in place; `filled`: places of
words that are no numbers."""


def _is_number(word: str) -> bool:
    return any(sign.isdigit() for sign in word) or any(
        map(is_number_word, re.findall(r"[a-z]+", word.casefold())))
