"""Traces -> labelled dialogues that a catalogue can hold; the rest is counted by reason.

A line is a row of labelled dialogues (see evaluate.dialogues), or ``{"messages": [...]}`` in the
OpenAI format, where the last assistant message is the answer. A line that is neither ends the
reading: the file is another one. A dialogue that does not fit is left out: production traces hold
calls of tools that are gone. Leaves out: redaction and the many places that traces lie in.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from iotcall.catalogue import Catalogue, call_from_json, without_surrogates
from iotcall.distill.curation.groups import plain
from iotcall.errors import CallError, FileError
from iotcall.evaluate import Dialogue, LabelledTurn, read_dialogues

LONGEST_UTTERANCE = 500
"""Characters; nobody says more to a hub in one breath."""
MOST_TURNS = 24


class Read(msgspec.Struct, frozen=True):
    """What a file held."""

    dialogues: tuple[Dialogue, ...]
    left_out: dict[str, int]
    """Reason -> how many dialogues."""


def read_traces(path: Path, catalogue: Catalogue) -> Read:
    """The dialogues of a file that fit the catalogue, each once.

    Raises:
        FileError: the file or one of its lines cannot be read.
    """
    kept: dict[str, Dialogue] = {}
    left_out: Counter[str] = Counter()
    for dialogue in _dialogues(path):
        reason = _misfit(dialogue, catalogue)
        if reason or dialogue is None:
            left_out[reason] += 1
            continue
        key = json.dumps([dialogue.home, *(
            (plain(turn.utterance), *map(str, map(catalogue.in_declared_order, turn.calls)))
            for turn in dialogue.turns)])
        left_out["the same again"] += key in kept
        kept.setdefault(key, dialogue)
    return Read(tuple(kept.values()), {key: count for key, count in left_out.items() if count})


def _dialogues(path: Path) -> list[Dialogue | None]:
    """All dialogues; None for one whose last turn nobody answered."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = next((line for line in file if line.strip()), "")
        if '"messages"' not in first:
            return [*read_dialogues(path)]
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(path, f"cannot be read: {error}") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                found.append(_of_messages(without_surrogates(json.loads(line))))
            except (ValueError, RecursionError, CallError) as error:
                raise FileError(path, str(error), place=f"line {number}") from error
    return found


def _of_messages(row: Any) -> Dialogue | None:
    messages = row.get("messages") if isinstance(row, dict) else None
    if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
        raise CallError("expected an object with a list of 'messages', as in the first line")
    turns: list[LabelledTurn] = []
    said: str | None = None
    for message in messages:
        content, calls = message.get("content"), message.get("tool_calls") or []
        if message.get("role") == "user":
            if said is not None:
                return None
            if not isinstance(content, str):
                raise CallError(f"expected a user's content as text, found {content!r:.80}")
            said = content
        elif message.get("role") == "assistant" and said is not None:
            if not isinstance(calls, list):
                raise CallError(f"expected tool_calls as a list, found {calls!r:.80}")
            turns.append(LabelledTurn(said, tuple(map(call_from_json, calls))))
            said = None
    return Dialogue(tuple(turns)) if turns and said is None else None


def _misfit(dialogue: Dialogue | None, catalogue: Catalogue) -> str:
    """Why the dialogue cannot be learnt; empty: it can."""
    if dialogue is None:
        return "a turn that nobody answered"
    if len(dialogue.turns) > MOST_TURNS:
        return f"more than {MOST_TURNS} turns"
    for turn in dialogue.turns:
        if not plain(turn.utterance) or len(turn.utterance) > LONGEST_UTTERANCE:
            return "an utterance that is empty or too long"
        if not turn.calls and not catalogue.may_decline:
            return "a turn without a call"
        if len(turn.calls) > catalogue.max_calls:
            return "more calls in a turn than the catalogue allows"
        try:
            for call in turn.calls:
                catalogue.check(call)
        except (CallError, RecursionError):
            return "a call that is none of the catalogue"
    return ""
