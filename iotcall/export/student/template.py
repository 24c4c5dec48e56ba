"""A student's own chat template against our rendering. Leaves out: running templates on a hub.

Where they differ, the pieces are taken from the template: it is rendered on a dialogue of two turns
whose utterances are marks that occur nowhere else, and cut at the marks and at our rendering of the
call between them.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from transformers import AutoTokenizer

from iotcall.catalogue import (
    Array,
    Boolean,
    Catalogue,
    Enumeration,
    Integer,
    Mapping,
    Node,
    Null,
    Number,
    Object,
    Text,
    Tool,
    ToolCall,
    Union,
)
from iotcall.errors import ExportError
from iotcall.export.student.dates import OTHERS, bundle_date
from iotcall.export.surroundings import first_line, quiet
from iotcall.formats import Format, PromptPieces

_FIRST, _SECOND = "\u2042first\u2042", "\u2042second\u2042"
_WAY_OUT = ("mend the chat template, or remove it (chat_template.jinja, or chat_template in "
            "tokenizer_config.json): then prompts are the wire format's own")


class TemplatePieces(msgspec.Struct, frozen=True, kw_only=True):
    """What a chat template makes of a catalogue."""

    pieces: PromptPieces
    """On the bundle's date."""
    notes: tuple[str, ...] = ()
    """Where they differ from ours."""
    otherwise: tuple[str, ...] = ()
    """The prefix on `OTHERS`, where it is of a date; see `dates.dated_prefix`."""


def template_pieces(checkpoint: Path, format: Format, catalogue: Catalogue) -> TemplatePieces:
    """The pieces that this student was made for.

    Without a chat template these are the format's own.

    Raises:
        ExportError: the template fails, leaves out what the format tells of a tool, or cannot be
            cut into pieces; shows the difference.
    """
    ours = format.pieces(catalogue)
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True,
                                                      trust_remote_code=False)
    except Exception as error:  # transformers raises whatever its readers raise
        raise ExportError(f"{checkpoint}: transformers cannot read the tokenizer: "
                          f"{first_line(error)}") from error
    if not tokenizer.chat_template:
        return TemplatePieces(pieces=ours)
    theirs, *others = (_pieces(tokenizer, format, catalogue, ours, when)
                       for when in (bundle_date(), *OTHERS))
    if theirs != ours:
        _check_tools(ours.prefix, theirs.prefix, catalogue)
    dated = [name for name in PromptPieces.__struct_fields__ if name != "prefix"
             and any(getattr(other, name) != getattr(theirs, name) for other in others)]
    notes = [*_differences(ours, theirs),
             *(f"the chat template writes today's date in {name}; the bundle keeps "
               f"{bundle_date().date().isoformat()}" for name in dated)]
    moved = any(other.prefix != theirs.prefix for other in others)
    return TemplatePieces(pieces=theirs, notes=tuple(notes),
                          otherwise=tuple(other.prefix for other in others) if moved else ())


def _pieces(tokenizer: Any, format: Format, catalogue: Catalogue, ours: PromptPieces,
            when: datetime) -> PromptPieces:
    """Those of the template at that time."""
    call = _probe_call(catalogue)
    text = format.render([call], catalogue)
    rendered = _render(tokenizer, catalogue, when, {"content": "", "tool_calls": [
        {"type": "function", "function": msgspec.to_builtins(call)}]})
    if text not in rendered:
        # some templates know no tool_calls: there a call is what the assistant wrote
        written = _render(tokenizer, catalogue, when, {"content": text})
        rendered = written if text in written else rendered
    expected = _expected(ours, format, catalogue, call)
    if rendered == expected:
        return ours
    special = sorted({str(token.content) for token in tokenizer.added_tokens_decoder.values()},
                     key=len, reverse=True)
    theirs = _cut(rendered, ours, text, special, expected)
    again = _expected(theirs, format, catalogue, call)
    if again != rendered:
        raise _refused(again, rendered)
    return theirs


def _render(tokenizer: Any, catalogue: Catalogue, when: datetime, answer: dict[str, Any]) -> str:
    """The template on two turns, thinking off, up to where the student answers."""
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": _FIRST},
        {"role": "assistant", **answer},
        {"role": "user", "content": _SECOND},
    ]
    if catalogue.task:
        messages.insert(0, {"role": "system", "content": catalogue.task})

    def attempt(*tools: Tool) -> str | Exception:
        try:
            return str(tokenizer.apply_chat_template(
                messages, tools=[tool.shown for tool in tools], tokenize=False,
                add_generation_prompt=True, enable_thinking=False,
                strftime_now=when.strftime))  # in place of the clock that transformers offers
        except Exception as error:  # jinja2 raises what the template's author chose to raise
            return error

    rendered = attempt(*catalogue.tools)
    if isinstance(rendered, str):
        return rendered
    what = "a dialogue of two turns with a call between them"
    if isinstance(attempt(), str):
        what = next((f"the tool {tool.name!r}" for tool in catalogue.tools
                     if not isinstance(attempt(tool), str)), what)
    raise ExportError(f"the checkpoint's chat template fails on {what}: {first_line(rendered)}; "
                      f"{_WAY_OUT}") from rendered


