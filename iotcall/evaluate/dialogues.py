"""Labelled dialogues in JSON Lines: the data of eval, train and export. Leaves out: judging them.

A row is ``{"question", "answer"}``: the question an utterance or a list of messages (or its JSON
text), the answer the call of the last user turn. Every user turn is one item; those before the last
are labelled by the assistant message that follows them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from iotcall.catalogue import ToolCall, call_from_json, without_surrogates
from iotcall.errors import CallError, FileError


class LabelledTurn(msgspec.Struct, frozen=True):
    utterance: str
    calls: tuple[ToolCall, ...]
    """Reference calls; empty where the reference is a refusal."""


class Dialogue(msgspec.Struct, frozen=True):
    turns: tuple[LabelledTurn, ...]
    home: str = ""
    """Name of the home it is said in; empty: none in particular."""


def read_dialogues(path: Path) -> list[Dialogue]:
    """All dialogues of a file.

    Raises:
        FileError: the file or one of its lines cannot be read; names the line.
    """
    try:
        # subtle: splitlines would also split at U+2028 and the like inside an utterance
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(path, f"cannot be read: {error}") from error
    dialogues = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                dialogues.append(_dialogue(_loads(line)))
            except (ValueError, RecursionError, CallError) as error:
                # ValueError: no JSON, or a number of thousands of digits
                raise FileError(path, str(error), place=f"line {number}") from error
    if not dialogues:
        raise FileError(path, "holds no dialogue; expected one JSON object a line")
    return dialogues


def dialogue_to_json(dialogue: Dialogue) -> dict[str, Any]:
    """The row that `read_dialogues` reads."""
    messages: list[dict[str, Any]] = []
    for turn in dialogue.turns:
        messages.append({"role": "user", "content": turn.utterance})
        messages.append({"role": "assistant", "content": "", "tool_calls": [
            {"type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in turn.calls]})
    last = dialogue.turns[-1].calls
    answer: Any = [{"name": call.name, "parameters": call.arguments} for call in last]
    row = {"question": messages[:-1], "answer": answer[0] if len(answer) == 1 else answer}
    return row | ({"home": dialogue.home} if dialogue.home else {})


def write_dialogues(dialogues: Iterable[Dialogue], path: Path) -> None:
    """Write the rows, all or nothing."""
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            for dialogue in dialogues:
                file.write(json.dumps(dialogue_to_json(dialogue), ensure_ascii=False) + "\n")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _dialogue(row: Any) -> Dialogue:
    if not isinstance(row, dict) or "question" not in row or "answer" not in row:
        raise CallError("expected an object with 'question' and 'answer'")
    messages = _messages(row["question"])
    turns = list(_turns(messages, _answer(row["answer"])))
    if not turns:
        raise CallError("the question has no user message")
    home = row.get("home")
    if home is not None and not isinstance(home, str):
        raise CallError(f"expected the home as a name, found {home!r}")
    return Dialogue(tuple(turns), home or "")


def _messages(question: Any) -> list[Any]:
    """The messages of a question: a list, its JSON text, or an utterance."""
    if isinstance(question, list):
        return question
    if not isinstance(question, str):
        raise CallError("expected the question to be an utterance or a list of messages")
    written = _embedded(question) if question.lstrip().startswith("[") else None
    if isinstance(written, list) and written and all(isinstance(item, dict) for item in written):
        return written
    return [{"role": "user", "content": question}]


def _turns(messages: Sequence[Any], answer: tuple[ToolCall, ...]) -> Iterable[LabelledTurn]:
    utterance: str | None = None
    for message in messages:
        if not isinstance(message, dict):
            raise CallError(f"expected messages as objects, found {message!r}")
        if message.get("role") == "user":
            if utterance is not None:
                raise CallError(f"the user turn {utterance!r} is followed by no assistant message")
            utterance = message.get("content")
            if not isinstance(utterance, str):
                raise CallError(f"expected a user's content as text, found {utterance!r}")
        elif message.get("role") == "assistant" and utterance is not None:
            calls = message.get("tool_calls") or []
            if not isinstance(calls, list):
                raise CallError(f"expected tool_calls as a list, found {calls!r}")
            yield LabelledTurn(utterance, tuple(map(call_from_json, calls)))
            utterance = None
    if utterance is None:
        raise CallError("the last message is not the user's, so the answer answers nothing")
    yield LabelledTurn(utterance, answer)


def _answer(value: Any) -> tuple[ToolCall, ...]:
    """A call, a list of calls, or a refusal: null, an empty list, a text, {"refusal": ...}."""
    value = _embedded(value)
    if value is None or isinstance(value, str) or (isinstance(value, dict) and "refusal" in value):
        return ()
    if isinstance(value, list):
        return tuple(map(call_from_json, value))
    return (call_from_json(value),)


def _embedded(value: Any) -> Any:
    """JSON that is written as a text inside JSON."""
    if isinstance(value, str):
        try:
            inner = _loads(value)
        except json.JSONDecodeError:
            return value
        return value if isinstance(inner, (int, float, bool)) else inner
    return value


def _loads(text: str) -> Any:
    return without_surrogates(json.loads(text))
