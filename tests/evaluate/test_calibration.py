from __future__ import annotations

from collections.abc import Callable

from iotcall.bundle import Bundle, open_bundle
from iotcall.catalogue import ToolCall
from iotcall.evaluate.calibration import (
    commands_heard,
    commands_passed,
    is_command,
    talk_passed,
    talk_tools,
)
from iotcall.evaluate.files import Said
from iotcall.runtime import Student
from iotcall.shipped import shipped
from tests.evaluate.items import item

ON, TALK = ToolCall("lamp", {"state": "on"}), ToolCall("intent_unclear")


def test_tools_that_command_nothing_are_those_the_dialogue_answers_itself(
    bundle_of: Callable[[str], Bundle]
) -> None:
    assert talk_tools(open_bundle(shipped("bundles") / "smart_home")) == {"intent_unclear"}
    assert talk_tools(bundle_of("qwen3")) == frozenset()


def test_of_several_calls_one_that_does_something_is_a_command() -> None:
    assert is_command((TALK, ON), {"intent_unclear"})
    assert not is_command((TALK,), {"intent_unclear"})
    assert not is_command((), {"intent_unclear"})


def test_commands_pass_at_their_confidence_whether_right_or_wrong() -> None:
    items = [item((ON,), (ON,), confidence=0.8), item((ON,), (TALK,), confidence=0.9),
             item((ON,), (ON,), confidence=0.79), item((TALK,), (ON,), confidence=1.0),
             item((ON,), (), answered=False, confidence=0.0)]
    found = commands_passed(items, 0.8, {"intent_unclear"})
    assert (found.utterances, found.passed, found.share) == (4, 2, 0.5)


def test_talk_passes_where_the_student_takes_it_for_a_command(
    bundle_of: Callable[[str], Bundle]
) -> None:
    said = [Said("switch on the attic lamp"), Said("\x07"), Said("switch off the attic lamp")]
    done: list[int] = []
    with Student.open(bundle_of("qwen3"), threads=1) as student:
        heard = commands_heard(student, said, frozenset(), done.append)
        assert commands_heard(student, said, {"lamp"}) == []
    assert [confidence for confidence, _ in heard] == sorted(
        (confidence for confidence, _ in heard), reverse=True)
    every, none = talk_passed(heard, 3, 0.0), talk_passed(heard, 3, 1.1)
    assert (every.utterances, every.passed) == (3, 2)
    assert all("attic" in example for example in every.examples)
    assert done == [1, 2, 3]
    assert (none.passed, none.examples) == (0, ())
