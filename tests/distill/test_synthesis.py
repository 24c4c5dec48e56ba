from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from iotcall.catalogue import ToolCall, load_catalogue
from iotcall.distill.rules import load_around, load_lexicon, load_rules
from iotcall.distill.synthesis import Synthesis
from iotcall.errors import CallError, InputError
from iotcall.evaluate import Dialogue, LabelledTurn
from iotcall.shipped import shipped
from tests.distill.conftest import FINGERS, LEXICON, OPENING
from tests.lamp import FOLDER


def stream(folder: Path, seed: int, count: int) -> list[Dialogue]:
    catalogue = load_catalogue(folder)
    rules = folder / "synthesis"
    return list(Synthesis(catalogue, load_rules(rules, catalogue), load_lexicon(rules), seed,
                          load_around(rules, catalogue), FINGERS).dialogues(count))


def neighbours(dialogues: list[Dialogue]) -> list[tuple[LabelledTurn, LabelledTurn]]:
    """Every turn with the one before it."""
    return [pair for dialogue in dialogues for pair in pairwise(dialogue.turns)]


def words(turn: LabelledTurn) -> str:
    return turn.utterance.lower()


every_catalogue = pytest.mark.parametrize(
    "folder", [FOLDER, shipped("grammars") / "smart_home"], ids=lambda path: path.name)


@every_catalogue
def test_the_same_seed_gives_the_same_dialogues(folder: Path) -> None:
    assert stream(folder, 1, 100) == stream(folder, 1, 100)
    assert stream(folder, 1, 100) != stream(folder, 2, 100)


@every_catalogue
def test_a_longer_stream_begins_like_a_shorter_one(folder: Path) -> None:
    assert stream(folder, 1, 100)[:50] == stream(folder, 1, 50)


@every_catalogue
def test_every_call_is_valid(folder: Path) -> None:
    catalogue = load_catalogue(folder)
    for dialogue in stream(folder, 3, 500):
        for turn in dialogue.turns:
            (call,) = turn.calls
            catalogue.check(call)


@every_catalogue
def test_every_tool_is_called_and_no_variable_stays_in_a_sentence(folder: Path) -> None:
    turns = [turn for dialogue in stream(folder, 3, 500) for turn in dialogue.turns]
    assert {turn.calls[0].name for turn in turns} == {
        tool.name for tool in load_catalogue(folder).tools}
    assert not [turn.utterance for turn in turns if set("{}") & set(turn.utterance)]
    assert all(turn.utterance.strip() for turn in turns)


@every_catalogue
def test_dialogues_have_one_to_five_turns(folder: Path) -> None:
    lengths = Counter(len(dialogue.turns) for dialogue in stream(folder, 1, 500))
    assert set(lengths) == {1, 2, 3, 4, 5}


def test_a_follow_up_carries_the_values_of_the_call_before() -> None:
    followed = [(before.calls[0], turn.calls[0])
                for before, turn in neighbours(stream(FOLDER, 1, 500))
                if "too" in words(turn) or "and the" in words(turn)]
    assert len(followed) > 20
    for before, call in followed:
        assert call.name == before.name == "lamp"
        assert call.arguments["state"] == before.arguments["state"]
        assert call.arguments["room"] != before.arguments["room"]


def test_a_follow_up_may_call_another_tool_with_a_carried_value(
    synthesis_of: Callable[..., Synthesis]
) -> None:
    dialogues = list(synthesis_of(OPENING, """
        [[rule]]
        after = "lamp room={where} state=on"
        call = "note text={where}"
        says = ["jot it down"]
    """).dialogues(300))
    followed = [(before.calls[0], turn.calls[0]) for before, turn in neighbours(dialogues)
                if "jot it down" in words(turn)]
    assert followed
    for before, call in followed:
        assert call == ToolCall("note", {"text": before.arguments["room"]})


