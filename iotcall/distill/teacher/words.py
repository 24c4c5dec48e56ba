"""JSON out of a model's words: fences, thoughts and chatter around it are taken off.

Leaves out: mending JSON that is broken; whoever wrote it is asked again.
"""

from __future__ import annotations

import json
import re
from typing import Any

from iotcall.catalogue import without_surrogates

LONGEST = 100_000
"""Characters that are looked at."""
_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?(</\1>|\Z)", re.DOTALL | re.IGNORECASE)
"""What reasoning models write before they answer, where a server leaves it in the text."""


def json_of(text: str) -> dict[str, Any] | None:
    """The first JSON object in the text; None: there is none."""
    text = _THOUGHT.sub(" ", text[:LONGEST])
    start = text.find("{")
    tries = 0
    decoder = json.JSONDecoder()
    while start >= 0 and tries < 32:
        try:
            value, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            start = text.find("{", start + 1)
            tries += 1
            continue
        return without_surrogates(value)  # type: ignore[no-any-return]
    return None
