"""Judged items by hand."""

from __future__ import annotations

from iotcall.catalogue import ToolCall
from iotcall.evaluate.judging import Judged


def item(expected: tuple[ToolCall, ...] = (), got: tuple[ToolCall, ...] = (), *,
         right: bool | None = None, confidence: float = 1.0, row: int = 0, turn: int = 0,
         answered: bool = True, tools: tuple[tuple[str, float], ...] = ()) -> Judged:
    return Judged(row=row, turn=turn, utterance="", expected=expected, got=got, answered=answered,
                  right=expected == got if right is None else right, confidence=confidence, ms=1.0,
                  tools=tools)
