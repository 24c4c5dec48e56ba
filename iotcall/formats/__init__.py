"""Wire formats: how each family of students is prompted and writes a call."""

from iotcall.formats.base import Format, PromptPieces
from iotcall.formats.compact import COMPACT
from iotcall.formats.functiongemma import FUNCTIONGEMMA
from iotcall.formats.hermes import HERMES
from iotcall.formats.lfm2 import LFM2, LFM25
from iotcall.formats.pattern import MARKER_BASE
from iotcall.formats.registry import FORMATS, format_named
from iotcall.formats.writing import SLOT_BASE, Slot, Slots, SpeltOut, Writing

__all__ = [
    "COMPACT",
    "FORMATS",
    "FUNCTIONGEMMA",
    "HERMES",
    "LFM2",
    "LFM25",
    "MARKER_BASE",
    "SLOT_BASE",
    "Format",
    "PromptPieces",
    "Slot",
    "Slots",
    "SpeltOut",
    "Writing",
    "format_named",
]
