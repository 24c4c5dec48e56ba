"""Calls in other words than those that were said."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from iotcall.catalogue import ToolCall
from iotcall.dialogue import Session
from iotcall.runtime import Decoding, Others, Turn
from iotcall.runtime.answers import Outcome
from tests.dialogue.house.talk import House, call
from tests.dialogue.house.test_weighing import decoded, weighed


@pytest.mark.parametrize(("said", "wish", "left"), [
    ("turn the so kettle on", call("turn", state="on", target="so kettle"), {"target": "kettle"}),
    ("desk lamp to forty like percent",
     call("set", property="brightness", value="forty like percent", target="desk lamp"),
     {"value": "forty percent"}),
    ("desk lamp, well, to twenty um percent",
     call("set", property="brightness", value="well, to twenty um percent", target="desk lamp"),
     {"value": "to twenty percent"}),
])
def test_words_that_mean_nothing_are_left_out_of_names_and_amounts(
        house: House, said: str, wish: ToolCall, left: dict[str, str]) -> None:
    assert weighed(house, said, ((wish,), 0.95)).calls == (
        ToolCall(wish.name, {**wish.arguments, **left}),)


@pytest.mark.parametrize(("said", "wish"), [
    ("put so on the list", call("list", action="add", items="so, like")),
    ("turn on the sauna like lamp", call("turn", state="on", target="sauna like lamp")),
    ("well", call("turn", state="on", target="well")),
])
def test_they_stay_where_nothing_comes_of_leaving_them_out(house: House, said: str, wish: ToolCall
                                                           ) -> None:
    assert weighed(house, said, ((wish,), 0.95)).calls == (wish,)


def test_a_wish_that_comes_to_something_as_it_was_meant_is_not_doubted(house: House) -> None:
    wish = (call("turn", state="on", target="kettlee"),)
    asked: list[bool] = []

    def decode(history: Sequence[Turn], utterance: str, *, others: Others | None) -> Decoding:
        assert others is not None
        asked.extend(others.worth(wish, 0.95, slips) for slips in ((), (("kettlee", "kettle"),),
                                                                   (("kettlee", "sauna"),)))
        return msgspec.structs.replace(decoded((wish, 0.95)), slips=(("kettlee", "kettle"),))

    found = house.conversation.decoded(Session("default", 4), "the kettlee on", decode)
    assert asked[1:] == [False, True]
    assert found.calls == (call("turn", state="on", target="kettle"),)


def test_a_timer_is_called_as_it_was_said(house: House) -> None:
    wish = call("timer", action="start", duration="tne minutes", name="steak")
    found = msgspec.structs.replace(decoded(((wish,), 0.95)),
                                    slips=(("steak", "steam"), ("tne", "ten")))
    at = house.sessions.of("default")
    assert house.conversation.decoded(at, "tne minutes for the steak",
                                      lambda history, utterance, *, others: found).calls == (
        call("timer", action="start", duration="ten minutes", name="steak"),)


def test_where_nothing_comes_of_it_another_word_is_heard(house: House) -> None:
    answers = {
        "turn on the kettel": ((call("turn", state="on", target="settle"),), 0.97),
        "turn on the kettle": ((call("turn", state="on", target="kettle"),), 0.95),
        "turn on the metal": ((call("turn", state="on", target="metal"),), 0.95),
        "turn on the fan": ((call("turn", state="on", target="fan"),), 0.5)}

    def heard(said: str, *doubts: tuple[str, str]) -> tuple[tuple[ToolCall, ...], list[str]]:
        asked: list[str] = []

        def decode(history: Sequence[Turn], utterance: str, *, others: Others | None) -> Decoding:
            asked.append(utterance)
            return msgspec.structs.replace(decoded(answers[utterance]), doubts=doubts)

        return house.conversation.decoded(Session("default", 4), said, decode).calls, asked

    kettle = (call("turn", state="on", target="kettle"),)
    lost = answers["turn on the kettel"][0]
    assert heard("turn on the kettel", ("kettel", "metal"), ("kettel", "kettle"))[0] == kettle
    assert heard("turn on the kettel", ("kettel", "metal"))[0] == lost  # nothing is called so
    assert heard("turn on the kettel", ("kettel", "fan"))[0] == lost  # not sure enough
    assert heard("turn on the kettle", ("kettle", "metal")) == (kettle, ["turn on the kettle"])


@pytest.mark.parametrize("outcome", ["cancelled", "too_slow"])
def test_nothing_is_heard_again_for_somebody_who_has_broken_off(house: House, outcome: Outcome
                                                                ) -> None:
    asked: list[str] = []

    def decode(history: Sequence[Turn], utterance: str, *, others: Others | None) -> Decoding:
        asked.append(utterance)
        return msgspec.structs.replace(decoded(((), 0.0)), outcome=outcome,
                                       doubts=(("kettel", "kettle"),))

    found = house.conversation.decoded(Session("default", 4), "turn on the kettel", decode)
    assert found.outcome == outcome
    assert asked == ["turn on the kettel"]
