"""A student's own chat template against our rendering. Leaves out: running templates on a hub.

Where they differ, the pieces are taken from the template: it is rendered on a dialogue of two turns
whose utterances are marks that occur nowhere else, and cut at the marks and at our rendering of the
call between them.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
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
    ToolCall,
    Union,
)
from iotcall.errors import ExportError
from iotcall.formats import Format, PromptPieces

_FIRST, _SECOND = "\u2042first\u2042", "\u2042second\u2042"


def template_pieces(checkpoint: Path, format: Format, catalogue: Catalogue) -> tuple[
        PromptPieces, tuple[str, ...]]:
    """The pieces that this student was made for, and notes on where they differ from ours.

    Without a chat template these are the format's own.

    Raises:
        ExportError: the template cannot be cut into pieces; shows the difference.
    """
    ours = format.pieces(catalogue)
    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True,
                                                  trust_remote_code=False)
    except Exception as error:  # transformers raises whatever its readers raise
        raise ExportError(f"{checkpoint}: transformers cannot read the tokenizer: "
                          f"{error}") from error
    if not tokenizer.chat_template:
        return ours, ()
    call = _probe_call(catalogue)
    text = format.render([call], catalogue)
    rendered = _render(tokenizer, catalogue, {"content": "", "tool_calls": [
        {"type": "function", "function": msgspec.to_builtins(call)}]})
    if text not in rendered:
        # some templates know no tool_calls: there a call is what the assistant wrote
        written = _render(tokenizer, catalogue, {"content": text})
        rendered = written if text in written else rendered
    special = sorted({str(token.content) for token in tokenizer.added_tokens_decoder.values()},
                     key=len, reverse=True)
    expected = _expected(ours, format, catalogue, call)
    if rendered == expected:
        return ours, ()
    theirs = _cut(rendered, ours, text, special, expected)
    again = _expected(theirs, format, catalogue, call)
    if again != rendered:
        raise _refused(again, rendered)
    return theirs, tuple(_differences(ours, theirs))


def _render(tokenizer: Any, catalogue: Catalogue, answer: dict[str, Any]) -> str:
    """The template on two turns, thinking off, up to where the student answers."""
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": _FIRST},
        {"role": "assistant", **answer},
        {"role": "user", "content": _SECOND},
    ]
    if catalogue.task:
        messages.insert(0, {"role": "system", "content": catalogue.task})
    try:
        return str(tokenizer.apply_chat_template(
            messages, tools=[tool.shown for tool in catalogue.tools], tokenize=False,
            add_generation_prompt=True, enable_thinking=False))
    except Exception as error:  # jinja2 raises what the template's author chose to raise
        raise ExportError(f"the checkpoint's chat template fails on a dialogue of two turns with "
                          f"a call between them: {error}") from error


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
