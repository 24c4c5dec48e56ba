r"""A pattern of JSON Schema -> an expression of the whole string. Build side only.

A pattern may match anywhere, so that an unanchored end stands for any text there. Of the characters
that a class or a dot could mean, only printable ASCII is written, besides those that the pattern
itself names: a subset. What has no finite automaton, or means other things elsewhere, is refused.
Source: ECMA-262, where ``\d`` and ``\w`` are ASCII; parsed by Python's ``re``.
"""

from __future__ import annotations

import re
from typing import Any

from iotcall.errors import InputError
from iotcall.formats.pattern import literal

_ANY = "[ -~]"
_CLASSES = {
    "CATEGORY_DIGIT": "0-9", "CATEGORY_WORD": "A-Za-z0-9_", "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_DIGIT": r" -/:-~", "CATEGORY_NOT_WORD": r" -/:-@\[-^`\{-~",
    "CATEGORY_NOT_SPACE": "!-~",
}


def whole_expression(pattern: str) -> str:
    """Expression of every string in which the pattern matches.

    Raises:
        InputError: names what cannot be honoured.
    """
    parser = re._parser  # type: ignore[attr-defined]
    parsed = parser.parse(pattern)
    if parsed.state.flags & re.IGNORECASE:
        raise InputError("flags inside a pattern cannot be honoured here")
    tree = list(parsed)
    branches = [tree]
    if len(tree) == 1 and str(tree[0][0]) == "BRANCH":
        branches = [list(branch) for branch in tree[0][1][1]]
    elif len(tree) == 1 and str(tree[0][0]) == "SUBPATTERN" and _has_anchor(tree[0][1][3]):
        inner = list(tree[0][1][3])
        branches = [inner]
        if len(inner) == 1 and str(inner[0][0]) == "BRANCH":
            branches = [list(branch) for branch in inner[0][1][1]]
    return "(?:" + "|".join(map(_branch, branches)) + ")"


def _branch(items: list[Any]) -> str:
    begins = bool(items) and _is_anchor(items[0], "AT_BEGINNING")
    items = items[1:] if begins else items
    ends = bool(items) and _is_anchor(items[-1], "AT_END")
    items = items[:-1] if ends else items
    return ("" if begins else f"{_ANY}*") + _sequence(items) + ("" if ends else f"{_ANY}*")


def _is_anchor(item: Any, kind: str) -> bool:
    return str(item[0]) == "AT" and str(item[1]) in (kind, f"{kind}_STRING")


def _has_anchor(items: Any) -> bool:
    return any(str(op) == "AT" for op, _ in items) or any(
        str(op) == "BRANCH" and any(map(_has_anchor, value[1])) for op, value in items)


def _sequence(items: Any) -> str:
    return "".join(_item(str(op), value) for op, value in items)


def _item(op: str, value: Any) -> str:
    match op:
        case "LITERAL":
            return literal(_printable(value))
        case "NOT_LITERAL":
            return _negated([("LITERAL", value)])
        case "ANY":
            return _ANY
        case "IN":
            items = [(str(kind), inner) for kind, inner in value]
            if items[0][0] == "NEGATE":
                return _negated(items[1:])
            return f"[{''.join(_member(kind, inner) for kind, inner in items)}]"
        case "BRANCH":
            return "(?:" + "|".join(_sequence(branch) for branch in value[1]) + ")"
        case "SUBPATTERN":
            _, added, removed, inner = value
            if added or removed:
                raise InputError("flags inside a pattern cannot be honoured here")
            return f"(?:{_sequence(inner)})"
        case "MAX_REPEAT" | "MIN_REPEAT":
            low, high, inner = value
            most = "" if str(high) == "MAXREPEAT" else str(high)
            return f"(?:{_sequence(inner)}){{{low},{most}}}"
    names = {"AT": "an anchor inside", "ASSERT": "a look-around", "ASSERT_NOT": "a look-around",
             "GROUPREF": "a reference to a group"}
    raise InputError(f"{names.get(op, op.lower())} cannot be honoured here")


def _member(kind: str, value: Any) -> str:
    match kind:
        case "LITERAL":
            return literal(_printable(value))
        case "RANGE":
            low, high = value
            return f"{literal(_printable(low))}-{literal(_printable(high))}"
        case "CATEGORY" if str(value) in _CLASSES:
            return _CLASSES[str(value)]
    raise InputError(f"{kind.lower()} in a class cannot be honoured here")


def _negated(items: list[tuple[str, Any]]) -> str:
    kept = re.compile(f"[^{''.join(_member(kind, value) for kind, value in items)}]")
    members = [char for char in map(chr, range(0x20, 0x7F)) if kept.fullmatch(char)]
    if not members:
        raise InputError("no printable ASCII character is in a negated class")
    return f"[{''.join(map(literal, members))}]"


def _printable(code: int) -> str:
    if code < 0x20 or 0x7F <= code < 0xA0 or code >= 0xC0000 or 0xD800 <= code < 0xF900:
        raise InputError(f"the character U+{code:04X} cannot be written")
    return chr(code)
