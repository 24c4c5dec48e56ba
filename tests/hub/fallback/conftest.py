from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from iotcall.bundle import Bundle, open_bundle
from iotcall.catalogue import Catalogue, load_catalogue
from iotcall.devices import Home, load_home
from iotcall.formats import FORMATS
from iotcall.grammar.compiler import compile_automaton
from iotcall.hub.fallback import Grounding
from iotcall.runtime.part import Part, Parts
from iotcall.shipped import shipped
from tests.grammar.conftest import KINDS
from tests.hub.fallback.service import Service


def grounding_of(catalogue: Catalogue, format: str = "compact", kind: str = "byte-level",
                 history_turns: int = 4) -> tuple[Grounding, Parts]:
    """Compiled here; no student is needed to check answers."""
    chosen = FORMATS[format]
    tokenizer = KINDS[kind](chosen)

    def part(name: str, catalogue: Catalogue) -> Part:
        pieces = chosen.pieces(catalogue)
        return Part(name, catalogue, chosen, pieces,
                    compile_automaton(catalogue, chosen, pieces, tokenizer), tokenizer, Path())

    parts = Parts(part("", catalogue.router() if catalogue.skills else catalogue),
                  {skill.name: part(skill.name, catalogue.of_skill(skill))
                   for skill in catalogue.skills})
    return Grounding(catalogue, chosen, chosen.pieces(catalogue).end, parts, tokenizer,
                     history_turns=history_turns), parts


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    return open_bundle(shipped("bundles") / "smart_home")


@pytest.fixture(scope="session")
def smart(bundle: Bundle) -> Grounding:
    """Of the shipped bundle."""
    tokenizer = Tokenizer.from_file(str(bundle.tokenizer_path))
    return Grounding.of(bundle, Parts(Part("", bundle.catalogue, bundle.format, bundle.pieces,
                                           bundle.automaton, tokenizer, bundle.folder), {}),
                        tokenizer)


@pytest.fixture(scope="session")
def massive() -> Grounding:
    """Of a catalogue whose values are words that were said."""
    return grounding_of(load_catalogue(shipped("grammars") / "massive_iot"))[0]


@pytest.fixture(scope="session")
def home() -> Home:
    return load_home(shipped("devices") / "homes" / "demo.toml")


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        yield running
