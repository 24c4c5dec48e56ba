"""What is asked and what came back, as values. Leaves out: sending and judging them.

Source of the shapes: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

Message = dict[str, Any]
Finish = Literal["", "refused", "cut_off"]

_LONGEST_QUOTED = 4000
"""Characters of an unusable answer that are shown to its writer again."""


class Request(msgspec.Struct, frozen=True):
    """One question to a model."""

    messages: tuple[Message, ...]
    tools: tuple[dict[str, Any], ...] = ()
    """Declarations in the OpenAI format; empty: an answer in words is wanted."""
    tool_choice: str = ""
    """"auto" or "required"; only with tools."""

    def body(self, model: str, temperature: float | None) -> dict[str, Any]:
        """What is posted."""
        body: dict[str, Any] = {"model": model, "messages": list(self.messages)}
        if self.tools:
            body |= {"tools": list(self.tools), "tool_choice": self.tool_choice or "auto"}
        if temperature is not None:
            body["temperature"] = temperature
        return body

    def again(self, fault: str, said: str) -> Request:
        """The question put anew, with why its answer could not be used.

        subtle: it is another request, so that the ledger keeps each answer by what was asked, and
        an interrupted run finds its way to the same question again.

        Args:
            said: the unusable answer; empty: it is not shown.
        """
        if not said.strip():
            # subtle: two messages of the user in a row are refused by some templates
            first = self.messages[0]
            told = {**first, "content": f"{first.get('content', '')}\n\n"
                                        f"An earlier answer could not be used: {fault}."}
            return msgspec.structs.replace(self, messages=(told, *self.messages[1:]))
        return msgspec.structs.replace(self, messages=(
            *self.messages, {"role": "assistant", "content": said[:_LONGEST_QUOTED]},
            {"role": "user", "content": f"That answer cannot be used: {fault}. Answer once more, "
                                        "in the form asked for."}))


class Answer(msgspec.Struct, frozen=True):
    """What a model answered, unchecked."""

    text: str = ""
    calls: tuple[dict[str, Any], ...] = ()
    """``{"name", "arguments"}`` as it wrote them; the arguments are an object or JSON text."""
    finish: Finish = ""
    """Why it is no whole answer; empty: it is one."""
    prompt_tokens: int = 0
    completion_tokens: int = 0


def digest_of(body: dict[str, Any]) -> str:
    """The name of a request in the ledger: the same for the same question to the same model."""
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def quoted(value: Any) -> str:
    """A value as JSON for a prompt: what people said is data and stays between its quotes."""
    return json.dumps(value, ensure_ascii=False)


def conversation(system: str, *turns: Sequence[Message]) -> tuple[Message, ...]:
    """A system message and what follows it."""
    return ({"role": "system", "content": system}, *(each for turn in turns for each in turn))
