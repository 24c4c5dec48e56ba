"""How the hub logs: an event and its fields in one line on standard error.

Leaves out: what is logged. Nothing that a person said is ever logged above debug.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

LogLevel = Literal["debug", "info", "warning", "error"]


def configure_logs(level: LogLevel, *, json: bool = False) -> None:
    """Set up structlog for this process; `json`: an object a line, for machines."""
    readable = structlog.processors.LogfmtRenderer(
        key_order=["timestamp", "level", "event"], drop_missing=True
    )
    structlog.configure(
        processors=[
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