def test_a_follow_up_comes_only_after_the_call_that_it_names(
    synthesis_of: Callable[..., Synthesis]
) -> None:
    dialogues = list(synthesis_of(OPENING, """
        [[rule]]
        after = "heat degrees=20"
        call = "heat degrees=21"
        says = ["a bit more"]
        [[rule]]
        after = "lamp room=attic"
        call = "lamp state=off"
        says = ["never, since state is always said"]
    """).dialogues(1500))
    before = [before.calls[0] for before, turn in neighbours(dialogues)
              if "a bit more" in words(turn)]
    assert before
    assert set(map(str, before)) == {"heat(degrees=20)"}
    assert not any("never" in words(turn) for each in dialogues for turn in each.turns)


def test_a_follow_up_does_not_say_as_news_what_was_just_said(
    synthesis_of: Callable[..., Synthesis]
) -> None:
    dialogues = list(synthesis_of(OPENING, """
        [[rule]]
        after = "lamp room={} state={s}"
        call = "lamp room=attic state={s}"
        says = ["no, the attic"]
    """).dialogues(500))
    rooms = {before.calls[0].arguments["room"] for before, turn in neighbours(dialogues)
             if "no" in words(turn).split() or "no," in words(turn)}
    assert rooms == {"cellar"}


def test_a_rule_that_is_said_alone_only_opens_dialogues(
    synthesis_of: Callable[..., Synthesis]
) -> None:
    dialogues = list(synthesis_of(OPENING, """
        [[rule]]
        alone = true
        call = "lamp state=off"
        says = ["quits"]
    """).dialogues(300))
    places = {place for each in dialogues for place, turn in enumerate(each.turns)
              if "quits" in words(turn)}
    assert places == {0}


def test_what_names_fewer_arguments_does_not_open_a_turn_after_what_named_more(
    synthesis_of: Callable[..., Synthesis]
) -> None:
    """Nobody can say whether "lamps on" after "attic lamp on" still means the attic."""
    dialogues = list(synthesis_of(OPENING, """
        [[rule]]
        call = "lamp state=on"
        says = ["lamps on"]
    """).dialogues(500))
    pairs = [(before.calls[0], turn.calls[0]) for before, turn in neighbours(dialogues)]
    everywhere = ToolCall("lamp", {"state": "on"})
    assert everywhere in [call for _, call in pairs]
    for before, call in pairs:
        assert call != everywhere or before.arguments.keys() != {"room", "state"}


def test_a_value_is_spoken_as_the_lexicon_says_and_the_commonest_way_most(
    synthesis_of: Callable[..., Synthesis]
) -> None:
    lexicon = LEXICON.replace('["attic"]', '["attic", "loft"]')
    turns = [turn for each in synthesis_of(OPENING, lexicon=lexicon).dialogues(500)
             for turn in each.turns if turn.calls[0].arguments.get("room") == "attic"]
    spoken = Counter(way for turn in turns for way in ("attic", "loft") if way in words(turn))
    assert spoken["attic"] > 2 * spoken["loft"] > 0
    # what remains are slips of the finger
    assert spoken.total() > 0.9 * len(turns)


def test_integers_are_spoken_in_digits_and_in_words(synthesis_of: Callable[..., Synthesis]) -> None:
    said = {words(turn) for each in synthesis_of(OPENING).dialogues(1500) for turn in each.turns
            if turn.calls[0].arguments == {"degrees": 21}}
    assert {"heat to 21", "heat to twenty-one", "heat to twenty one"} <= said