def _check_tools(ours: str, theirs: str, catalogue: Catalogue) -> None:
    """Nothing if the template's prefix tells of every tool what the format's prefix tells."""
    for tool in catalogue.tools:
        parameters = tool.shown["function"].get("parameters", {}).get("properties", {})
        names = {"the name": tool.name} | {f"the parameter {name!r}": name for name in parameters}
        texts = {"the description": tool.description} | {
            f"the description of the parameter {name!r}": str(schema.get("description", ""))
            for name, schema in parameters.items() if isinstance(schema, dict)}
        for what, holds, text in (*((what, _names, name) for what, name in names.items()),
                                  *((what, _tells, text) for what, text in texts.items())):
            if holds(ours, text) and not holds(theirs, text):
                raise ExportError(f"the checkpoint's chat template leaves out {what} of the tool "
                                  f"{tool.name!r}; {_WAY_OUT}")


def _names(prompt: str, name: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", prompt) is not None


def _tells(prompt: str, text: str) -> bool:
    """Whether the text stands there, however its signs and spaces are written."""
    def letters(written: str) -> str:
        return re.sub(r"[\W_]+", "", written)

    spelt = (text, json.dumps(text, ensure_ascii=False), json.dumps(text))
    return any(letters(one) in letters(prompt) for one in spelt)


def _probe_call(catalogue: Catalogue) -> ToolCall:
    """A valid call with as many kinds of arguments as one tool has."""
    tool = max(catalogue.tools, key=lambda tool: len(tool.parameters.fields))
    return ToolCall(tool.name, {field.name: _example(field.node)
                                for field in tool.parameters.fields})


def _example(node: Node) -> Any:
    match node:
        case Enumeration(values):
            return values[0]
        case Integer(low, _):
            return low
        case Number(low):
            return float(low)
        case Boolean():
            return True
        case Null():
            return None
        case Text(low, high):  # it need not satisfy a pattern: it only has to be found again
            return "example"[:high].ljust(low, "e")
        case Array(items, low, _):
            return [_example(items)] * low
        case Object(fields):
            return {field.name: _example(field.node) for field in fields}
        case Mapping():
            return {}
        case Union(options):
            return _example(options[0])


def _expected(pieces: PromptPieces, format: Format, catalogue: Catalogue, call: ToolCall) -> str:
    return (pieces.prefix + pieces.past_turn(_FIRST, format.render([call], catalogue))
            + pieces.open_turn(_SECOND))


def _cut(rendered: str, ours: PromptPieces, call: str, special: Sequence[str],
         expected: str) -> PromptPieces:
    for mark in (_FIRST, _SECOND, call):
        if rendered.count(mark) != 1:
            raise _refused(expected, rendered)
    head, _, rest = rendered.partition(_FIRST)
    before_call, _, rest = rest.partition(call)
    after_call, _, tail = rest.partition(_SECOND)
    user_open = _user_open(head, after_call, special)
    if user_open is None:
        raise _refused(expected, rendered)
    user_close = _common_prefix(before_call, tail)
    # the generation prompt begins with a special token, so the close ends before one
    starts = [at for token in special if (at := user_close.rfind(token)) > 0]
    if ours.user_close and before_call.startswith(ours.user_close) \
            and tail.startswith(ours.user_close):
        user_close = ours.user_close
    elif starts:
        user_close = user_close[:max(starts)]
    past_call_close = after_call.removesuffix(user_open)
    ends = [token for token in special if past_call_close.startswith(token)]
    return PromptPieces(
        prefix=head.removesuffix(user_open), user_open=user_open, user_close=user_close,
        call_open=tail.removeprefix(user_close),
        past_call_open=before_call.removeprefix(user_close),
        end=ends[0] if ends else ours.end, past_call_close=past_call_close,
    )


def _user_open(head: str, after_call: str, special: Sequence[str]) -> str | None:
    """What opens a user's turn: the last special token that both contexts share, and after it."""
    shared = _common_prefix(head[::-1], after_call[::-1])[::-1]
    starts = [at for token in special if (at := shared.rfind(token)) >= 0]
    return shared[max(starts):] if starts else None


def _common_prefix(a: str, b: str) -> str:
    length = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        length += 1
    return a[:length]


def _differences(ours: PromptPieces, theirs: PromptPieces) -> list[str]:
    return [f"{name} is the chat template's: {getattr(theirs, name)[:120]!r} instead of "
            f"{getattr(ours, name)[:120]!r}"
            for name in PromptPieces.__struct_fields__
            if getattr(ours, name) != getattr(theirs, name)]


def _refused(expected: str, found: str) -> ExportError:
    diff = "\n".join(difflib.unified_diff(
        expected.splitlines(), found.splitlines(), "this format", "the chat template",
        lineterm="", n=1))
    return ExportError("the checkpoint's chat template writes dialogues in a way that this wire "
                       "format cannot; choose another --format or train with this one:\n" + diff)
