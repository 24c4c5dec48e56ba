"""Which service is asked, and with which key. Leaves out: asking it.

The key comes from an environment variable that the person names; it stands in no file, in no
message and in no ``repr``.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from iotcall.errors import InputError

KEY_VARIABLE = "IOTCALL_TEACHER_KEY"
"""Where the key is looked for if no other variable is named. subtle: it is not OPENAI_API_KEY, for
then a key of one service would be sent to whichever other service --base-url names."""
_PATH = "/chat/completions"
"""https://platform.openai.com/docs/api-reference/chat/create"""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_NEAR = (".local", ".lan", ".home", ".home.arpa", ".internal", ".localhost")
"""Ends of names that are not public: RFC 6762, RFC 8375, RFC 6761, and what routers give."""
_EXPECTED = "expected a base URL such as http://localhost:11434/v1 or https://host/v1"


class Endpoint(msgspec.Struct, frozen=True):
    """One model of an OpenAI-compatible service."""

    base_url: str
    model: str
    """As the service calls it."""
    key: str = ""
    """Sent as a bearer token; empty: none is sent."""

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r}, {self.model!r})"


def open_endpoint(base_url: str, model: str, environ: Mapping[str, str], *,
                  key_variable: str | None = None) -> Endpoint:
    """The endpoint, with its key from the environment.

    Args:
        key_variable: where the key is; None: in `KEY_VARIABLE`, if that is set.

    Raises:
        InputError: no URL of a service, no model, no such variable, or a key that would travel the
            internet readable; repeats neither the key nor a URL that may hold one.
    """
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise InputError(f"--base-url is unreadable; {_EXPECTED}") from error
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InputError("--base-url holds a user, a password or something after its path; put the "
                         f"key into an environment variable; {_EXPECTED}")
    if parts.scheme not in ("http", "https") or not host:
        raise InputError(f"--base-url has no http:// or https://, or no host; {_EXPECTED}")
    if not model.strip() or not model.isprintable() or len(model) > 200:
        raise InputError("--model: expected the model's name as the service has it, "
                         f"e.g. qwen3:8b; found {model[:200]!r}")
    key = _key(environ, key_variable)
    if parts.scheme == "http" and not _is_near(host):
        raise InputError(f"{host} is not in this network, so the key and what people said would "
                         "travel readable; use https://")
    return Endpoint(base_url.rstrip("/").removesuffix(_PATH), model.strip(), key)


def _key(environ: Mapping[str, str], variable: str | None) -> str:
    if variable is not None and not _VARIABLE.fullmatch(variable):
        # subtle: not repeated, as it may well be the key itself
        raise InputError("--key-variable: expected the name of an environment variable; a key "
                         "itself is never given on the command line")
    name = variable or KEY_VARIABLE
    key = environ.get(name, "").strip()
    if not key and variable is not None:
        raise InputError(f"--key-variable: the environment variable {name} is not set; set it to "
                         "the service's key")
    if key and not re.fullmatch(r"[!-~]{1,4096}", key):
        raise InputError(f"the environment variable {name} holds something else than one key "
                         "(spaces, line breaks, or characters that are not ASCII); set it anew")
    return key


def _is_near(host: str) -> bool:
    """Whether the name or address is this machine's or of its own network."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        name = host.casefold().removesuffix(".")
        return "." not in name or name.endswith(_NEAR)
