"""Whom to ask when the student is not sure: the `[fallback]` table. Leaves out: asking.

Without such a table nobody is asked and nothing leaves the house.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from iotcall.devices.discovery.base import is_topic
from iotcall.errors import InputError
from iotcall.hub.topics import VOICE_TOPICS

Order = Literal["ask", "route"]

_PATH = "/chat/completions"
"""https://platform.openai.com/docs/api-reference/chat/create"""
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_NEAR = (".local", ".lan", ".home", ".home.arpa", ".internal", ".localhost")
"""Ends of names that are not public: RFC 6762, RFC 8375, RFC 6761, and what routers give."""
_EXPECTED_URL = "expected a base URL such as http://localhost:11434/v1 or https://host/v1"


class BreakerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a service that fails is left alone."""

    failures: int = 3
    """Failures in a row after which it is."""
    seconds: float = 60.0
    """For how long; then one utterance tries it again."""


class Fallback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole table; one of `url` and `topic` is given."""

    url: str = ""
    """Base URL of an OpenAI-compatible service: Ollama, vLLM, llama.cpp's server, a provider."""
    topic: str = ""
    """MQTT topic on which somebody answers requests."""
    answer_topic: str = ""
    """MQTT topic of the answers; empty: `iotcall/<client id>/fallback`. Hubs and workers that share
    one hear each other's answers and take none of them."""
    model: str = ""
    """As the service calls it; with `topic` it may be left to who answers."""
    api_key_env: str = ""
    """Name of the environment variable that holds the key; empty: the service wants none."""
    deadline_seconds: float = 8.0
    """From the question to the whole answer, at most."""
    order: Order = "route"
    """What comes first below the threshold: ask the person back, or route to the bigger model."""
    wait_reply: str = ""
    """Said while waiting; empty: nothing."""
    speak_text: bool = False
    """Whether an answer in words, without a call, is said. It is never carried out."""
    names: int = 64
    """Names of rooms and devices that the model is told, at most: each is prefill time."""
    breaker: BreakerSettings = BreakerSettings()
    record: bool = False
    """Whether what was asked and answered is written to a file, to train on."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where requests are posted."""

    tls: bool
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}{self.path}"


def check_fallback(settings: Fallback) -> Fallback:
    """The settings as they are.

    Raises:
        InputError: names the key, what is wrong with it and what to do.
    """
    for key, fault in _faults(settings):
        raise InputError(f"fallback.{key}: {fault}")
    return settings


def read_endpoint(url: str) -> Endpoint:
    """Where the chat completions of a base URL are; without a path, below ``/v1``.

    Raises:
        InputError: it is none, or what is said at home would travel the internet readable; never
            repeats the URL, which may hold a password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise InputError(f"the address is unreadable; {_EXPECTED_URL}") from error
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host):
        raise InputError(f"the address has no http:// or https://, or no host; {_EXPECTED_URL}")
    if "@" in parts.netloc:
        raise InputError("the address holds a user or password; put the key into an environment "
                         "variable and name that in api_key_env")
    if parts.query or parts.fragment or not re.fullmatch(r"[A-Za-z0-9._~/%-]*", parts.path):
        raise InputError(f"the address has something after its path; {_EXPECTED_URL}")
    tls = parts.scheme == "https"
    if not tls and not _is_near(host):
        raise InputError(f"{host} is not in the house, so what is said would travel readable; "
                         "use https://")
    path = parts.path.rstrip("/").removesuffix(_PATH) or "/v1"
    return Endpoint(tls=tls, host=host, port=port or (443 if tls else 80), path=path + _PATH)


def api_key(settings: Fallback, environ: Mapping[str, str]) -> str:
    """The key from the environment; empty where none is wanted.

    Raises:
        InputError: the variable is not set or holds no key; never repeats what it holds.
    """
    name = settings.api_key_env
    if not name:
        return ""
    key = environ.get(name, "").strip()
    if not key:
        raise InputError(f"fallback.api_key_env: the environment variable {name} is not set; set "
                         "it to the service's key, or leave api_key_env out if it wants none")
    if not re.fullmatch(r"[!-~]{1,4096}", key):
        raise InputError(f"fallback.api_key_env: {name} holds something else than one key (spaces, "
                         "line breaks, or characters that are not ASCII); set it anew")
    return key


def _faults(settings: Fallback) -> Iterator[tuple[str, str]]:
    if bool(settings.url) == bool(settings.topic):
        yield "url", "expected either `url` or `topic`"
    if settings.url:
        try:
            read_endpoint(settings.url)
        except InputError as error:
            yield "url", str(error)
        if not settings.model:
            yield "model", "expected the model's name as the service has it, e.g. qwen3:8b"
    elif not is_topic(settings.topic):
        yield "topic", "expected a topic without wildcards that begins with neither / nor $"
    if settings.answer_topic:
        if not settings.topic:
            yield "answer_topic", "goes with `topic`"
        elif not is_topic(settings.answer_topic):
            yield "answer_topic", ("expected a topic without wildcards that begins with neither / "
                                   "nor $")
        elif settings.answer_topic in (settings.topic, *VOICE_TOPICS):
            yield "answer_topic", "expected a topic on which nothing but answers comes"
    if len(settings.model) > 128 or not settings.model.isprintable():
        yield "model", "expected up to 128 printable characters"
    if settings.api_key_env and not _VARIABLE.fullmatch(settings.api_key_env):
        # subtle: not repeated, as it may well be the key itself
        yield "api_key_env", ("expected the name of an environment variable, in capitals, such as "
                              "IOTCALL_FALLBACK_KEY; a key itself is never put into a file")
    if settings.api_key_env and settings.topic:
        yield "api_key_env", "goes with `url`: the broker's access list guards a topic"
    if not 0.5 <= settings.deadline_seconds <= 120:
        yield "deadline_seconds", f"expected 0.5 to 120, found {settings.deadline_seconds}"
    if len(settings.wait_reply) > 200 or not settings.wait_reply.isprintable():
        yield "wait_reply", "expected up to 200 printable characters"
    if not 0 <= settings.names <= 1000:
        yield "names", f"expected 0 to 1000, found {settings.names}"
    if not 1 <= settings.breaker.failures <= 100:
        yield "breaker.failures", f"expected 1 to 100, found {settings.breaker.failures}"
    if not 1 <= settings.breaker.seconds <= 86400:
        yield "breaker.seconds", f"expected 1 to 86400, found {settings.breaker.seconds}"


def _is_near(host: str) -> bool:
    """Whether the name or address is one of a home network."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        name = host.casefold().removesuffix(".")
        return ("." not in name and name[:1].isalpha()) or name.endswith(_NEAR)
