"""How the hub logs: an event and its fields in one line on standard error.

Leaves out: what is logged. Nothing that a person said is ever logged above debug.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, MutableMapping
from typing import Any, Literal

import structlog

LogLevel = Literal["debug", "info", "warning", "error"]

OF_STRANGERS = frozenset({
    "announcement_failed", "announcement_malformed", "arrival.failed", "audit.overrun",
    "state_malformed", "voice.malformed", "voice.retained_ignored", "wyoming.refused",
    "wyoming.unusable_transcript"})
"""Events that one message brings about, and as many as somebody likes to send."""


def configure_logs(level: LogLevel, *, json: bool = False) -> None:
    """Set up structlog for this process; `json`: an object a line, for machines."""
    readable = structlog.processors.LogfmtRenderer(
        key_order=["timestamp", "level", "event"], drop_missing=True
    )
    structlog.configure(
        processors=[
            Sparing(),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            # subtle: plain tracebacks; structlog's own show local variables, utterances among them.
            structlog.processors.format_exc_info,
            _printable,
            structlog.processors.JSONRenderer() if json else readable,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


class Sparing:
    """Of what anybody who may publish can cause, lets a few through in each stretch of time; the
    next one that passes says how many were left out.

    A flood of nonsense would else be a flood of lines: it fills a card, and journald then drops
    lines of ours that matter (journald.conf(5), RateLimitBurst=).
    """

    def __init__(self, *, most: int = 10, seconds: float = 10.0,
                 clock: Callable[[], float] = time.monotonic) -> None:
        """`most` of each event in so many `seconds`."""
        self._most, self._seconds, self._clock = most, seconds, clock
        self._lock = threading.Lock()
        self._counted: dict[str, tuple[float, int]] = {}  # event -> since when, how many

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]
                 ) -> MutableMapping[str, Any]:
        name = event.get("event")
        if name not in OF_STRANGERS:
            return event
        with self._lock:
            now = self._clock()
            since, count = self._counted.get(name, (now, 0))
            left_out = max(0, count - self._most)
            if now - since >= self._seconds:
                since, count = now, 0
            self._counted[name] = since, count + 1
        if count >= self._most:
            raise structlog.DropEvent
        if count == 0 and left_out:
            event["left_out_before"] = left_out
        return event


def _printable(logger: Any, method: str, event: MutableMapping[str, Any]
               ) -> MutableMapping[str, Any]:
    """Texts without what a terminal would obey or hide: topics and ids are anybody's.

    The line ends in a traceback are left to the renderers, which escape them.
    """
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[key] = "".join(
                each if each.isprintable() or each == "\n"
                else each.encode("unicode_escape", "surrogatepass").decode() for each in value)
    return event


def fault(error: BaseException) -> str:
    """Kind and place of an unforeseen error, without its message, which may quote an utterance."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
