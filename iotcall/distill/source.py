"""Where a catalogue's training dialogues come from. Leaves out: drawing them.

A catalogue's `synthesis/` holds hand-written dialogues with marked spans (`said/*.said`), rules of
speech (TOML), or both; a recipe says how much of each, and which public files stand beside.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Protocol

from iotcall.catalogue import Catalogue, load_catalogue
from iotcall.dialogue import read_dialogue
from iotcall.distill.exchange import Exchange, ExchangeRules
from iotcall.distill.house_names import Nouns
from iotcall.distill.noise import USUAL, Noise
from iotcall.distill.public import (
    WithPublic,
    off_topic_call,
    off_topic_rules,
    ordinary_talk,
    public_dialogues,
)
from iotcall.distill.recipe import Mixture
from iotcall.distill.rules import load_around, load_lexicon, load_rules
from iotcall.distill.synthesis import Synthesis
from iotcall.distill.written import Written
from iotcall.errors import FileError, InputError
from iotcall.evaluate import Dialogue
from iotcall.evaluate.marked import read_marked
from iotcall.settings import read_toml

_OWN_ONLY = Mixture()


class Source(Protocol):
    """A stream of dialogues."""

    def dialogues(self, count: int) -> Iterator[Dialogue]:
        """That many of them."""


def source_of(folder: Path, seed: int, mixture: Mixture = _OWN_ONLY, *,
              noise: Noise = USUAL, public: Path | None = None) -> Source:
    """The stream of a catalogue's folder; the same seed gives the same one.

    `public` is the folder of public files; it is needed where the mixture names one.

    Raises:
        FileError: a file of it cannot be read.
        InputError: the rules leave a tool out, or public files are not at hand.
    """
    catalogue = load_catalogue(folder)
    own = _own(folder, catalogue, seed, mixture.rules_share, noise)
    if not (mixture.off_topic or mixture.public):
        return own
    if public is None:
        raise InputError("the recipe learns from public files too: name their folder with --public "
                         "(docs/students.md says which there are)")
    talk: list[str] = []
    call = None
    if mixture.off_topic:
        rules = off_topic_rules(folder)
        call = off_topic_call(rules, catalogue)
        talk = ordinary_talk(public / mixture.off_topic, rules, "learn")
    return WithPublic(
        _endless(own), seed, call=call, talk=talk, talk_share=mixture.off_topic_share,
        public=public_dialogues(public, mixture.public, catalogue),
        public_share=mixture.public_share, noise=noise)


def _own(folder: Path, catalogue: Catalogue, seed: int, rules_share: float,
         noise: Noise) -> Source:
    rules = folder / "synthesis"
    said = sorted((rules / "said").glob("*.said"))
    written: Written | None = None
    if said:
        dialogues = [dialogue for path in said for dialogue in read_marked(path, catalogue)]
        if not dialogues:
            raise FileError(rules / "said", "holds no dialogue; expected lines in its files such "
                                            "as 'lights on | turn state=on' (docs/students.md)")
        exchange = Exchange(catalogue, dialogues, _nouns(folder, catalogue), _rules(rules))
        written = Written(catalogue, dialogues, exchange, seed, noise)
        if not rules_share:
            return written
    spoken = Synthesis(catalogue, load_rules(rules, catalogue), load_lexicon(rules), seed,
                       load_around(rules, catalogue), noise)
    return _Both(written, spoken, rules_share, seed) if written else spoken


class _Both:
    """Two streams, mixed."""

    def __init__(self, first: Source, second: Source, second_share: float, seed: int) -> None:
        self._first, self._second = _endless(first), _endless(second)
        self._share, self._random = second_share, Random(f"both {seed}")

    def dialogues(self, count: int) -> Iterator[Dialogue]:
        for _ in range(count):
            yield next(self._second if self._random.random() < self._share else self._first)


def _endless(source: Source) -> Iterator[Dialogue]:
    while True:
        yield from source.dialogues(1000)


def _rules(synthesis: Path) -> ExchangeRules:
    path = synthesis / "exchange.toml"
    return read_toml(path, ExchangeRules) if path.is_file() else ExchangeRules()


def _nouns(folder: Path, catalogue: Catalogue) -> Nouns:
    """Sort of device -> what one and several are called, by the catalogue's dialogue.toml."""
    path = folder / "dialogue.toml"
    if not path.is_file():
        return {}
    house = read_dialogue(path.read_text(encoding="utf-8"), catalogue, path).house
    return {"/".join((noun.kind, *noun.label)): (noun.one, noun.several)
            for noun in (house.nouns if house else ())}
