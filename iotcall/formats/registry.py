"""All wire formats by name."""

from __future__ import annotations

from iotcall.errors import InputError
from iotcall.formats.base import Format
from iotcall.formats.compact import COMPACT
from iotcall.formats.functiongemma import FUNCTIONGEMMA
from iotcall.formats.hermes import HERMES
from iotcall.formats.lfm2 import LFM2, LFM25

FORMATS: dict[str, Format] = {
    format.name: format for format in (COMPACT, FUNCTIONGEMMA, HERMES, LFM2, LFM25)
}


def format_named(name: str) -> Format:
    """The format of that name.

    Raises:
        InputError: there is none; lists them.
    """
    if name not in FORMATS:
        raise InputError(f"no wire format is called {name!r}; expected one of {', '.join(FORMATS)}")
    return FORMATS[name]
