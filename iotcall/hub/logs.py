"""How the hub logs: an event and its fields in one line on standard error.

Leaves out: what is logged. Nothing that a person said is ever logged above debug.
"""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Literal

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
            structlog.processors.JSONRenderer() if json else readable,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def fault(error: BaseException) -> str:
    """Kind and place of an unforeseen error, without its message, which may quote an utterance."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
