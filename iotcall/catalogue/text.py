"""Text that can be encoded. Leaves out: what it means."""

from __future__ import annotations

import re
from typing import Any

_SURROGATE = re.compile("[\ud800-\udfff]")


def without_surrogates(value: Any) -> Any:
    """A JSON value whose texts have U+FFFD where half a character stood.

    Such halves come from bytes on the command line that are no UTF-8, and from JSON's "\\ud800"; no
    encoding can write them.
    """
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list | tuple):
        return [without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {without_surrogates(key): without_surrogates(item) for key, item in value.items()}
    return value
