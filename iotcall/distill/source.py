"""Where a catalogue's training dialogues come from. Leaves out: drawing them.

A catalogue's `synthesis/` holds rules of speech (TOML), or hand-written dialogues with marked spans
(`synthesis/said/*.said`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from iotcall.catalogue import Catalogue, load_catalogue
from iotcall.dialogue import read_dialogue
from iotcall.distill.exchange import Exchange
from iotcall.distill.rules import load_around, load_lexicon, load_rules
from iotcall.distill.synthesis import Synthesis
from iotcall.distill.written import Written
from iotcall.evaluate import Dialogue
from iotcall.evaluate.marked import read_marked


class Source(Protocol):
    """A stream of dialogues."""

    def dialogues(self, count: int) -> Iterator[Dialogue]:
        """That many of them."""


def source_of(folder: Path, seed: int) -> Source:
    """The stream of a catalogue's folder; the same seed gives the same one.

    Raises:
        FileError: a file of it cannot be read.
        InputError: the rules leave a tool out.
    """
    catalogue = load_catalogue(folder)
    rules = folder / "synthesis"
    said = sorted((rules / "said").glob("*.said"))
    if said:
        written = [dialogue for path in said for dialogue in read_marked(path, catalogue)]
        return Written(catalogue, written, Exchange(catalogue, written, _nouns(folder, catalogue)),
                       seed)
    return Synthesis(catalogue, load_rules(rules, catalogue), load_lexicon(rules), seed,
                     load_around(rules, catalogue))


def _nouns(folder: Path, catalogue: Catalogue) -> dict[str, tuple[tuple[str, ...],
                                                                  tuple[str, ...]]]:
    """Sort of device -> what one and several are called, by the catalogue's dialogue.toml."""
    path = folder / "dialogue.toml"
    if not path.is_file():
        return {}
    house = read_dialogue(path.read_text(encoding="utf-8"), catalogue, path).house
    return {"/".join((noun.kind, *noun.label)): (noun.one, noun.several)
            for noun in (house.nouns if house else ())}
