"""A catalogue of tools in the OpenAI function-calling format. Leaves out: how they are called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from iotcall.catalogue.calls import ToolCall
from iotcall.catalogue.schema import (
    NAME,
    NAME_RULE,
    Array,
    Node,
    Object,
    check_value,
    read_schema,
)
from iotcall.errors import CallError, CatalogueError, FileError


class Tool(msgspec.Struct, frozen=True):
    """One tool that a student may call."""

    name: str
    description: str
    parameters: Object
    declaration: dict[str, Any]
    """The tool as it was declared, ``{"type": "function", "function": {...}}``, for prompts."""


class Catalogue(msgspec.Struct, frozen=True):
    """The tools of one task, with what the student is told of the task."""

    name: str
    task: str
    """Task description, the system prompt; may be empty."""
    tools: tuple[Tool, ...]

    def tool(self, name: str) -> Tool:
        """The tool of that name.

        Raises:
            CallError: there is none; lists the tools.
        """
        for tool in self.tools:
            if tool.name == name:
                return tool
        known = ", ".join(tool.name for tool in self.tools)
        raise CallError(f"no tool is called {name!r}; expected one of {known}")

    def check(self, call: ToolCall) -> None:
        """Nothing if the call is valid.

        Raises:
            CallError: names the argument, what was found and what was expected.
        """
        check_value(self.tool(call.name).parameters, call.arguments, call.name)

    def in_declared_order(self, call: ToolCall) -> ToolCall:
        """The same call with its arguments, and objects in them, in the order of the schema."""
        return ToolCall(call.name, _ordered(self.tool(call.name).parameters, call.arguments))

    def to_json(self) -> dict[str, Any]:
        """What `catalogue_from_json` reads."""
        return {"task_description": self.task, "tools": [tool.declaration for tool in self.tools]}


def load_catalogue(path: Path) -> Catalogue:
    """The catalogue in a file, or in ``tools.json`` of a folder, named after it.

    Raises:
        FileError: the file cannot be read or is no JSON.
        CatalogueError: its tools cannot be read, or use what cannot be honoured.
    """
    source = path / "tools.json" if path.is_dir() else path
    try:
        value = json.loads(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(source, f"cannot be read: {error}") from error
    except (ValueError, RecursionError) as error:
        raise FileError(source, f"is not valid JSON: {error}") from error
    try:
        return catalogue_from_json(value, path.resolve().name.removesuffix(".json"))
    except CatalogueError as error:
        raise CatalogueError(f"{source}: {error}") from error


def catalogue_from_json(value: Any, name: str) -> Catalogue:
    """A catalogue from a ``tools`` array, alone or inside an object with a task description.

    Raises:
        CatalogueError: what was found and what was expected, with a JSON pointer.
    """
    task = ""
    if isinstance(value, dict):
        task = value.get("task_description", "")
        value = value.get("tools")
    if not isinstance(value, list) or not value or not isinstance(task, str):
        raise CatalogueError("expected a non-empty array of tools, alone or as the key 'tools' "
                             "beside a text 'task_description'")
    tools = tuple(_tool(item, f"/{index}") for index, item in enumerate(value))
    names = [tool.name for tool in tools]
    for tool_name in names:
        if names.count(tool_name) > 1:
            raise CatalogueError(f"the tool {tool_name!r} is declared more than once")
    return Catalogue(name, task, tools)


def _ordered(node: Node, value: Any) -> Any:
    if isinstance(node, Object) and isinstance(value, dict):
        return {field.name: _ordered(field.node, value[field.name])
                for field in node.fields if field.name in value}
    if isinstance(node, Array) and isinstance(value, list):
        return [_ordered(node.items, item) for item in value]
    return value


def _tool(item: Any, pointer: str) -> Tool:
    function = item.get("function", item) if isinstance(item, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise CatalogueError(f"{pointer}: expected a tool {{'type': 'function', 'function': "
                             "{'name', 'description', 'parameters'}}")
    name = function["name"]
    if not NAME.match(name):
        raise CatalogueError(f"{pointer}/function/name: {name!r} is no name; {NAME_RULE}")
    place = f"{pointer}/function/parameters"
    parameters = read_schema(function.get("parameters", {"type": "object"}), place)
    if not isinstance(parameters, Object):
        raise CatalogueError(f"{place}: expected type 'object'")
    declaration = item if "function" in item else {"type": "function", "function": item}
    return Tool(name, str(function.get("description", "")), parameters, declaration)
