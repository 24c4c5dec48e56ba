from __future__ import annotations

from iotcall.catalogue import ToolCall
from iotcall.evaluate.slots import paired, slot_figures
from tests.evaluate.items import item

KETTLE = ToolCall("turn", {"target": "kettle", "state": "on"})
RADIO = ToolCall("turn", {"target": "radio", "state": "off"})
SONG = ToolCall("play", {"target": "song"})


def test_precision_and_recall_count_pairs_of_argument_and_value() -> None:
    wanted = ToolCall("set", {"room": "hall", "value": 20, "mode": "heat"})
    given = ToolCall("set", {"room": "hall", "value": 21})
    every, mode, room, value = slot_figures([item((wanted,), (given,))])
    assert (every.wanted, every.given, every.right) == (3, 2, 1)
    assert (every.precision, every.recall, every.f1) == (1 / 2, 1 / 3, 2 / 5)
    assert (mode.argument, mode.precision, mode.recall, mode.f1) == ("mode", 1.0, 0.0, 0.0)
    assert (room.argument, room.f1) == ("room", 1.0)
    assert (value.argument, value.precision, value.recall) == ("value", 0.0, 0.0)


def test_values_are_the_same_as_json() -> None:
    wanted, given = ToolCall("pay", {"sum": 250, "now": True}), ToolCall("pay", {
        "sum": 250.0, "now": 1})
    assert slot_figures([item((wanted,), (given,))])[0].right == 1


def test_calls_are_held_against_the_first_free_one_of_their_tool() -> None:
    assert paired([KETTLE, SONG, RADIO], [SONG, KETTLE]) == [
        (KETTLE, KETTLE), (SONG, SONG), (RADIO, None)]
    assert paired([KETTLE], [SONG, RADIO]) == [(KETTLE, RADIO), (None, SONG)]
    assert paired([SONG], [KETTLE]) == [(SONG, KETTLE)]


def test_swapped_states_of_two_devices_are_wrong() -> None:
    swapped = (ToolCall("turn", {"target": "kettle", "state": "off"}),
               ToolCall("turn", {"target": "radio", "state": "on"}))
    every, state, target = slot_figures([item((KETTLE, RADIO), swapped)])
    assert (state.right, target.right, every.right) == (0, 2, 2)


def test_of_no_slots_all_are_right() -> None:
    (every,) = slot_figures([item((ToolCall("greeting"),), (ToolCall("greeting"),))])
    assert (every.precision, every.recall, every.f1) == (1.0, 1.0, 1.0)
