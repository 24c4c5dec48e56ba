"""Whatever is walked is a valid answer: of generated schemas, and of the shipped catalogues."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from iotcall.catalogue import Catalogue, catalogue_from_json, load_catalogue
from iotcall.errors import InputError
from iotcall.formats import FORMATS
from tests.catalogue.schemas import OBJECTS
from tests.grammar.conftest import KINDS, Grammar, grammar_of
from tests.workshop import BUSY

GRAMMARS = Path(__file__).parents[2] / "grammars"
SHIPPED = ("banking", "massive_iot", "shell", "smart_home")
EVERY = [(name, format, kind) for name in SHIPPED for format in FORMATS for kind in KINDS]
every_case = pytest.mark.parametrize(("format", "kind"), [
    (format, kind) for format in FORMATS for kind in KINDS])
_CLOSED = jsonschema.Draft202012Validator.FORMAT_CHECKER


@lru_cache(maxsize=8)
def shipped(name: str, format: str, kind: str) -> Grammar:
    return grammar_of(format, kind, load_catalogue(GRAMMARS / name))


@lru_cache(maxsize=512)
def validator(schema: str) -> jsonschema.Draft202012Validator:
    parsed = json.loads(schema)
    jsonschema.Draft202012Validator.check_schema(parsed)
    return jsonschema.Draft202012Validator(parsed, format_checker=_CLOSED)


def walk_and_check(grammar: Grammar, random: np.random.Generator) -> None:
    """One random walk: decoded, parsed, checked twice, written again."""
    tokens = grammar.walk.sample(random)
    assert grammar.walk.accepts(tokens)
    text = grammar.tokenizer.decode(tokens[:-1], skip_special_tokens=False)
    calls = grammar.format.parse(text, grammar.catalogue)
    assert len(calls) <= grammar.catalogue.max_calls
    assert calls or grammar.catalogue.may_decline
    for call in calls:
        grammar.catalogue.check(call)
        schema = grammar.catalogue.tool(call.name).declaration["function"].get("parameters", {})
        validator(json.dumps(schema)).validate(call.arguments)
    if calls:
        assert grammar.format.render(calls, grammar.catalogue) == text


@pytest.mark.parametrize(("name", "format", "kind"), EVERY)
def test_every_walk_of_a_shipped_catalogue_is_a_valid_answer(
    name: str, format: str, kind: str
) -> None:
    random = np.random.default_rng(3)
    for _ in range(15):
        walk_and_check(shipped(name, format, kind), random)


@every_case
def test_every_walk_of_several_calls_or_none_is_a_valid_answer(format: str, kind: str) -> None:
    random = np.random.default_rng(4)
    grammar = grammar_of(format, kind, BUSY)
    counts = set()
    for _ in range(60):
        walk_and_check(grammar, random)
        counts.add(len(grammar.read(grammar.walk.sample(random))))
    assert counts == {0, 1, 2, 3}


@every_case
@given(OBJECTS)
@settings(max_examples=8, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_every_walk_of_a_generated_schema_is_a_valid_call(
    format: str, kind: str, schema: dict[str, Any]
) -> None:
    try:
        grammar = _of_schema(format, kind, schema)
    except InputError:
        return  # refused, such as a bound that no text of this format can have
    random = np.random.default_rng(5)
    for _ in range(8):
        walk_and_check(grammar, random)


def _of_schema(format: str, kind: str, schema: dict[str, Any]) -> Grammar:
    catalogue: Catalogue = catalogue_from_json([{"name": "f", "parameters": schema}], "x")
    return grammar_of(format, kind, catalogue)


@pytest.mark.slow
def test_a_million_walks_are_valid_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """As many as IOTCALL_WALKS says, over all shipped catalogues, formats and tokenizers."""
    total = int(os.environ.get("IOTCALL_WALKS", "1000000"))
    each = -(-total // len(EVERY))
    for index, (name, format, kind) in enumerate(EVERY):
        grammar, random = shipped(name, format, kind), np.random.default_rng(index)
        for _ in range(each):
            walk_and_check(grammar, random)
        with capsys.disabled():
            print(f"\n{name} {format} {kind}: {(index + 1) * each:,} of {each * len(EVERY):,}",
                  end="", flush=True)
