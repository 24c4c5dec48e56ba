"""The one seam around the ``openai`` library: post a request, get an answer or what went wrong.

The library connects, encrypts, sends and names the faults. Its own retries are off, as each attempt
is counted (see asking); its reading of the answer is left aside too: it builds objects of whatever
came, where we want to know. Leaves out: trying again.
Source of the shape: https://platform.openai.com/docs/api-reference/chat/object
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from iotcall.catalogue import without_surrogates
from iotcall.distill.teacher.endpoint import Endpoint
from iotcall.distill.teacher.patience import asked_seconds
from iotcall.distill.teacher.request import Answer, Finish
from iotcall.errors import InputError, IotcallError

LARGEST_ANSWER = 4_194_304
"""Bytes of an answer's body that are read as one."""


class Failed(msgspec.Struct, frozen=True):
    """Why there is no answer."""

    reason: str
    """One of `REASONS`."""
    detail: str = ""
    wait_seconds: float | None = None
    """What the service asks to wait; None: nothing."""
    again: bool = True
    """Whether the same request may fare better later."""


Post = Callable[[dict[str, Any]], Awaitable[Answer | Failed]]
"""Raises InputError where no request will ever fare better: a wrong key, address or model."""


@asynccontextmanager
async def opened(endpoint: Endpoint, timeout_seconds: float) -> AsyncIterator[Post]:
    """Posts to the endpoint while the context is open."""
    import openai

    omitted: Any = openai.Omit()
    # subtle: left to itself the library adds what the environment holds for OpenAI's own service
    headers: Any = {"Authorization": f"Bearer {endpoint.key}" if endpoint.key else omitted,
                    "OpenAI-Organization": omitted, "OpenAI-Project": omitted}
    client = openai.AsyncOpenAI(
        api_key=endpoint.key or "none", admin_api_key="none", base_url=endpoint.base_url,
        timeout=timeout_seconds, max_retries=0)
    # a plain function to the type checker: the body is a dictionary that we have built
    create: Any = client.chat.completions.with_raw_response.create

    async def post(body: dict[str, Any]) -> Answer | Failed:
        try:
            # subtle: the library's timeout is one of each read; a trickle would never end
            async with asyncio.timeout(timeout_seconds):
                response = await create(**body, extra_headers=headers)
                content: bytes = response.content
        except (TimeoutError, openai.APITimeoutError):
            return Failed("too_slow", f"no whole answer in {timeout_seconds:g} s")
        except openai.APIConnectionError as error:
            return Failed("unreachable", type(error.__cause__ or error).__name__)
        except openai.APIStatusError as error:
            return _of_status(endpoint, error.status_code, error.response.headers, error.body)
        except openai.OpenAIError as error:
            return Failed("unreadable", type(error).__name__)
        return read_answer(content)

    async with client:
        yield post


class _Function(msgspec.Struct, frozen=True):
    name: str
    arguments: str | dict[str, Any] | None = None


class _Call(msgspec.Struct, frozen=True):
    function: _Function


class _Message(msgspec.Struct, frozen=True):
    content: Any = None
    refusal: str | None = None
    tool_calls: tuple[_Call, ...] | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Message
    finish_reason: str | None = None


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(msgspec.Struct, frozen=True):
    choices: tuple[_Choice, ...]
    usage: _Usage | None = None


def read_answer(body: bytes) -> Answer | Failed:
    """The first choice of a chat completion."""
    if len(body) > LARGEST_ANSWER:
        return Failed("unreadable", f"{len(body)} bytes")
    try:
        found = msgspec.json.decode(body, type=_Completion)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Failed("unreadable", "no chat completion")
    if not found.choices:
        return Failed("unreadable", "no choices")
    message, usage = found.choices[0].message, found.usage or _Usage()
    calls = tuple({"name": call.function.name, "arguments": call.function.arguments}
                  for call in message.tool_calls or ())
    text = message.content if isinstance(message.content, str) else ""
    finish: Finish = ""
    if message.refusal or found.choices[0].finish_reason == "content_filter":
        finish, text = "refused", message.refusal or text
    elif found.choices[0].finish_reason == "length":
        finish = "cut_off"
    try:
        calls = tuple(map(without_surrogates, calls))
    except RecursionError:
        return Failed("unreadable", "arguments that are nested too deeply")
    return Answer(str(without_surrogates(text)), calls, finish,
                  max(0, usage.prompt_tokens), max(0, usage.completion_tokens))


def _of_status(endpoint: Endpoint, status: int, headers: Mapping[str, str], body: object) -> Failed:
    said, code = _said(body, endpoint.key), _field(body, "code")
    match status:
        case 401 | 403:
            raise InputError(f"{endpoint.base_url} answers HTTP {status}: " + (
                "the key in the environment variable is not taken" if endpoint.key else
                "it wants a key; put it into an environment variable and name that in "
                "--key-variable"))
        case 404:
            raise InputError(f"{endpoint.base_url} answers HTTP 404{said}; is --base-url right, "
                             f"and is there a model {endpoint.model!r}?")
        case 429 if code == "insufficient_quota":
            raise IotcallError(f"{endpoint.base_url} says that the account has no quota left; what "
                               "was answered is kept, and the same command goes on from there")
        case 429:
            return Failed("rate_limited", "HTTP 429", asked_seconds(headers))
        case 408 | 409 | 425:
            return Failed("failing", f"HTTP {status}", asked_seconds(headers))
        case _ if status >= 500:
            return Failed("failing", f"HTTP {status}", asked_seconds(headers))
        case _ if code == "content_filter":
            return Failed("refused", f"HTTP {status}", again=False)
        case _:
            return Failed("rejected", f"HTTP {status}{said}", again=False)


def _said(body: object, key: str) -> str:
    """A service's own words about a fault, on one line, short, without the key."""
    text = _field(body, "message")
    if key:
        text = text.replace(key, "***")
    text = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return f" ({text[:200]})" if text else ""


def _field(body: object, name: str) -> str:
    inner = body.get("error", body) if isinstance(body, dict) else None
    value = inner.get(name) if isinstance(inner, dict) else None
    return value if isinstance(value, str) else ""
