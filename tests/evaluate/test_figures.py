"""Figures of judged items."""

from __future__ import annotations

import pytest

from iotcall.catalogue import ToolCall
from iotcall.evaluate.evaluation import figures
from tests.evaluate.items import item

ON, LOCK = ToolCall("lamp", {"state": "on"}), ToolCall("lock")


def test_dialogues_are_held_against_independent_errors() -> None:
    """Four of five items right: dialogues of two turns would be whole 64 % of the time."""
    items = [item((ON,), (ON,), row=0), item((ON,), (ON,), row=0, turn=1),
             item((ON,), (ON,), row=1), item((ON,), (LOCK,), row=1, turn=1),
             item((ON,), (ON,), row=2)]
    found = figures(items)
    assert (found.dialogues, found.dialogues_correct) == (3, 2)
    one, two = found.whole_dialogues.by_turns
    assert (one.turns, one.dialogues, one.share, one.independent) == (1, 1, 1.0, 0.8)
    assert (two.turns, two.dialogues, two.share) == (2, 2, 0.5)
    assert two.independent == pytest.approx(0.64)
    assert found.whole_dialogues.share == pytest.approx(2 / 3)
    assert found.whole_dialogues.independent == pytest.approx((0.8 + 2 * 0.64) / 3)


def test_unseen_items_have_a_figure_of_their_own() -> None:
    items = [item((ON,), (ON,)), item((ON,), (LOCK,)), item((ON,), (ON,))]
    part = figures(items, unseen=[True, True, False]).unseen
    assert part is not None
    assert (part.items, part.correct, part.share) == (2, 1, 0.5)
    assert figures(items).unseen is None
    none = figures(items, unseen=[False] * 3).unseen
    assert none is not None
    assert (none.items, none.interval95) == (0, (0.0, 1.0))


def test_of_no_items_there_are_figures_too() -> None:
    found = figures([])
    assert (found.items, found.tool_call_equivalence, found.whole_dialogues.share) == (0, 0.0, 0.0)
    assert found.interval95 == (0.0, 1.0)


def test_names_count_without_arguments_and_only_of_answers() -> None:
    other = ToolCall("lamp", {"state": "off"})
    items = [item((ON,), (other,)), item((ON, LOCK), (LOCK, ON)),
             item((), (), answered=False, right=False)]
    assert figures(items).name_accuracy == pytest.approx(1 / 3)
