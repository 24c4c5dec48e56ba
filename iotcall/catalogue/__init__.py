"""Tools, calls and when two calls are the same. Leaves out: how a student writes a call."""

from iotcall.catalogue.calls import ToolCall, call_from_json, equivalent, equivalent_all
from iotcall.catalogue.schema import (
    Array,
    Boolean,
    Enumeration,
    Field,
    Integer,
    Node,
    Null,
    Number,
    Object,
    Text,
    read_schema,
)
from iotcall.catalogue.text import without_surrogates
from iotcall.catalogue.tools import Catalogue, Tool, catalogue_from_json, load_catalogue

__all__ = [
    "Array",
    "Boolean",
    "Catalogue",
    "Enumeration",
    "Field",
    "Integer",
    "Node",
    "Null",
    "Number",
    "Object",
    "Text",
    "Tool",
    "ToolCall",
    "call_from_json",
    "catalogue_from_json",
    "equivalent",
    "equivalent_all",
    "load_catalogue",
    "read_schema",
    "without_surrogates",
]
