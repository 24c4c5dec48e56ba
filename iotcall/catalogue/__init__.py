"""Tools, calls and when two calls are the same. Leaves out: how a student writes a call."""

from iotcall.catalogue.calls import ToolCall, call_from_json, equivalent, equivalent_all
from iotcall.catalogue.check import misfit, ordered
from iotcall.catalogue.nodes import (
    MAPPING_NAME,
    Array,
    Boolean,
    Enumeration,
    Field,
    Integer,
    Mapping,
    Node,
    Null,
    Number,
    Object,
    Source,
    Text,
    Union,
    children,
    decimal_places,
)
from iotcall.catalogue.presence import Presence, decide, holds
from iotcall.catalogue.schema import read_schema
from iotcall.catalogue.text import without_surrogates
from iotcall.catalogue.tools import Catalogue, Skill, Tool, catalogue_from_json, load_catalogue

__all__ = [
    "MAPPING_NAME",
    "Array",
    "Boolean",
    "Catalogue",
    "Enumeration",
    "Field",
    "Integer",
    "Mapping",
    "Node",
    "Null",
    "Number",
    "Object",
    "Presence",
    "Skill",
    "Source",
    "Text",
    "Tool",
    "ToolCall",
    "Union",
    "call_from_json",
    "catalogue_from_json",
    "children",
    "decide",
    "decimal_places",
    "equivalent",
    "equivalent_all",
    "holds",
    "load_catalogue",
    "misfit",
    "ordered",
    "read_schema",
    "without_surrogates",
]
