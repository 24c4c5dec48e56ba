"""A catalogue of tools in the OpenAI function-calling format. Leaves out: how they are called."""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from iotcall.catalogue.calls import ToolCall
from iotcall.catalogue.check import check_value, ordered
from iotcall.catalogue.nodes import Mapping, Node, Object, children
from iotcall.catalogue.scalars import KNOWN_EXTENSIONS
from iotcall.catalogue.schema import read_schema
from iotcall.errors import CallError, CatalogueError, FileError, SchemaError

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
"""Of tools and parameters: what every wire format can write."""
NAME_RULE = "use letters, digits, '_', '.' and '-', beginning with a letter or '_'"
MOST_CALLS = 8
"""Calls in one answer that a catalogue may ask for."""
LARGEST_FILE = 2_000_000
"""Bytes of a catalogue's file."""
_KEYS = ("task_description", "tools", "max_tool_calls", "tool_choice", "skills")


class Tool(msgspec.Struct, frozen=True):
    """One tool that a student may call."""

    name: str
    description: str
    parameters: Object
    declaration: dict[str, Any]
    """The tool as it was declared, ``{"type": "function", "function": {...}}``."""

    @property
    def shown(self) -> dict[str, Any]:
        """The declaration as prompts show it: without our own keywords."""
        shown: dict[str, Any] = _without_extensions(self.declaration)
        return shown


class Skill(msgspec.Struct, frozen=True):
    """A part of a catalogue with a prompt of its own: the first decision picks it."""

    name: str
    description: str
    tools: tuple[str, ...]
    """Names of its tools; every tool of the catalogue is in one skill."""


class Catalogue(msgspec.Struct, frozen=True):
    """The tools of one task, with what the student is told of the task."""

    name: str
    task: str
    """Task description, the system prompt; may be empty."""
    tools: tuple[Tool, ...]
    max_calls: int = 1
    """Calls in one answer, at most."""
    may_decline: bool = False
    """Whether an answer may hold no call at all."""
    skills: tuple[Skill, ...] = ()
    """Empty: one prompt declares all tools."""

    def of_skill(self, skill: Skill) -> Catalogue:
        """The part of the catalogue that a skill's prompt declares."""
        tools = tuple(tool for tool in self.tools if tool.name in skill.tools)
        return Catalogue(f"{self.name}/{skill.name}", self.task, tools, self.max_calls)

    def router(self) -> Catalogue:
        """The catalogue of the first decision: its tools are the skills, without arguments."""
        tools = tuple(_tool({"name": skill.name, "description": skill.description}, "/skills")
                      for skill in self.skills)
        return Catalogue(f"{self.name}/router", self.task, tools,
                         min(self.max_calls, len(tools)), self.may_decline)

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
        return ToolCall(call.name, ordered(self.tool(call.name).parameters, call.arguments))

    def to_json(self) -> dict[str, Any]:
        """What `catalogue_from_json` reads."""
        found: dict[str, Any] = {"task_description": self.task,
                                 "tools": [tool.declaration for tool in self.tools]}
        if self.max_calls > 1:
            found["max_tool_calls"] = self.max_calls
        if self.may_decline:
            found["tool_choice"] = "auto"
        if self.skills:
            found["skills"] = msgspec.to_builtins(self.skills)
        return found


def load_catalogue(path: Path) -> Catalogue:
    """The catalogue in a file, or in ``tools.json`` of a folder, named after it.

    Raises:
        FileError: the file cannot be read or is no JSON.
        CatalogueError: its tools cannot be read, or use what cannot be honoured.
    """
    source = path / "tools.json" if path.is_dir() else path
    try:
        size = source.stat().st_size
        if size > LARGEST_FILE:
            raise FileError(source, f"has {size / 1e6:.1f} MB; expected a catalogue of "
                                    f"{LARGEST_FILE / 1e6:.0f} MB at most: divide it")
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
    options: dict[str, Any] = value if isinstance(value, dict) else {"tools": value}
    unknown = sorted(options.keys() - {*_KEYS})
    if unknown:
        near = get_close_matches(unknown[0], _KEYS, 1)
        raise CatalogueError(f"unknown key {unknown[0]!r}; " + (
            f"did you mean {near[0]!r}?" if near else f"expected some of {', '.join(_KEYS)}"))
    task, items = options.get("task_description", ""), options.get("tools")
    if not isinstance(items, list) or not items or not isinstance(task, str):
        raise CatalogueError("expected a non-empty array of tools, alone or as the key 'tools' "
                             "beside a text 'task_description'")
    most, choice = options.get("max_tool_calls", 1), options.get("tool_choice", "required")
    if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= MOST_CALLS:
        raise CatalogueError(f"/max_tool_calls: expected 1..{MOST_CALLS}, found {most!r}")
    if choice not in ("required", "auto"):
        raise CatalogueError(f"/tool_choice: expected 'required' or 'auto', found {choice!r}")
    tools = tuple(_tool(item, f"/{index}") for index, item in enumerate(items))
    names = [tool.name for tool in tools]
    for index, tool_name in enumerate(names):
        if tool_name in names[:index]:
            raise CatalogueError(f"/{index}/function/name: the tool {tool_name!r} is declared more "
                                 f"than once, first at /{names.index(tool_name)}")
    return Catalogue(name, task, tools, most, choice == "auto",
                     _skills(options.get("skills", []), names))


def _skills(value: Any, tools: list[str]) -> tuple[Skill, ...]:
    try:
        skills = msgspec.convert(value, tuple[Skill, ...], strict=True)
    except msgspec.ValidationError as error:
        raise CatalogueError(f"/skills: expected a list of {{'name', 'description', 'tools'}}: "
                             f"{error}") from error
    if not skills:
        return ()
    placed = [name for skill in skills for name in skill.tools]
    for name in dict.fromkeys([*placed, *tools]):
        if name not in tools:
            raise CatalogueError(f"/skills: no tool is called {name!r}")
        if placed.count(name) != 1:
            raise CatalogueError(f"/skills: the tool {name!r} is in {placed.count(name)} skills; "
                                 "expected one")
    names = [skill.name for skill in skills]
    for name in names:
        if names.count(name) > 1 or not NAME.match(name):
            raise CatalogueError(f"/skills: the skill {name!r} is declared more than once or is no "
                                 f"name; {NAME_RULE}")
    return skills


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
    if isinstance(parameters, Mapping):
        parameters = Object(())  # parameters that nobody declared cannot be given
    if not isinstance(parameters, Object):
        raise CatalogueError(f"{place}: expected type 'object'")
    _check_names(parameters, place)
    declared = function.get("parameters", {}).get("properties", {})
    for field in parameters.fields:
        if field.name not in declared:
            near = get_close_matches(field.name, declared, 1)
            raise SchemaError(f"{place}/required", f"{field.name!r} is not among the properties" + (
                f"; did you mean {near[0]!r}?" if near else ""))
    declaration = item if "function" in item else {"type": "function", "function": item}
    return Tool(name, str(function.get("description", "")), parameters, declaration)


def _check_names(node: Node, place: str) -> None:
    if isinstance(node, Object):
        for field in node.fields:
            if not NAME.match(field.name):
                raise SchemaError(f"{place}/properties/{field.name}",
                                  f"{field.name!r} is no name; {NAME_RULE}")
    for inner in children(node):
        _check_names(inner, place)


def _without_extensions(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_extensions(inner) for key, inner in value.items()
                if key not in KNOWN_EXTENSIONS}
    return [_without_extensions(item) for item in value] if isinstance(value, list) else value
