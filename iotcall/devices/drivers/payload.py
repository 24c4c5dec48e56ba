"""Read a device's JSON payload, which is data and never trusted. Leaves out: what its keys mean."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

log = structlog.get_logger()

MAX_PAYLOAD_BYTES = 65_536
"""A state is some hundred bytes; anything near this is no state."""


def read_object(payload: bytes, device: str, topic: str) -> dict[str, Any] | None:
    """The JSON object; None for anything else, which is logged by kind."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        log.warning("state_malformed", kind="too_long", device=device, topic=topic)
        return None
    try:
        return msgspec.json.decode(payload, type=dict[str, Any])
    except msgspec.ValidationError:
        log.warning("state_malformed", kind="no_object", device=device, topic=topic)
    except (msgspec.DecodeError, RecursionError):
        log.warning("state_malformed", kind="no_json", device=device, topic=topic)
    return None
