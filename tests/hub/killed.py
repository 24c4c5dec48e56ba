"""Kill this process (SIGKILL) when it first passes a named point of an utterance's way."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from iotcall.hub.ledger import Ledger
from iotcall.hub.link import Link
from iotcall.store import Journal, Sessions


def kill_at(point: str, student: Any) -> None:
    """Prepare it. A command is what is published to a topic that ends in ``/set``."""
    def command(topic: str) -> bool:
        return topic.endswith("/set")

    match point:
        case "decoded":
            _after(student, "decode")
        case "begun" | "sent" | "settled":
            _after(Journal, {"begun": "begin"}.get(point, point))
        case "publishing":
            _around_publish(command, before=True)
        case "published":
            _around_publish(command, before=False)
        case "answered":
            _around_publish(lambda topic: topic == "hermes/tts/say", before=False)
        case "recorded":
            _around_publish(lambda topic: topic.endswith("/turn"), before=False)
        case "kept":
            _after(Sessions, "put")
        case "handled":
            _after(Ledger, "handled")
        case _:
            raise ValueError(f"there is no point {point!r}")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _after(owner: Any, name: str) -> None:
    whole = getattr(owner, name)

    def killed(*args: Any, **options: Any) -> Any:
        whole(*args, **options)
        _die()

    setattr(owner, name, killed)


def _around_publish(wanted: Callable[[str], bool], *, before: bool) -> None:
    whole = Link.publish

    def killed(self: Link, message: Any, deadline: float) -> None:
        if before and wanted(message.topic):
            _die()
        whole(self, message, deadline)
        if wanted(message.topic):
            _die()

    Link.publish = killed  # type: ignore[method-assign]
