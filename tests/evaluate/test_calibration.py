from __future__ import annotations

from collections.abc import Callable

from iotcall.bundle import Bundle
from iotcall.catalogue import ToolCall
from iotcall.dialogue.thresholds import Thresholds
from iotcall.evaluate.calibration import (
    commands_heard,
    commands_passed,
    talk_passed,
)
from iotcall.evaluate.files import Said
from iotcall.runtime import Student
from tests.evaluate.items import item

ON, OFF = (ToolCall("lamp", {"state": state}) for state in ("on", "off"))
TALK = ToolCall("intent_unclear")


def test_commands_pass_at_their_thresholds_as_the_right_ones_or_not() -> None:
    items = [item((ON,), (ON,), confidence=0.8), item((ON,), (OFF,), confidence=0.9),
             item((ON,), (ON,), confidence=0.79), item((TALK,), (ON,), confidence=1.0),
             item((ON,), (TALK,), confidence=1.0),
             item((ON,), (ON,), confidence=1.0, tools=(("lamp", 0.6), ("intent_unclear", 0.4))),
             item((ON,), (), answered=False, confidence=0.0)]
    asked = Thresholds(fallback_below=0.8, wish_from=0.7)
    found = commands_passed(items, asked, {"intent_unclear"})
    assert (found.utterances, found.passed) == (6, 2)
    assert commands_passed(items, Thresholds(fallback_below=0.8), {"intent_unclear"}).passed == 3
    assert commands_passed(items, Thresholds(), {"intent_unclear"}).passed == 4


def test_talk_passes_where_the_student_takes_it_for_a_command(
    bundle_of: Callable[[str], Bundle]
) -> None:
    said = [Said("switch on the attic lamp"), Said("\x07"), Said("switch off the attic lamp")]
    done: list[int] = []
    with Student.open(bundle_of("qwen3"), threads=1) as student:
        heard = commands_heard(student, said, frozenset(), done.append)
        assert commands_heard(student, said, {"lamp"}) == []
    assert [each.wish for each in heard] == [1.0, 1.0]  # no tool of its says that nothing is wanted
    every, none = (talk_passed(heard, 3, Thresholds(fallback_below=least)) for least in (0.0, 1.1))
    assert (every.utterances, every.passed) == (3, 2)
    assert all("attic" in example for example in every.examples)
    assert done == [1, 2, 3]
    assert (none.passed, none.examples) == (0, ())