def test_free_text_may_depend_on_the_other_arguments(
    rules_folder: Callable[..., Path]
) -> None:
    catalogue = load_catalogue(shipped("grammars") / "smart_home")
    others = "".join(f'[[rule]]\ncall = "{tool.name}"\nsays = ["x"]\n' for tool in catalogue.tools)
    folder = rules_folder(others, """
        [[rule]]
        call = "get_device_status device_type=door room={room}"
        says = ["is the {room} locked"]
    """, lexicon='[room]\nattic = ["attic"]\n[room_door]\nback = ["back door", "rear door"]')
    synthesis = Synthesis(catalogue, load_rules(folder, catalogue), load_lexicon(folder), 1)
    asked = [turn for each in synthesis.dialogues(300) for turn in each.turns
             if "room" in turn.calls[0].arguments]
    assert {turn.calls[0].arguments["room"] for turn in asked} == {"back"}
    assert {way for way in ("back door", "rear door") for turn in asked if way in words(turn)} == {
        "back door", "rear door"}


def test_nothing_is_put_behind_a_sentence_that_breaks_off(
    synthesis_of: Callable[..., Synthesis]
) -> None:
    turns = [turn for each in synthesis_of(OPENING, """
        [[rule]]
        breaks_off = true
        call = "lamp state=on"
        says = ["put on the"]
    """).dialogues(500) for turn in each.turns if turn.calls[0].arguments == {"state": "on"}]
    assert len(turns) > 100
    assert all(words(turn).endswith("put on the") for turn in turns)


def test_a_tool_that_no_rule_opens_is_named(synthesis_of: Callable[..., Synthesis]) -> None:
    with pytest.raises(InputError, match="no rule without 'after' makes a call of heat, note"):
        synthesis_of("""
            [[rule]]
            call = "lamp state=on"
            says = ["lamps on"]
            [[rule]]
            after = "lamp state=on"
            call = "heat degrees=20"
            says = ["and heat"]
        """)


def test_free_text_without_a_lexicon_is_refused(synthesis_of: Callable[..., Synthesis]) -> None:
    synthesis = synthesis_of(OPENING, lexicon="")
    with pytest.raises(InputError, match=r"nothing to say for note\.text: .* a table \[text\]"):
        list(synthesis.dialogues(50))


def test_a_lexicon_value_that_does_not_fit_the_catalogue_is_refused(
    synthesis_of: Callable[..., Synthesis]
) -> None:
    synthesis = synthesis_of(OPENING, lexicon='[text]\n"thirteenchars" = ["thirteen"]')
    with pytest.raises(CallError, match=r"note/text: expected a string of 0\.\.12 characters"):
        list(synthesis.dialogues(50))


def test_a_carried_value_that_does_not_fit_the_catalogue_is_refused(
    synthesis_of: Callable[..., Synthesis]
) -> None:
    synthesis = synthesis_of(OPENING, """
        [[rule]]
        after = "heat degrees={d}"
        call = "note text={d}"
        says = ["note that"]
    """)
    with pytest.raises(CallError, match=r"note/text: expected a string .* found \d+"):
        list(synthesis.dialogues(100))


AROUND = """
[[around]]
call = "lamp state=on"
before = ["so dark here,"]
behind = [", I see nothing"]
"""


def test_reasons_are_said_around_the_calls_that_they_fit(
    synthesis_of: Callable[..., Synthesis]
) -> None:
    turns = [turn for each in synthesis_of(OPENING, around=AROUND).dialogues(500)
             for turn in each.turns]
    lamps = [turn for turn in turns if turn.calls[0].name == "lamp"]
    for reason in ("dark here", "see nothing"):
        given = [turn for turn in turns if reason in words(turn)]
        assert {turn.calls[0].name for turn in given} == {"lamp"}
        assert 0.05 < len(given) / len(lamps) < 0.2


def test_no_reason_is_put_around_a_sentence_that_breaks_off(
    synthesis_of: Callable[..., Synthesis]
) -> None:
    dialogues = synthesis_of(OPENING, """
        [[rule]]
        breaks_off = true
        call = "lamp state=on"
        says = ["put on the"]
    """, around=AROUND).dialogues(500)
    turns = [turn for each in dialogues for turn in each.turns if "put on the" in words(turn)]
    assert turns
    assert not [turn for turn in turns if "dark" in words(turn) or "see" in words(turn)]
