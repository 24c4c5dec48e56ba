"""The few forms of templates that can be read as a path or a text. Leaves out: running templates.

    {{ value_json.a['b'] | int }}  -> path a, b         {"level": {{ value }} }  -> {"level": {} }

A template is a program from the network and is never run: what has another form is not understood.
Source: https://www.home-assistant.io/docs/configuration/templating/ and
https://www.home-assistant.io/integrations/mqtt/ (using templates).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from iotcall.devices.points import Path

MAX_TEMPLATE_LENGTH = 512
"""Characters; what is longer is a program."""
_MAX_DEPTH = 8

_EXPRESSION = re.compile(
    r"\{\{-?\s*(value_json|value)"
    r"((?:\.[A-Za-z_]\w*|\[\s*(?:'[^'\\]*'|\"[^\"\\]*\"|\d{1,4})\s*\])*)"
    r"\s*((?:\|[^|{}]*)*?)-?\}\}")
_KEY = re.compile(r"\.(\w+)|\[\s*(?:'([^']*)'|\"([^\"]*)\"|(\d+))\s*\]")
_FILTER = re.compile(r"\|\s*(\w+)\s*(?:\([^()]*\))?\s*")
_SLOT = re.compile(r"(?<!\{)\{\{\s*(\w+)\s*((?:\|[^|{}]*)*)\}\}")

_HARMLESS = {"default", "d", "is_defined", "string", "trim"}
"""They change nothing that is there; what is not there tells nothing."""
_NUMERIC = {"int", "float", "round"}
_CASES: dict[str, Literal["lower", "upper"]] = {"lower": "lower", "upper": "upper"}


class Reading(msgspec.Struct, frozen=True):
    """Where a value stands in a payload."""

    path: Path = ()
    case: Literal["", "lower", "upper"] = ""
    """The letters that the template changes words to, before they are compared."""

    def forms(self, word: str) -> set[str]:
        """All that a device may say for a word of the config, as `Point` compares it.

        A template makes text of JSON: true becomes True. The letters before `case` are not known;
        those of usual words are taken.
        """
        made = {word}
        if self.case:
            if word != getattr(word, self.case)():
                return set()
            made |= {word.lower(), word.upper(), word.capitalize()}
        return made | {plain for each in made if (plain := _plain(each)) is not None}


def reading_of(template: Any, *, numeric: bool) -> Reading | None:
    """The path that a value template reads; None: not understood. Absent reads the payload.

    `numeric`: the value is a number, of which int, float and round keep what matters.
    """
    if template is None or template == "":
        return Reading()
    if not isinstance(template, str) or len(template) > MAX_TEMPLATE_LENGTH:
        return None
    found = _EXPRESSION.fullmatch(template.strip())
    if found is None:
        return None
    variable, keys, filters = found.groups()
    names = _filters(filters)
    if names is None or not names <= _HARMLESS | set(_CASES) | (_NUMERIC if numeric else set()):
        return None
    path: Path = tuple(_key(each) for each in _KEY.finditer(keys))
    if (variable == "value" and path) or len(path) > _MAX_DEPTH:
        return None
    cases = [_CASES[name] for name in names if name in _CASES]
    if len(cases) > 1:
        return None
    return Reading(path, cases[0] if cases and not numeric else "")


def text_of(template: Any, *, slot: str = "value", whole: bool = True) -> str | None:
    """The payload that a command template makes, with {} for the value: empty where it is the
    value alone or there is no template; None: not understood.

    `slot`: the variable that stands for the value; `whole`: int and round keep the value as it is.
    """
    if template is None or template == "":
        return ""
    if not isinstance(template, str) or len(template) > MAX_TEMPLATE_LENGTH:
        return None
    text = template.strip()
    slots = list(_SLOT.finditer(text))
    if len(slots) != 1 or slots[0][1] != slot:
        return None
    before, after = text[:slots[0].start()], text[slots[0].end():]
    names = _filters(slots[0][2])
    harmless = {"default", "d", "string", "trim", "float"} | ({"int", "round"} if whole else set())
    if names is None or not names <= harmless:
        return None
    if any(mark in part for part in (before, after) for mark in ("{{", "{%", "{#", "{}")):
        return None
    if not (before + after).replace("\n", " ").replace("\t", " ").isprintable():
        return None
    return before + "{}" + after if before or after else ""


def said_for(reading: Reading, words: Iterable[tuple[str | None, str]]) -> dict[str, str]:
    """What is said -> our word, of (word of the config, our word); what stands for two of ours is
    left out."""
    made: dict[str, str] = {}
    twice: set[str] = set()
    for said, ours in words:
        for form in reading.forms(said) if said is not None else ():
            if made.setdefault(form, ours) != ours:
                twice.add(form)
    return {form: ours for form, ours in sorted(made.items()) if form not in twice}


def _key(found: re.Match[str]) -> str | int:
    attribute, single, double, index = found.groups()
    if index is not None:
        return int(index)
    return next(each for each in (attribute, single, double) if each is not None)


def _filters(said: str) -> set[str] | None:
    """Names of the filters; None where they are not simple."""
    names, at = set(), 0
    while at < len(said):
        found = _FILTER.match(said, at)
        if found is None:
            return None
        names.add(found[1])
        at = found.end()
    return names


def _plain(word: str) -> str | None:
    """As `Point` writes the JSON value that the word is the text of: True -> true, 1.0 -> 1."""
    if word in ("True", "False"):
        return word.lower()
    try:
        value = msgspec.json.decode(word)
    except (msgspec.DecodeError, RecursionError):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return None
