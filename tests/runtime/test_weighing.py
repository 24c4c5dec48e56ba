"""Of a student's answers the one that was meant, by what people usually say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from iotcall.catalogue import ToolCall
from iotcall.runtime import Decoding, Other, Others, Turn, decode_weighed
from iotcall.speech import ValuePrior

PRIOR = ValuePrior(novelty=0.1, values={"device": ("fan", "heater"), "place": ("attic",)},
                   shares={"fan": 0.8, "attic": 0.9, "heater": 0.8})
WRONG = (ToolCall("on", {"device": "fan cranking"}),)
RIGHT = (ToolCall("on", {"device": "fan"}),)


class Unsure:
    """A student that gives these answers, and tells what it was asked for."""

    def __init__(self, *answers: tuple[tuple[ToolCall, ...], float],
                 prior: ValuePrior | None = PRIOR, slips: tuple[tuple[str, str], ...] = ()) -> None:
        self.prior, self._answers, self._slips = prior, answers, slips
        self.asked: list[Any] = []

    def decode(self, history: Sequence[Turn], utterance: str, *, others: Any = None,
               site: str = "") -> Decoding:
        self.asked.append((others, site))
        (calls, confidence), *rest = self._answers
        found = tuple(Other(calls=other, confidence=share) for other, share in rest)
        return Decoding(calls=calls, text="", confidence=confidence, outcome="call", decisions=1,
                        tokens=1, passes=1, prefill_ms=0.0, decode_ms=0.0, slips=self._slips,
                        others=found if others and others.worth(calls, confidence, ()) else ())


def test_a_usual_value_is_meant_where_the_student_is_unsure() -> None:
    student = Unsure((WRONG, 0.6), (RIGHT, 0.3))
    found = decode_weighed(student, (), "get the fan cranking", site="den")
    assert found.calls == RIGHT
    assert found.confidence == pytest.approx(0.9 * 0.3 / (0.3 + 0.06), abs=1e-6)
    assert found.others == ()
    assert student.asked[0][1] == "den"


def test_a_usual_value_that_was_said_is_not_left_out() -> None:
    elsewhere = (ToolCall("on", {"device": "fan", "place": "attic"}),)
    student = Unsure((RIGHT, 0.52), (elsewhere, 0.46))
    assert decode_weighed(student, (), "attic, the fan").calls == elsewhere
    assert decode_weighed(student, (), "the fan").calls == RIGHT


def test_where_it_is_sure_or_right_nothing_is_looked_at() -> None:
    assert decode_weighed(Unsure((WRONG, 0.98), (RIGHT, 0.01)), (), "fan cranking").calls == WRONG
    found = decode_weighed(Unsure((RIGHT, 0.9), (WRONG, 0.1)), (), "fan cranking")
    assert found.calls == RIGHT
    assert found.confidence > 0.9


def test_a_slip_counts_as_the_word_that_was_meant() -> None:
    slipped = (ToolCall("on", {"device": "faan"}),)
    longer = (ToolCall("on", {"device": "it faan"}),)
    found = decode_weighed(Unsure((longer, 0.5), (slipped, 0.4), slips=(("faan", "fan"),)), (),
                       "put it faan")
    assert found.calls == slipped


def test_without_a_prior_the_student_is_asked_plainly() -> None:
    student = Unsure((WRONG, 0.5), (RIGHT, 0.4), prior=None)
    assert decode_weighed(student, (), "fan cranking").calls == WRONG
    assert student.asked == [(None, "")]


def test_who_weighs_himself_gets_the_answers_as_they_are() -> None:
    student = Unsure((WRONG, 0.6), (RIGHT, 0.3))
    found = decode_weighed(student, (), "fan cranking", others=Others())
    assert found.calls == WRONG
    assert [other.calls for other in found.others] == [RIGHT]


def test_it_is_read_from_a_bundle_as_it_was_written() -> None:
    assert msgspec.json.decode(msgspec.json.encode(PRIOR), type=ValuePrior) == PRIOR
