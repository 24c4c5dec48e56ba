"""One row of any source as a labelled dialogue. Leaves out: reading files, and judging the calls.

Rows hold OpenAI messages (under ``messages``, ``context`` or ``conversation``, as a list or its
JSON text), a logged exchange (``request`` and ``response`` of the chat completions interface,
https://platform.openai.com/docs/api-reference/chat), or ``question`` and ``answer``, which is also
how a hub records them: of its rows only those with the verdict "admitted" have an answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from iotcall.catalogue import ToolCall, call_from_json, without_surrogates
from iotcall.errors import CallError
from iotcall.evaluate import Dialogue, LabelledTurn

MOST_TURNS = 200
MOST_CHARACTERS = 2000
"""Of an utterance, of what was asked before it, and of a call's arguments as JSON."""
_MESSAGES = ("messages", "context", "conversation")
_VERDICT = re.compile(r"[a-z][a-z _-]{0,39}")


class LeftOut(msgspec.Struct, frozen=True):
    """Why a row is not used."""

    reason: str
    """One of few texts, to be counted; never words of the row."""
    detail: str = ""


class Told(msgspec.Struct, frozen=True):
    """What a row tells."""

    dialogue: Dialogue
    asked: tuple[str, ...]
    """For every turn what the assistant had said in words just before; often empty."""
    cut: LeftOut | None = None
    """Why turns after these were left out; None: none were."""


class _Fault(Exception):
    def __init__(self, reason: str, detail: str = "") -> None:
        self.left_out = LeftOut(reason, detail)
        super().__init__(reason)


def read_row(row: Any) -> Told | LeftOut:
    """The dialogue of a row, up to the first turn that cannot be used."""
    try:
        messages, home = _messages_of(row)
    except _Fault as fault:
        return fault.left_out
    turns: list[LabelledTurn] = []
    asked: list[str] = []
    cut: LeftOut | None = None
    try:
        for turn, question in _turns(messages):
            if len(turns) == MOST_TURNS:
                raise _Fault("too many turns", f"expected at most {MOST_TURNS}")
            turns.append(turn)
            asked.append(question)
    except _Fault as fault:
        cut = fault.left_out
    if not turns:
        return cut or LeftOut("no user turn")
    return Told(Dialogue(tuple(turns), home), tuple(asked), cut)


def _messages_of(row: Any) -> tuple[list[Any], str]:
    if not isinstance(row, dict):
        raise _Fault("not an object", f"found {type(row).__name__}")
    verdict = row.get("verdict")
    if verdict is not None and verdict != "admitted":
        known = isinstance(verdict, str) and _VERDICT.fullmatch(verdict)
        raise _Fault(f"the hub's verdict: {verdict}" if known else "the hub's verdict: unknown")
    home = row.get("home")
    home = without_surrogates(home) if isinstance(home, str) else ""
    if "question" in row:
        return [*_listed(row["question"], alone=True), _answer(row)], home
    for key in _MESSAGES:
        if key in row:
            return _listed(row[key], alone=False), home
    if isinstance(request := _embedded(row.get("request")), dict):
        return [*_listed(request.get("messages"), alone=False), _response(row)], home
    raise _Fault("no messages", f"its keys are {', '.join(sorted(map(str, row))[:8])}")


def _listed(value: Any, *, alone: bool) -> list[Any]:
    """`alone`: whether a text that is no list of messages is an utterance."""
    found = _embedded(value)
    if isinstance(found, list) and (not alone or isinstance(value, list) or (
            found and all(isinstance(item, dict) for item in found))):
        return found
    if alone and isinstance(value, str):
        return [{"role": "user", "content": value}]
    raise _Fault("no messages", f"expected a list, found {type(found).__name__}")


def _answer(row: dict[str, Any]) -> dict[str, Any]:
    if "answer" not in row:
        raise _Fault("no answer")
    answer = _embedded(row["answer"])
    if answer is None or isinstance(answer, str) or (
            isinstance(answer, dict) and "refusal" in answer):
        return {"role": "assistant", "tool_calls": []}
    return {"role": "assistant", "tool_calls": answer if isinstance(answer, list) else [answer]}


def _response(row: dict[str, Any]) -> Any:
    response = _embedded(row.get("response"))
    choices = response.get("choices") if isinstance(response, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise _Fault("no answer")
    return choices[0].get("message")


def _turns(messages: list[Any]) -> Iterator[tuple[LabelledTurn, str]]:
    """Every turn with its calls: those of all assistant messages up to the next utterance."""
    utterance: str | None = None
    calls: list[ToolCall] = []
    asked = before = ""
    answered = False
    for message in messages:
        if not isinstance(message, dict):
            raise _Fault("no messages", f"one is {type(message).__name__}")
        role = message.get("role")
        if role == "user":
            if utterance is not None:
                if not answered:
                    raise _Fault("no answer", "two user messages stand in a row")
                yield LabelledTurn(utterance, tuple(calls)), before
            utterance, calls, answered = _said(message), [], False
            before, asked = asked, ""
        elif role == "assistant":
            answered = True
            asked = _words(message.get("content"))[-MOST_CHARACTERS:]
            if utterance is not None:
                calls += _calls(message)
        elif role not in ("system", "developer", "tool", "function"):
            raise _Fault("unknown role", repr(role)[:40])
    if utterance is None:
        raise _Fault("no user turn")
    if not answered:
        raise _Fault("no answer", "the last message is the user's")
    yield LabelledTurn(utterance, tuple(calls)), before


def _said(message: dict[str, Any]) -> str:
    text = _words(message.get("content")).strip()
    if not text:
        raise _Fault("nothing said", "the user's content is empty or no text")
    if len(text) > MOST_CHARACTERS:
        raise _Fault("too long", f"{len(text)} characters; expected at most {MOST_CHARACTERS}")
    return text


def _words(content: Any) -> str:
    """A content's text: a text, or parts of which some are text."""
    if isinstance(content, list):
        content = " ".join(part["text"] for part in content if isinstance(part, dict)
                           and isinstance(part.get("text"), str))
    return str(without_surrogates(content)) if isinstance(content, str) else ""


def _calls(message: dict[str, Any]) -> list[ToolCall]:
    found = message.get("tool_calls")
    if found is None:  # the older interface: one call
        found = [message["function_call"]] if message.get("function_call") else []
    if not isinstance(found, list):
        raise _Fault("call unreadable", f"tool_calls is {type(found).__name__}")
    try:
        calls = [call_from_json(without_surrogates(item)) for item in found]
        size = sum(len(json.dumps(call.arguments)) for call in calls)
    except (CallError, TypeError, ValueError, RecursionError) as error:
        raise _Fault("call unreadable", str(error)[:200]) from error
    if size > MOST_CHARACTERS:
        raise _Fault("too long", f"arguments of {size} characters")
    return calls


def _embedded(value: Any) -> Any:
    """JSON that is written as a text inside JSON; numbers and truth values stay texts."""
    if isinstance(value, str):
        try:
            inner = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return value if isinstance(inner, (int, float, bool)) else inner
    return value
