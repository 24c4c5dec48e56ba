"""What became of the requests of a run. Leaves out: showing it."""

from __future__ import annotations

from collections import Counter
from typing import Any

REASONS = {
    "rate_limited": "too many requests (429)",
    "failing": "the service failed (5xx)",
    "too_slow": "no whole answer in time",
    "unreachable": "no connection, or it broke off",
    "unreadable": "the body was no chat completion",
    "rejected": "the service rejected the request (4xx)",
    "refused": "the model refused",
    "cut_off": "the answer was cut off",
    "malformed": "the answer was not in the form asked for",
    "invalid": "a call was none of the catalogue",
}
"""Why an attempt came to nothing."""


class Counts:
    """Counters that only grow; used by one event loop."""

    def __init__(self) -> None:
        self.sent = 0
        """Requests posted, repeated ones included."""
        self.answered = 0
        """Of them, those that came back with an answer of the model, usable or not."""
        self.kept = 0
        """Questions whose answer was in the ledger already."""
        self.failed: Counter[str] = Counter()
        """Attempts by reason; most are followed by another one."""
        self.given_up: Counter[str] = Counter()
        """Questions by the reason of their last attempt."""
        self.details: dict[str, str] = {}
        """Reason -> what exactly, at its last occurrence; only of faults of the service."""
        self.prompt_tokens = 0
        self.completion_tokens = 0

    def to_json(self) -> dict[str, Any]:
        return {"sent": self.sent, "answered": self.answered, "from_ledger": self.kept,
                "failed": dict(sorted(self.failed.items())),
                "given_up": dict(sorted(self.given_up.items())), "details": self.details,
                "prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens}

    def rows(self) -> list[tuple[str, int]]:
        """For a table: what, how many."""
        rows = [("requests sent", self.sent), ("answers received", self.answered),
                ("answers found in the ledger", self.kept)]
        rows += [(f"attempts in vain: {REASONS[reason]}", count)
                 for reason, count in sorted(self.failed.items())]
        rows += [(f"questions given up: {REASONS[reason]}", count)
                 for reason, count in sorted(self.given_up.items())]
        if self.prompt_tokens or self.completion_tokens:
            rows += [("tokens read by the model", self.prompt_tokens),
                     ("tokens written by the model", self.completion_tokens)]
        return rows
