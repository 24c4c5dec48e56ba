"""Dialogues drawn from hand-written ones: whatever happens to a sentence, its call fits it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from iotcall.catalogue import (
    Boolean,
    Catalogue,
    Enumeration,
    Integer,
    Node,
    Number,
    Text,
    ToolCall,
    load_catalogue,
)
from iotcall.distill.exchange import Exchange, ExchangeRules
from iotcall.distill.noise import Noise
from iotcall.distill.source import source_of
from iotcall.distill.written import Written
from iotcall.evaluate import Dialogue, LabelledTurn, read_dialogues
from iotcall.evaluate.files import normalised
from iotcall.evaluate.marked import read_marked
from iotcall.shipped import shipped
from iotcall.speech import said_numbers, written_out

GRAMMARS = shipped("grammars")
NAMES = sorted(path.name for path in GRAMMARS.iterdir()
               if list((path / "synthesis" / "said").glob("*.said")))
COUNT = 1000
MANY = 4000
"""Dialogues in which everything occurs that a catalogue has."""
SILENT = Noise(padded=0, slips=0, misheard=0)
LONG = 5
"""Words up to which people say the same by chance."""

every_catalogue = pytest.mark.parametrize("name", NAMES)


@cache
def catalogue_of(name: str) -> Catalogue:
    return load_catalogue(GRAMMARS / name)


@cache
def drawn(name: str) -> list[Dialogue]:
    return list(source_of(GRAMMARS / name, 3).dialogues(MANY))


@cache
def nodes_of(name: str) -> dict[tuple[str, str], Node]:
    return {(tool.name, field.name): field.node for tool in catalogue_of(name).tools
            for field in tool.parameters.fields}


def is_grounded(node: Node) -> bool:
    source = getattr(node, "source", None)
    return source is not None and source.kind == "said"


def heard(dialogue: Dialogue) -> Iterator[tuple[LabelledTurn, ToolCall, list[str]]]:
    """Every call with all that was said until then."""
    said: list[str] = []
    for turn in dialogue.turns:
        said.append(turn.utterance)
        for call in turn.calls:
            yield turn, call, list(said)


def test_five_catalogues_have_written_sentences() -> None:
    assert NAMES == ["banking", "home", "massive_iot", "shell", "smart_home"]


@every_catalogue
def test_every_call_fits_the_catalogue(name: str) -> None:
    catalogue = catalogue_of(name)
    for dialogue in drawn(name)[:COUNT]:
        assert dialogue.turns
        for turn in dialogue.turns:
            assert 1 <= len(turn.calls) <= catalogue.max_calls
            assert turn.utterance == turn.utterance.strip()
            assert turn.utterance
            assert not {"[", "]("} & {turn.utterance}, turn
            for call in turn.calls:
                catalogue.check(call)


@every_catalogue
def test_every_grounded_word_was_said(name: str) -> None:
    """But for few names that were spelt out with capitals or numbers ("capital t e m p")."""
    nodes = nodes_of(name)
    missing = []
    for dialogue in drawn(name)[:COUNT]:
        for _, call, said in heard(dialogue):
            for key, value in call.arguments.items():
                node = nodes[call.name, key]
                if isinstance(node, Text) and not node.pattern and is_grounded(node) and not any(
                        value in each or value in written_out(each) for each in said):
                    missing.append((dialogue, call))
    assert len(missing) <= (COUNT // 50 if name == "shell" else 0), missing


@every_catalogue
def test_every_grounded_number_can_be_read_from_what_was_said(name: str) -> None:
    nodes = nodes_of(name)
    for dialogue in drawn(name)[:COUNT]:
        for _, call, said in heard(dialogue):
            for key, value in call.arguments.items():
                node = nodes[call.name, key]
                if not is_grounded(node) or (isinstance(node, Text) and not node.pattern):
                    continue
                read = [each for text in said for each in said_numbers(text)]
                if isinstance(node, Text):
                    assert value in {each.digits for each in read}, (dialogue, call)
                else:
                    assert isinstance(node, Integer | Number)
                    assert Decimal(str(value)) in {each.value for each in read}, (dialogue, call)


@every_catalogue
def test_the_same_seed_draws_the_same_and_another_draws_others(name: str) -> None:
    assert list(source_of(GRAMMARS / name, 3).dialogues(50)) == drawn(name)[:50]
    assert list(source_of(GRAMMARS / name, 4).dialogues(50)) != drawn(name)[:50]


@every_catalogue
def test_every_tool_argument_and_value_is_drawn(name: str) -> None:
    """An argument that several tools have alike is learnt from any of them."""
    nodes = nodes_of(name)
    tools = {call.name for dialogue in drawn(name) for turn in dialogue.turns
             for call in turn.calls}
    assert tools == {tool.name for tool in catalogue_of(name).tools}
    seen = {(key, repr(nodes[call.name, key]), str(value))
            for dialogue in drawn(name) for turn in dialogue.turns for call in turn.calls
            for key, value in call.arguments.items()}
    for (_, key), node in nodes.items():
        values = {value for each, like, value in seen if (each, like) == (key, repr(node))}
        if isinstance(node, Enumeration):
            assert values == set(map(str, node.values)), key
        elif isinstance(node, Boolean):
            assert values == {"True"}, key  # leaving it out is false
        else:
            assert len(values) > 2, key


@every_catalogue
def test_many_calls_are_drawn_where_a_catalogue_allows_them(name: str) -> None:
    many = sum(len(turn.calls) > 1 for dialogue in drawn(name)[:COUNT] for turn in dialogue.turns)
    assert (many > 50) == (catalogue_of(name).max_calls > 1)


def test_money_is_never_moved_from_an_account_to_itself() -> None:
    moved = [call for dialogue in drawn("banking") for turn in dialogue.turns
             for call in turn.calls if call.name == "transfer_money"]
    both = [call for call in moved if {"from_account", "to_account"} <= call.arguments.keys()]
    assert len(both) > 100
    assert not [call for call in both
                if call.arguments["from_account"] == call.arguments["to_account"]]


def test_names_are_drawn_that_nobody_wrote() -> None:
    written = (GRAMMARS / "home" / "synthesis" / "said").glob("*.said")
    text = " ".join(path.read_text(encoding="utf-8") for path in written).casefold()
    names = {call.arguments.get("target", "").casefold() for dialogue in drawn("home")
             for turn in dialogue.turns for call in turn.calls}
    assert len(names) > 1500
    assert sum(name not in text for name in names) > 700


def test_no_held_out_sentence_is_among_the_written_ones() -> None:
    found = [f"{name}: {sentence}" for name in NAMES
             for sentence in sorted(written_sentences(name) & held_out_sentences(name))]
    assert found == []


def written_sentences(name: str) -> set[str]:
    return {sentence for path in (GRAMMARS / name / "synthesis" / "said").glob("*.said")
            for sentence in marked_sentences(name, path)}


def held_out_sentences(name: str) -> set[str]:
    folder = GRAMMARS / name
    found = {each for path in (folder / "voices").glob("*.said")
             for each in marked_sentences(name, path)}
    for path in (folder / "voices").glob("*/*.outcomes"):
        for line in path.read_text(encoding="utf-8").split("\n"):
            said, arrow, _ = line.partition(" => ")
            if arrow and not line.startswith(("#", "@")):
                found.add(normalised(said))
    found |= {normalised(turn.utterance) for dialogue in read_dialogues(folder / "golden.jsonl")
              for turn in dialogue.turns}
    return {each for each in found if len(each.split()) > LONG}


def marked_sentences(name: str, path: Path) -> Iterator[str]:
    for dialogue in read_marked(path, catalogue_of(name)):
        for turn in dialogue:
            yield normalised(turn.utterance)


def test_every_catalogue_has_held_out_sentences() -> None:
    assert all(len(held_out_sentences(name)) > 50 for name in NAMES)


@pytest.fixture
def stream(tmp_path: Path) -> Callable[..., list[Dialogue]]:
    """Dialogues drawn from a text of the home or another catalogue, unroughened."""
    def draw(text: str, name: str = "home", count: int = 300, noise: Noise = SILENT,
             **rules: bool) -> list[Dialogue]:
        path = tmp_path / "a.said"
        path.write_text(text, encoding="utf-8")
        catalogue = catalogue_of(name)
        dialogues = read_marked(path, catalogue)
        exchange = Exchange(catalogue, dialogues, {}, ExchangeRules(**rules))
        return list(Written(catalogue, dialogues, exchange, 1, noise).dialogues(count))

    return draw


def turns_of(dialogues: list[Dialogue]) -> list[LabelledTurn]:
    return [turn for dialogue in dialogues for turn in dialogue.turns]


LAMPS = "[lamp](target) on | turn state=on\n[kettle](target) on | turn state=on\n"


def test_single_sentences_are_joined_with_their_calls_in_order(
    stream: Callable[..., list[Dialogue]]
) -> None:
    joined = [turn for turn in turns_of(stream(LAMPS)) if len(turn.calls) == 2]
    assert len(joined) > 20
    for turn in joined:
        places = [turn.utterance.casefold().find(str(call.arguments["target"]).casefold())
                  for call in turn.calls]
        assert 0 <= places[0] <= places[1]


def test_up_to_three_sentences_are_said_in_one_breath(
    stream: Callable[..., list[Dialogue]]
) -> None:
    text = f"{LAMPS}[gate](target) open. | cover action=open\nWhat a day. | off_topic\n"
    three = [turn for turn in turns_of(stream(text)) if len(turn.calls) == 3]
    assert len(three) > 10
    assert any(", " in turn.utterance and " and " in turn.utterance for turn in three)
    for turn in three:
        assert "off_topic" not in [call.name for call in turn.calls]
        said, at = turn.utterance.casefold(), 0
        for call in turn.calls:
            at = said.index(str(call.arguments["target"]).casefold(), at) + 1


def test_what_names_nothing_comes_first_or_alone(stream: Callable[..., list[Dialogue]]) -> None:
    dialogues = stream(f"{LAMPS}dimmer | adjust property=brightness direction=down\n"
                       "turn it down | adjust property=volume direction=down ref=it\n"
                       "what a day | off_topic\n")
    leaning = 0
    for dialogue in dialogues:
        named = False
        for turn in dialogue.turns:
            if turn.calls[0].name == "adjust":
                assert not named or "ref" in turn.calls[0].arguments
                leaning += named
            if "target" in turn.calls[0].arguments:
                assert "adjust" not in [call.name for call in turn.calls]
            named |= any("target" in call.arguments or "ref" in call.arguments
                         for call in turn.calls)
    assert leaning > 10  # "it" says that it stands for something


def test_a_new_request_that_would_be_a_follow_up_is_not_put_behind_one(
    stream: Callable[..., list[Dialogue]]
) -> None:
    dialogues = stream("[70](temperature) | set_thermostat\n"
                       "heat to [72](temperature) | set_thermostat mode=heat\n"
                       "morning | set_scene scene=morning\n", "smart_home")
    assert any(len(dialogue.turns) > 2 for dialogue in dialogues)
    for dialogue in dialogues:
        for before, turn in zip(dialogue.turns, dialogue.turns[1:], strict=False):
            if "mode" in before.calls[0].arguments and turn.calls[0].name == "set_thermostat":
                assert "mode" in turn.calls[0].arguments


def test_dialogues_that_stand_alone_follow_none(stream: Callable[..., list[Dialogue]]) -> None:
    assert {len(dialogue.turns) for dialogue in stream(LAMPS, alone=True)} == {1}
    assert {len(dialogue.turns) for dialogue in stream(LAMPS)} == {1, 2, 3, 4}


def test_words_of_an_earlier_turn_follow_what_became_of_them(
    stream: Callable[..., list[Dialogue]]
) -> None:
    dialogues = stream('> [Nan\'s lamp](target) on | turn state=on\n'
                       '>> and off | turn state=off target="Nan\'s lamp"\n'
                       "[telly](target) on | turn state=on\n", alone=True,
                       noise=Noise(padded=0, slips=0.9, misheard=0.9))
    pairs = [dialogue.turns for dialogue in dialogues if len(dialogue.turns) == 2]
    assert len({turns[0].calls[0].arguments["target"] for turns in pairs}) > 10
    for first, second in pairs:
        assert first.calls[0].arguments["target"] == second.calls[0].arguments["target"]
        assert first.calls[0].arguments["target"] in first.utterance


def test_a_filler_behind_a_name_is_no_part_of_it(
    stream: Callable[..., list[Dialogue]]
) -> None:
    dialogues = stream("[lamp](target) on | turn state=on\n",
                       noise=Noise(padded=0, slips=0, misheard=1), alone=True, count=500)
    values = {call.arguments["target"] for turn in turns_of(dialogues) for call in turn.calls}
    assert not [value for value in values if re.search(r" (um|uh|er|like|lamp)$", value)]
    assert any(re.match(r"lamp (um|uh|er)", turn.utterance) for turn in turns_of(dialogues))


def test_a_value_that_grew_too_long_is_drawn_again(
    stream: Callable[..., list[Dialogue]]
) -> None:
    name = "a" * 31 + " b"
    dialogues = stream(f"[{name[:32]}](room) on | turn state=on\n", alone=True,
                       noise=Noise(padded=0, slips=1, misheard=0))
    assert {len(call.arguments["room"]) <= 32 for turn in turns_of(dialogues)
            for call in turn.calls} == {True}


def test_digits_that_cannot_be_told_from_the_words_before_are_drawn_again(
    stream: Callable[..., list[Dialogue]]
) -> None:
    dialogues = stream("it's the debit one, [four four one two](card_last_four=4412) | "
                       "cancel_card\n", "banking", alone=True)
    assert len(dialogues) == 300
    for turn in turns_of(dialogues):
        assert turn.calls[0].arguments["card_last_four"] in {
            each.digits for each in said_numbers(turn.utterance)}
