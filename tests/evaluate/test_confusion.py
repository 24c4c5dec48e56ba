from __future__ import annotations

from iotcall.catalogue import ToolCall
from iotcall.evaluate.confusion import Confused, by_tool, confusion
from tests.evaluate.items import item

ON, LOCK = ToolCall("lamp", {"state": "on"}), ToolCall("lock")


def test_calls_are_counted_by_the_tool_meant_and_the_tool_given() -> None:
    items = [item((ON,), (ON,)), item((ON,), (LOCK,)), item((ON, LOCK), (ON,)),
             item((), (ON,)), item((), (), answered=False, right=False)]
    assert confusion(items) == (Confused("", "", 1), Confused("", "lamp", 1),
                                Confused("lamp", "lamp", 2), Confused("lamp", "lock", 1),
                                Confused("lock", "", 1))


def test_a_tool_has_the_items_that_call_it() -> None:
    items = [item((ON, ON), (ON, ON)), item((ON, LOCK), (ON,)), item((), (ON,))]
    refused, lamp, lock = by_tool(items)
    assert (refused.tool, refused.items, refused.correct) == ("", 1, 0)
    assert (lamp.tool, lamp.items, lamp.correct, lamp.share) == ("lamp", 2, 1, 0.5)
    assert (lock.tool, lock.items, lock.correct) == ("lock", 1, 0)
    assert lamp.interval95[0] < 0.5 < lamp.interval95[1]
