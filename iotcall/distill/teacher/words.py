"""JSON out of a model's words: fences, thoughts and chatter around it are taken off.

Leaves out: mending JSON that is broken; whoever wrote it is asked again.
"""

from __future__ import annotations

import json
import re
from typing import Any

from iotcall.catalogue import without_surrogates

LONGEST = 100_000
"""Characters that are looked at, behind the thoughts."""
_BEGINS = re.compile(r"<(?:think|thinking|reasoning)>", re.IGNORECASE)
_ENDS = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
"""Around what reasoning models write before they answer, where a server leaves it in the text."""


def json_of(text: str) -> dict[str, Any] | None:
    """The first JSON object in the text; None: there is none."""
    # subtle: templates that end with <think> leave only its end in the text
    text = _BEGINS.split(_ENDS.split(text)[-1])[0][:LONGEST]
    start = text.find("{")
    tries = 0
    decoder = json.JSONDecoder()
    while start >= 0 and tries < 32:
        try:
            value, _ = decoder.raw_decode(text, start)
            return without_surrogates(value)  # type: ignore[no-any-return]
        except (ValueError, RecursionError):
            start = text.find("{", start + 1)
            tries += 1
    return None
