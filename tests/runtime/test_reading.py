"""What the student reads, and what its calls say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from iotcall.catalogue import Catalogue, ToolCall, catalogue_from_json, load_catalogue
from iotcall.runtime.part import Turn
from iotcall.runtime.reading import Reading, read_dialogue
from iotcall.speech import Lexicon, Speller

SPELLER = Speller(Lexicon(usual=("kitchen", "lights", "milk", "bread", "turn", "notes", "off")))
SAID = {"type": "string", "x-grounded": True, "maxLength": 14}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return catalogue_from_json({"tools": [
        {"type": "function", "function": {"name": name, "description": "", "parameters": {
            "type": "object", "properties": properties}}}
        for name, properties in {
            "turn": {"target": SAID, "room": {"enum": ["kitchn", "hall"]}},
            "add": {"items": {"type": "array", "items": SAID, "maxItems": 3}},
            "note": {"text": {"type": "string", "maxLength": 20}},
        }.items()]}, "demo")


def reading(history: Sequence[Turn], utterance: str, catalogue: Catalogue,
            speller: Speller | None = SPELLER) -> Reading:
    return read_dialogue(history, utterance, catalogue, lambda text: " ".join(text.split()),
                         speller)


def test_calls_hold_the_words_that_were_said(catalogue: Catalogue) -> None:
    found = reading((), "trun  off kichen lihgts", catalogue)
    assert found.utterance == "turn off kitchen lights"
    assert found.as_said([ToolCall("turn", {"target": "kitchen lights"})]) == (
        ToolCall("turn", {"target": "kichen lihgts"}),)


def test_and_those_of_earlier_turns(catalogue: Catalogue) -> None:
    before = Turn("kichen lihgts on", (ToolCall("turn", {"target": "kichen lihgts"}),))
    found = reading([before], "and off agian", catalogue)
    assert found.history == (
        Turn("kitchen lights on", (ToolCall("turn", {"target": "kitchen lights"}),)),)
    assert found.as_said([ToolCall("turn", {"target": "kitchen lights"})]) == before.calls


def test_the_newest_words_count(catalogue: Catalogue) -> None:
    before = Turn("kichen lihgts on", ())
    found = reading([before], "kitchne lights off", catalogue)
    assert found.as_said([ToolCall("turn", {"target": "kitchen lights"})])[0].arguments == {
        "target": "kitchne lights"}


def test_what_a_schema_lists_and_what_nobody_must_have_said_stays(catalogue: Catalogue) -> None:
    found = reading((), "kichen off", catalogue)
    calls = (ToolCall("turn", {"room": "kitchn"}), ToolCall("note", {"text": "kitchen"}))
    assert found.as_said(calls) == calls


def test_members_of_lists_go_back_one_by_one(catalogue: Catalogue) -> None:
    found = reading((), "mlik and braed and notes", catalogue)
    assert found.as_said([ToolCall("add", {"items": ["milk", "bread", "notes"]})])[0].arguments == {
        "items": ["mlik", "braed", "notes"]}


def test_a_value_that_would_become_too_long_stays_as_it_was_read(catalogue: Catalogue) -> None:
    found = reading((), "aaa bb kitchhen c", catalogue)
    assert found.as_said([ToolCall("turn", {"target": "aaa bb kitchen"})])[0].arguments == {
        "target": "aaa bb kitchen"}


def test_there_and_back_is_the_same(catalogue: Catalogue) -> None:
    found = reading((), "trun off kichen lihgts", catalogue)
    call = ToolCall("turn", {"target": "kichen lihgts"})
    assert found.as_said(found.as_read([call])) == (call,)


def test_without_a_lexicon_and_without_slips_nothing_changes(catalogue: Catalogue) -> None:
    turns = [Turn("trun off", (ToolCall("turn", {"target": "kichen"}),))]
    plain = reading(turns, "kichen", catalogue, None)
    assert (plain.history, plain.utterance) == (turns, "kichen")
    right = reading((), "turn off kitchen", catalogue)
    call = ToolCall("turn", {"target": "kitchen"})
    assert right.as_said([call]) == right.as_read([call]) == (call,)


def test_the_shipped_catalogues_texts_are_grounded() -> None:
    """Else misspelt names would be read right and never given back."""
    home = load_catalogue(Path("grammars/home"))
    found = reading((), "kichen off", home)
    assert found.as_said([ToolCall("turn", {"state": "off", "target": "kitchen"})])[0].arguments[
        "target"] == "kichen"


def test_slips_are_told_with_what_was_read(catalogue: Catalogue) -> None:
    before = Turn("kichen lihgts on", ())
    assert reading([before], "trun off", catalogue).slips == (
        ("trun", "turn"), ("kichen", "kitchen"), ("lihgts", "lights"))
    assert reading((), "turn off", catalogue).slips == ()
    assert reading([before], "trun off", catalogue, None).slips == ()
