"""What every discovery does, and the cleaning of what is announced. Leaves out: any ecosystem.

An announcement is data from the network: it is read with bounds, its names are cleaned, and
nothing in it is ever run.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Protocol

import msgspec
import structlog

from iotcall.devices.device import Device, Source
from iotcall.devices.home_file import MAX_ADDRESS_LENGTH, MAX_NAME_LENGTH
from iotcall.devices.points import Publication

log = structlog.get_logger()

MAX_ANNOUNCEMENT_BYTES = 4_194_304
"""bridge/devices of a few hundred devices is one to two megabytes."""
MAX_DEVICES = 1000
"""Of one source: more than a house has."""

_TEMPLATE = re.compile(r"<[|/]?[^<>]{0,40}[|]?>|\{\{|\}\}|\{%|%\}")


class Discovery(Protocol):
    """One ecosystem's announcements; plain functions on messages, used from one thread."""

    source: Source

    def subscriptions(self) -> tuple[str, ...]:
        """Topic filters, which may hold wildcards."""

    def take(self, topic: str, payload: bytes) -> bool:
        """Take in a message; whether what is known has changed. Topics of others change nothing."""

    def devices(self) -> tuple[Device, ...]:
        """All devices known now, sorted by id. `room` is a spoken name, as announced, or empty."""

    def asks(self) -> tuple[Publication, ...]:
        """Messages that are due now to learn more; each is given once."""


def read_json(payload: bytes, topic: str) -> Any:
    """The parsed payload; None for what is too long or no JSON, which is logged by kind."""
    if len(payload) > MAX_ANNOUNCEMENT_BYTES:
        log.warning("announcement_malformed", kind="too_long", topic=topic)
        return None
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        log.warning("announcement_malformed", kind="no_json", topic=topic)
        return None


def clean_name(said: Any) -> str:
    """A name as it may be spoken and logged: printable, without template tokens, short; empty where
    nothing is left."""
    if not isinstance(said, str):
        return ""
    text = _TEMPLATE.sub(" ", unicodedata.normalize("NFKC", said[:4 * MAX_NAME_LENGTH]))
    text = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(text.split())[:MAX_NAME_LENGTH].strip()


def is_topic(said: Any) -> bool:
    """Whether a text can be published to: no wildcard, not of the broker, not too long."""
    return (isinstance(said, str) and 0 < len(said) <= 2 * MAX_ADDRESS_LENGTH
            and said.isprintable() and not re.search(r"[+#]", said)
            and not said.startswith(("$", "/")))


def number(said: Any) -> float | None:
    """A finite number of an announcement; None for anything else."""
    if isinstance(said, bool) or not isinstance(said, (int, float)) or not abs(said) < 1e9:
        return None
    return float(said)
