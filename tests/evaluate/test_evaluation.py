"""Figures of a student on labelled dialogues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pytest

from iotcall.bundle import Bundle
from iotcall.catalogue import ToolCall
from iotcall.errors import CallError
from iotcall.evaluate import Dialogue, LabelledTurn, evaluate
from iotcall.runtime import Decoding, Student, Turn
from iotcall.runtime.board import RuntimeSettings

ON = ToolCall("lamp", {"room": "attic", "state": "on"})
OFF = ToolCall("lamp", {"room": "attic", "state": "off"})


def _student(bundle_of: Callable[[str], Bundle]) -> Student:
    return Student.open(bundle_of("qwen3"), threads=1)


def test_every_user_turn_is_an_item_and_mistakes_are_listed(
        bundle_of: Callable[[str], Bundle]) -> None:
    right = Dialogue((LabelledTurn("switch on the attic lamp", (ON,)),
                      LabelledTurn("switch off the attic lamp", (OFF,))))
    wrong = Dialogue((LabelledTurn("switch on the attic lamp", (OFF,)),))
    found = evaluate(_student(bundle_of), [right, wrong])
    assert (found.items, found.correct, found.dialogues, found.dialogues_correct) == (3, 2, 2, 1)
    assert found.name_accuracy == 1.0
    assert found.invalid_calls == 0
    (mistake,) = found.errors
    assert (mistake.row, mistake.turn, mistake.utterance) == (1, 0, "switch on the attic lamp")
    assert (mistake.expected, mistake.got) == ((OFF,), (ON,))
    assert found.latency_ms.p50 > 0


def test_history_is_the_references_or_the_students_own(
        bundle_of: Callable[[str], Bundle]) -> None:
    class Listening(Student):
        """A student that keeps what it was told of earlier turns."""

        histories: ClassVar[list[list[Turn]]] = []

        def decode(self, history: Sequence[Turn], utterance: str,
                   **limits: Any) -> Decoding:
            self.histories.append(list(history))
            return super().decode(history, utterance, **limits)

    first = "switch on the attic lamp"
    dialogue = Dialogue((LabelledTurn(first, (OFF,)), LabelledTurn("and the cellar", (OFF,))))
    student = Listening(bundle_of("qwen3"), RuntimeSettings(threads=1), token_budget=160,
                        modes=None)
    evaluate(student, [dialogue], history="reference")
    evaluate(student, [dialogue], history="model")
    assert student.histories == [[], [Turn(first, (OFF,))], [], [Turn(first, (ON,))]]


def test_a_reference_that_refuses_is_met_by_no_call_only(
        bundle_of: Callable[[str], Bundle]) -> None:
    refused = Dialogue((LabelledTurn("switch on the attic lamp", ()),))
    found = evaluate(_student(bundle_of), [refused])
    assert found.correct == 0
    assert found.errors[0].expected == ()


def test_an_answer_that_became_no_call_is_never_right(bundle_of: Callable[[str], Bundle]) -> None:
    student = Student.open(bundle_of("qwen3"), threads=1, token_budget=1)
    refused = Dialogue((LabelledTurn("switch on the attic lamp", ()),))
    asked = Dialogue((LabelledTurn("switch on the attic lamp", (ON,)),))
    silent = Dialogue((LabelledTurn("\x07", ()),))
    found = evaluate(student, [refused, asked, silent])
    assert found.items == found.invalid_calls == len(found.errors) == 3
    assert found.correct == found.name_accuracy == found.dialogues_correct == 0


def test_references_to_tools_that_the_bundle_lacks_are_refused_before_the_first_item(
        bundle_of: Callable[[str], Bundle]) -> None:
    fine = LabelledTurn("switch on the attic lamp", (ON,))
    flying = LabelledTurn("fly", (ToolCall("fly"),))
    done: list[int] = []
    with pytest.raises(CallError, match=r"row 1, turn 1 .*'fly'"):
        evaluate(_student(bundle_of), [Dialogue((fine,)), Dialogue((fine, flying))],
                 progress=done.append)
    assert done == []
