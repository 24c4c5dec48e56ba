"""Figures of a student on labelled dialogues."""

from __future__ import annotations

from collections.abc import Callable

from iotcall.bundle import Bundle
from iotcall.catalogue import ToolCall
from iotcall.evaluate import Dialogue, LabelledTurn, evaluate
from iotcall.runtime import Student

ON = ToolCall("lamp", {"room": "attic", "state": "on"})
OFF = ToolCall("lamp", {"room": "attic", "state": "off"})


def _student(bundle_of: Callable[[str], Bundle]) -> Student:
    return Student.open(bundle_of("qwen3"), threads=1)


def test_every_user_turn_is_an_item_and_mistakes_are_listed(
        bundle_of: Callable[[str], Bundle]) -> None:
    right = Dialogue((LabelledTurn("attic lamp on", (ON,)), LabelledTurn("attic lamp off", (OFF,))))
    wrong = Dialogue((LabelledTurn("attic lamp on", (OFF,)),))
    found = evaluate(_student(bundle_of), [right, wrong])
    assert (found.items, found.correct, found.dialogues, found.dialogues_correct) == (3, 2, 2, 1)
    assert found.name_accuracy == 1.0
    assert found.invalid_calls == 0
    (mistake,) = found.errors
    assert (mistake.row, mistake.turn, mistake.utterance) == (1, 0, "attic lamp on")
    assert (mistake.expected, mistake.got) == ((OFF,), (ON,))
    assert found.latency_ms.p50 > 0


def test_history_is_the_references_or_the_students_own(
        bundle_of: Callable[[str], Bundle]) -> None:
    # the reference says off where the student says on; "and the cellar" carries on from either
    dialogue = Dialogue((
        LabelledTurn("attic lamp on", (OFF,)),
        LabelledTurn("and the cellar", (ToolCall("lamp", {"room": "cellar", "state": "on"}),))))
    student = _student(bundle_of)
    assert len(evaluate(student, [dialogue], history="reference").errors) == 2
    assert len(evaluate(student, [dialogue], history="model").errors) == 1


def test_a_reference_that_refuses_is_met_by_no_call_only(
        bundle_of: Callable[[str], Bundle]) -> None:
    found = evaluate(_student(bundle_of), [Dialogue((LabelledTurn("attic lamp on", ()),))])
    assert found.correct == 0
    assert found.errors[0].expected == ()
