from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from tokenizers import Tokenizer

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.formats import FORMATS, Format
from iotcall.grammar import Automaton, Binder, Walk
from iotcall.grammar.compiler import compile_automaton
from iotcall.grammar.spelling import Speller
from tests.grammar.tokenizers import byte_fallback, byte_level, single_bytes
from tests.workshop import WORKSHOP

KINDS: dict[str, Callable[[Format], Tokenizer]] = {
    "byte-level": byte_level, "byte-fallback": byte_fallback}


class Grammar(msgspec.Struct, frozen=True):
    """An automaton with all that is needed to write and read its answers."""

    catalogue: Catalogue
    format: Format
    tokenizer: Tokenizer
    automaton: Automaton
    binder: Binder
    speller: Speller
    single_bytes: dict[int, int]
    """Byte -> id of a token that is this byte alone."""

    @property
    def walk(self) -> Walk:
        """The automaton bound to no dialogue and no home."""
        return self.binder.walk()

    def path(self, *calls: ToolCall) -> list[int]:
        """As `encode`, slots' contents split by themselves; nothing where it is no answer."""
        end = self.format.pieces(self.catalogue).end
        return self.speller.spell(self.format.render(calls, self.catalogue) + end) or []

    def encode(self, *calls: ToolCall) -> list[int]:
        """What a student was trained to answer."""
        end = self.format.pieces(self.catalogue).end
        text = self.format.render(calls, self.catalogue) + end
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def read(self, tokens: list[int]) -> tuple[ToolCall, ...]:
        """The calls of a whole answer, its end included, as a hub reads them."""
        text = self.tokenizer.decode(tokens[:-1], skip_special_tokens=False)
        return self.format.parse(text, self.catalogue)

    def spell(self, text: str) -> list[int]:
        """The text byte by byte."""
        return [self.single_bytes[byte] for byte in text.encode()]

    def markers(self) -> dict[int, str]:
        """Id -> special token of an answer."""
        return {self.tokenizer.token_to_id(marker): marker for marker in self.format.markers}


def grammar_of(format: str, kind: str, catalogue: Catalogue = WORKSHOP) -> Grammar:
    chosen = FORMATS[format]
    tokenizer = KINDS[kind](chosen)
    automaton = compile_automaton(catalogue, chosen, chosen.pieces(catalogue), tokenizer)
    return Grammar(catalogue, chosen, tokenizer, automaton, Binder(automaton, tokenizer),
                   Speller(automaton, tokenizer), single_bytes(tokenizer))


@pytest.fixture(scope="session", params=[(format, kind) for format in FORMATS for kind in KINDS],
                ids=" ".join)
def grammar(request: pytest.FixtureRequest) -> Grammar:
    """The workshop in every format with every kind of tokenizer."""
    return grammar_of(*request.param)
