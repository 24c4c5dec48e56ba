"""The same language, spelt out as one expression, in Outlines' own machinery: an oracle.

Its automata keep every way of splitting a text into tokens, ours the tokenizer's own; the texts
are the same.
"""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np
import pytest
from outlines_core import Guide, Index
from outlines_core import Vocabulary as OutlinesVocabulary

from iotcall.catalogue import load_catalogue
from iotcall.formats import FORMATS, MARKER_BASE, SpeltOut
from iotcall.grammar.vocabulary import Vocabulary
from tests.grammar.conftest import KINDS, Grammar, grammar_of
from tests.lamp import FOLDER as LAMP
from tests.workshop import BUSY, WORKSHOP

CATALOGUES = {"busy": BUSY, "lamp": load_catalogue(LAMP)}
EVERY = [(name, format, kind) for name in CATALOGUES for format in FORMATS for kind in KINDS]


@lru_cache(maxsize=4)
def both(name: str, format: str, kind: str) -> tuple[Grammar, Index]:
    """Our grammar, and Outlines' index of the whole language over the whole vocabulary."""
    grammar = grammar_of(format, kind, CATALOGUES[name])
    end = grammar.format.pieces(grammar.catalogue).end
    markers = grammar.format.markers
    ids: dict[bytes, list[int]] = {}
    for id, text in Vocabulary(grammar.tokenizer).all_bytes().items():
        ids.setdefault(text, []).append(id)
    for index, marker in enumerate(markers):
        ids[chr(MARKER_BASE + index).encode()] = [grammar.tokenizer.token_to_id(marker)]
    regex = grammar.format.pattern(grammar.catalogue, SpeltOut()) + chr(
        MARKER_BASE + markers.index(end))
    eos = max(grammar.tokenizer.get_vocab().values()) + 1
    return grammar, Index(regex, OutlinesVocabulary(eos, ids))


@pytest.mark.parametrize(("name", "format", "kind"), EVERY)
def test_outlines_accepts_our_walks(name: str, format: str, kind: str) -> None:
    grammar, index = both(name, format, kind)
    random = np.random.default_rng(6)
    for _ in range(40):
        guide = Guide(index)
        for token in grammar.walk.sample(random):
            assert token in guide.get_tokens()
            guide.advance(token)
        assert guide.is_finished()


@pytest.mark.parametrize(("name", "format", "kind"), EVERY)
def test_what_outlines_walks_is_valid_and_we_accept_its_own_splitting(
    name: str, format: str, kind: str
) -> None:
    grammar, index = both(name, format, kind)
    random = np.random.default_rng(7)
    end = grammar.format.pieces(grammar.catalogue).end
    for _ in range(25):
        guide, tokens = Guide(index), []
        while not guide.is_finished():
            allowed = guide.get_tokens()
            tokens.append(int(allowed[int(random.integers(len(allowed)))]))
            guide.advance(tokens[-1])
        text = grammar.tokenizer.decode(tokens[:-1], skip_special_tokens=False)
        for call in grammar.format.parse(text, grammar.catalogue):
            grammar.catalogue.check(call)
        ours = grammar.speller.spell(text + end)
        assert ours is not None, text
        assert grammar.walk.accepts(ours)


def test_llguidance_takes_the_arguments_that_we_walk() -> None:
    """Where it is installed: a second oracle, on the JSON Schemas themselves."""
    llguidance = pytest.importorskip("llguidance")
    grammar = grammar_of("hermes", "byte-level")
    from llguidance.hf import from_tokenizer  # type: ignore[import-not-found]

    transformers = pytest.importorskip("transformers")
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=grammar.tokenizer,
                                                eos_token="<|im_end|>")
    engine = from_tokenizer(fast)
    random = np.random.default_rng(8)
    for _ in range(40):
        (call,) = grammar.read(grammar.walk.sample(random))
        if call.name in ("glue", "cut"):
            continue  # it knows no dependentRequired, and no negative multiples of a decimal
        schema = WORKSHOP.tool(call.name).declaration["function"]["parameters"]
        matcher = llguidance.LLMatcher(engine, llguidance.LLMatcher.grammar_from_json_schema(
            schema, defaults={"item_separator": ", ", "key_separator": ": "}))
        assert not matcher.get_error()
        text = json.dumps(call.arguments, ensure_ascii=False)
        tokens = grammar.tokenizer.encode(text, add_special_tokens=False).ids
        assert matcher.validate_tokens(tokens) == len(tokens), text
