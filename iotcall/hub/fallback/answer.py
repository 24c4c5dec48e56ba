"""A service's answer -> calls, or words, or why neither. Leaves out: asking, and the grammar.

What comes back is data of a stranger: bounded, read strictly, never run. Words are at most said.
Source of the shape: https://platform.openai.com/docs/api-reference/chat/object
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from iotcall.catalogue import ToolCall, call_from_json, without_surrogates
from iotcall.errors import CallError
from iotcall.hub.fallback.failure import Failed
from iotcall.hub.fallback.grounding import Grounding
from iotcall.runtime import Turn

LONGEST_TEXT = 300
"""Characters of an answer in words: half a minute of speech."""
_UNSPEAKABLE = re.compile(r"[{}<>\[\]|`\\]|[^\W\d_]+_\w+\(")
"""Marks of JSON, templates and code: what a model writes where it means a call and cannot make it.
Users hear such things read aloud."""
_SENTENCE = re.compile(r"(?s).*[.!?]")


class Reply(msgspec.Struct, frozen=True):
    """What the model said, unchecked."""

    calls: tuple[dict[str, Any], ...] = ()
    """``{"name", "arguments"}`` as it wrote them; the arguments are an object or JSON text."""
    text: str = ""
    """Its words, where it made no call."""


class _Function(msgspec.Struct, frozen=True):
    name: str
    arguments: str | dict[str, Any] | None = None


class _Call(msgspec.Struct, frozen=True):
    function: _Function


class _Message(msgspec.Struct, frozen=True):
    content: Any = None
    tool_calls: tuple[_Call, ...] | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Message


class _Completion(msgspec.Struct, frozen=True):
    choices: tuple[_Choice, ...]


def read_reply(body: bytes) -> Reply | Failed:
    """The first choice of a chat completion; calls go before words."""
    try:
        choices = msgspec.json.decode(body, type=_Completion).choices
    except msgspec.ValidationError as error:
        # subtle: its text names places and types, never what stands there
        return Failed("unreadable", f"no chat completion: {error}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Failed("unreadable", "no JSON")
    if not choices:
        return Failed("unreadable", "no chat completion: no choices")
    message = choices[0].message
    calls = tuple({"name": call.function.name, "arguments": call.function.arguments}
                  for call in message.tool_calls or ())
    text = message.content if isinstance(message.content, str) and not calls else ""
    return Reply(calls, str(without_surrogates(text)))


def checked(reply: Reply, grounding: Grounding, history: Sequence[Turn], utterance: str
            ) -> tuple[ToolCall, ...] | Failed:
    """The calls of the reply, if each is one of the catalogue and all together are an answer that
    the bundle's student could have given. Nothing is mended: an answer counts whole or not at all.
    """
    most = grounding.catalogue.max_calls
    if not reply.calls:
        return Failed("no_calls", "the model made no call")
    if len(reply.calls) > most:
        return Failed("too_many_calls", f"{len(reply.calls)} calls; expected {most} at most")
    try:
        calls = tuple(map(call_from_json, reply.calls))
        for call in calls:
            grounding.catalogue.check(call)
    except CallError as error:
        return Failed("invalid_call", str(error)[:500])
    except RecursionError:  # deeper than can be shown in a message
        return Failed("invalid_call", "the arguments are nested too deeply")
    admitted = grounding.admitted(calls, history, utterance)
    if admitted is None:
        return Failed("not_grounded", f"{'; '.join(map(str, calls))}"[:500])
    return admitted


def speakable(text: str) -> str:
    """Words fit to be said: on one line, whole sentences up to `LONGEST_TEXT`; empty where they
    look like a call, a template or code, or there are none."""
    if _UNSPEAKABLE.search(text):
        return ""
    text = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    if len(text) <= LONGEST_TEXT:
        return text
    sentences = _SENTENCE.match(text[:LONGEST_TEXT])
    return sentences.group() if sentences else text[:LONGEST_TEXT].rsplit(" ", 1)[0]
