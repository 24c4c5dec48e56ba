"""The words that a student knows, by which a hub spells slips of the finger right.

Leaves out: the spelling (see `iotcall.speech.typos`).

It is made of dialogues such as it learnt from, without the slips that were made there on purpose.
Those of hurried writers are left: a word that neither a dictionary nor the encoder which the
student began with knows is taken for one where it is said less often than a known one of which one
slip makes it, and what writers have used again and again where it is rare beside that one. A plural
is none.
"""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
from spellchecker import SpellChecker
from tokenizers import Tokenizer

from iotcall.distill.recipe import Recipe
from iotcall.distill.source import source_of
from iotcall.distill.training.warm_start import encoder_folder
from iotcall.shipped import find
from iotcall.speech import Lexicon
from iotcall.speech.context import levelled, pairs_of, spoken
from iotcall.speech.slips import one_slip_away

DIALOGUES = 40_000
"""That a lexicon is made of; more make hardly another."""
_WORDS = re.compile(r"[a-z]+")
_RARER = 4
"""Such a word is said so many times less often than the known one."""
_AGAIN = 3
"""Lines in which a word of one writer's stands that was no slip."""
_USUAL, _USUAL_UNKNOWN = 5, 25
"""Times that a usual word was said, at least: one that the encoder knows, and another."""
_USUAL_SHORT = 30
"""Times that a usual word of two letters was said, at least."""
_IN_SUBTITLES = 100
"""Times that a word of the language stands in the dictionary's subtitles, at least: a rarer one is
met as a slip more often."""


def heard(recipe: Recipe, folder: Path, public: Path | None) -> Iterator[str]:
    """What is said in dialogues of a recipe in which nobody slips on purpose: what its student's
    lexicon is best made of.

    Raises:
        FileError: a file of the catalogue's folder cannot be read.
        InputError: see `source_of`.
    """
    quiet = msgspec.structs.replace(recipe.noise, slips=0.0, misheard=0.0, shouted=0.0)
    source = source_of(folder, recipe.seed, recipe.mixture, noise=quiet, public=public)
    for dialogue in source.dialogues(DIALOGUES):
        for turn in dialogue.turns:
            yield turn.utterance


def lexicon_for(recipe: Recipe, texts: Sequence[str]) -> Lexicon:
    """The lexicon of a student that begins with an encoder, of what was said.

    Raises:
        InputError: the encoder is not at hand.
    """
    known = encoder_words(encoder_folder(recipe.warm_start)) | dictionary_words()
    return lexicon_of(texts, known, written_again(find("grammars", recipe.catalogue)))


def packed(lexicon: Lexicon) -> bytes:
    """As a bundle has it: JSON that is packed with gzip; the same lexicon gives the same bytes."""
    return gzip.compress(msgspec.json.encode(lexicon) + b"\n", mtime=0)


def encoder_words(folder: Path) -> frozenset[str]:
    """The whole words of an encoder's vocabulary, in small letters without accents; of those of two
    letters it has nearly all that there could be."""
    vocabulary = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab()
    return frozenset(word for word in vocabulary if _WORDS.fullmatch(word) and len(word) > 2)


def dictionary_words() -> frozenset[str]:
    """The words of English that are not rare, in small letters."""
    counts = SpellChecker(language="en", distance=1).word_frequency.dictionary
    return frozenset(word for word, count in counts.items()
                     if count >= _IN_SUBTITLES and _WORDS.fullmatch(word))


def written_again(folder: Path) -> frozenset[str]:
    """The words, in small letters, that two writers have used, each file of a catalogue's written
    dialogues being another's, or one in several lines: "pls" and "bruh" are words, "radiqtor" is a
    slip."""
    lines: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for path in sorted((folder / "synthesis" / "said").glob("*.said")):
        said = [set(_WORDS.findall(line.lower()))
                for line in path.read_text(encoding="utf-8").splitlines()]
        lines.update(word for line in said for word in line)
        files.update(set().union(*said))
    return frozenset(word for word in lines if lines[word] >= _AGAIN or files[word] > 1)


def lexicon_of(texts: Sequence[str], known: Collection[str], again: Collection[str] = ()
               ) -> Lexicon:
    """The lexicon of what was said.

    Args:
        known: words of the language, in small letters, that are never a slip.
        again: words that writers have used again and again.
    """
    counts = Counter(word for text in texts for word in _WORDS.findall(text.lower()))
    usual: dict[str, int] = {}
    rare: set[str] = set()
    for word, count in counts.items():
        if len(word) < 3:
            if len(word) == 2 and word in known and count >= _USUAL_SHORT:
                usual[word] = count
            continue
        if word not in known and any(
                other in known and not _is_plural(word, other) and counts.get(other, 0) > count * (
                    _RARER if word in again else 1) for other in one_slip_away(word)):
            continue
        if count >= (_USUAL if word in known else _USUAL_UNKNOWN):
            usual[word] = count
        else:
            rare.add(word)
    # of the words that are right as they are, only those matter that might be taken for a slip
    spared = sorted(word for word in {*known, *rare} - usual.keys() if len(word) > 1
                    and any(other in usual for other in one_slip_away(word)))
    return Lexicon(usual=tuple(sorted(usual, key=lambda word: (-usual[word], word))),
                   spared=tuple(spared), pairs=_pairs_of(texts, usual.keys()))


def _pairs_of(texts: Iterable[str], usual: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Neighbours that are usual words, ends, numbers in digits, or words of other signs ("i'm")."""
    counts = Counter(pair for text in texts for pair in pairs_of(
        word for _, _, word in spoken(text)))
    return levelled({pair: count for pair, count in counts.items() if all(
        word in usual or not _WORDS.fullmatch(word) or len(word) == 1 for word in pair)})


def _is_plural(word: str, of: str) -> bool:
    return word == f"{of}s" and not of.endswith("s")
