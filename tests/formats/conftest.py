from __future__ import annotations

import pytest

from iotcall.catalogue import Catalogue, ToolCall, catalogue_from_json
from iotcall.formats import PromptPieces


@pytest.fixture
def kettle() -> Catalogue:
    """One tool, so that a whole prompt can be read."""
    return catalogue_from_json({"task_description": "Obey.", "tools": [
        {"type": "function", "function": {
            "name": "boil", "description": "Boil water.",
            "parameters": {"type": "object", "properties": {
                "kind": {"type": "string", "description": "What for.",
                         "enum": ["tea", "mat\u00e9"]},
                "cups": {"type": "integer", "minimum": 1, "maximum": 8}},
                "required": ["cups"]}}}]}, "kettle")


@pytest.fixture
def two_cups() -> ToolCall:
    return ToolCall("boil", {"cups": 2, "kind": "tea"})


@pytest.fixture
def every_type() -> ToolCall:
    """A call of the workshop with every JSON type, nested ones too."""
    return ToolCall("plan", {
        "note": "a b", "share": -0.5, "loud": True, "gap": None, "level": "wine cellar",
        "days": ["mo", "tu"], "marks": ["x"], "box": {"width": 7, "label": "z"}})


def dialogue(pieces: PromptPieces, answer: str) -> str:
    """A prompt of two turns, the first answered."""
    return (pieces.prefix + pieces.past_turn("Boil two cups for tea.", answer)
            + pieces.open_turn("One more."))
