"""What holds in every wire format."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.catalogue import Catalogue, ToolCall, catalogue_from_json, equivalent_all
from iotcall.errors import InputError
from iotcall.formats import FORMATS, MARKER_BASE, Format, SpeltOut, format_named
from tests.workshop import BUSY, TOOLS, WORKSHOP, answers, calls, steadily

PLAIN = catalogue_from_json([tool for tool in TOOLS if tool["function"]["name"] != "cut"], "plain")
"""The workshop without the patterns and formats that one expression does not spell out."""

every_format = pytest.mark.parametrize("format", FORMATS.values(), ids=lambda each: each.name)


def stood_in(format: Format, text: str) -> str:
    """The text with one private-use character for each marker, as patterns write it."""
    for index, marker in enumerate(format.markers):
        text = text.replace(marker, chr(MARKER_BASE + index))
    return text


def matches(format: Format, *said: ToolCall, catalogue: Catalogue = PLAIN) -> bool:
    text = stood_in(format, format.render(said, catalogue))
    return re.fullmatch(format.pattern(catalogue, SpeltOut()), text) is not None


@every_format
@given(st.data())
@steadily
def test_parsing_is_the_inverse_of_rendering(format: Format, data: st.DataObject) -> None:
    said = tuple(data.draw(st.lists(calls(), min_size=1, max_size=3)))
    assert equivalent_all(format.parse(format.render(said, WORKSHOP), WORKSHOP), said)


@every_format
@given(st.data())
@steadily
def test_the_pattern_matches_every_valid_call(format: Format, data: st.DataObject) -> None:
    assert matches(format, data.draw(calls(PLAIN)))


@every_format
@given(st.data())
@steadily
def test_several_calls_and_none_are_answers_where_the_catalogue_says_so(
    format: Format, data: st.DataObject
) -> None:
    said = data.draw(answers(BUSY))
    text = format.render(said, BUSY) if said else ""
    assert equivalent_all(format.parse(text, BUSY), said)
    assert re.fullmatch(format.pattern(BUSY, SpeltOut()), stood_in(format, text))


@every_format
def test_more_calls_than_the_catalogue_allows_are_no_answer(format: Format) -> None:
    stop = ToolCall("stop")
    assert [n for n in range(1, 6) if matches(format, *n * [stop], catalogue=BUSY)] == [1, 2, 3]
    assert [n for n in range(1, 6) if matches(format, *n * [stop])] == [1]
    assert re.fullmatch(format.pattern(PLAIN, SpeltOut()), "") is None


@every_format
def test_the_pattern_matches_the_edges_of_what_is_valid_and_nothing_beyond(format: Format) -> None:
    def plan(**more: object) -> ToolCall:
        return ToolCall("plan", {"loud": True, **more})

    assert [degrees for degrees in range(-100, 1000)
            if matches(format, ToolCall("heat", {"degrees": degrees}))] == list(range(60, 81))
    assert [width for width in range(-50, 50)
            if matches(format, plan(box={"label": "x", "width": width}))] == list(range(-3, 13))
    assert [size for size in range(9) if matches(format, plan(note="x" * size))] == [*range(7)]
    assert [size for size in range(9) if matches(format, plan(box={"label": "x" * size}))] == [
        1, 2, 3]
    assert [size for size in range(9) if matches(format, plan(days=["mo"] * size))] == [0, 1, 2, 3]


@every_format
@pytest.mark.parametrize("call", [
    ToolCall("heat"), ToolCall("heat", {"degrees": True}), ToolCall("heat", {"degrees": 60.5}),
    ToolCall("heat", {"degrees": "60"}), ToolCall("plan", {"note": "a"}),
    ToolCall("plan", {"loud": None}), ToolCall("plan", {"loud": True, "level": "cellar"}),
    ToolCall("plan", {"loud": True, "level": False}), ToolCall("plan", {"loud": True, "gap": 0}),
    ToolCall("plan", {"loud": True, "share": 0.125}), ToolCall("glue"),
    ToolCall("glue", {"left": "oak", "clamp": True}), ToolCall("glue", {"left": "ash"}),
    ToolCall("plan", {"loud": True, "days": ["mo", "fr"]}),
    ToolCall("plan", {"loud": True, "box": {"width": 1}}),
    ToolCall("plan", {"loud": True, "note": "a\x07b"}),
], ids=str)
def test_the_pattern_matches_no_invalid_call(format: Format, call: ToolCall) -> None:
    assert not matches(format, call)


@every_format
def test_the_order_in_which_arguments_were_given_leaves_no_trace(format: Format) -> None:
    said = ToolCall("plan", {"box": {"label": "z", "width": 1}, "loud": True, "note": "a"})
    sorted_ = ToolCall("plan", {"note": "a", "loud": True, "box": {"width": 1, "label": "z"}})
    assert format.render([said], WORKSHOP) == format.render([sorted_], WORKSHOP)
    assert matches(format, said)


@every_format
def test_every_piece_between_two_utterances_begins_with_a_special_token(format: Format) -> None:
    pieces = format.pieces(WORKSHOP)
    answer = format.render([ToolCall("stop")], WORKSHOP)
    assert not pieces.prefix or pieces.prefix.startswith(format.special_tokens)
    assert pieces.user_open.startswith(format.special_tokens)
    between = pieces.past_turn("\0", answer).partition("\0")[2]
    assert between.startswith(format.special_tokens)
    assert pieces.open_turn("\0").partition("\0")[2].startswith(format.special_tokens)


@every_format
def test_an_answer_ends_with_a_marker_and_markers_are_special(format: Format) -> None:
    pieces = format.pieces(WORKSHOP)
    assert pieces.end == format.markers[-1]
    assert pieces.past_call_close.startswith(pieces.end)
    assert set(format.markers) <= set(format.special_tokens)
    assert len(set(format.special_tokens)) == len(format.special_tokens)


@every_format
def test_a_format_is_found_by_its_name(format: Format) -> None:
    assert format_named(format.name) is format


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'xml'; expected one of compact, functiongemma, hermes"):
        format_named("xml")
