"""JSON Lines between the driver and a runner. Leaves out: any one system.

Runners live in virtual environments of their own, so this needs the standard library only. A runner
says ``{"ready": true, "cold_s": ..., "rss_bytes": ..., "versions": {...}}`` once it has run the
prompt's prefix; then it answers, one line for one line:

- ``{"item": 3}``: `Answer` as an object. With ``"follow": true`` the system does all its work but
  its model is made to want the reference call's tokens (their logit is raised before sampling):
  random weights choose at random, so only then have all systems the same tokens to write.
- ``{"rss": true}``: memory from ``/proc/self/status``, in bytes.
- ``{"accepts": [ids]}``: whether its grammar takes these tokens as a whole answer.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

THREADS = 2
CAPACITY = 1024
"""Tokens that a context must hold: prefix, utterance and call."""
RAISED = 1e4
"""Logit of the token to follow."""
_MEMORY = {"VmRSS": "rss_bytes", "RssAnon": "anonymous_bytes", "RssFile": "file_bytes",
           "VmHWM": "peak_bytes"}


@dataclass
class Answer:
    """One call, and what it took."""

    ms: float
    """From the utterance's tokens to the call's text; rewinding and a fresh grammar included."""
    prefill_ms: float
    """Until the first logits are there."""
    grammar_ms: float
    """Inside grammar and sampling, where the system lets that be told apart; else -1."""
    tokens: int
    """Written, without those that the prompt was primed with."""
    passes: int
    """Runs of the model; -1 where it cannot be told."""
    text: str
    """The call, its special tokens spelt out."""
    followed: bool = False
    """Whether the text is the reference."""
    extra_ms: float = 0.0
    """Spent on making it follow a reference; not in `ms`."""


class System(Protocol):
    """One system with its model loaded and the prefix run."""

    versions: dict[str, str]

    def answer(self, item: dict[str, Any], follow: bool) -> Answer: ...

    def accepts(self, tokens: Sequence[int]) -> bool | None:
        """None: it cannot tell."""


Open = Callable[[dict[str, Any], Path, argparse.Namespace], System]


def serve(name: str, open_system: Open, parser: argparse.ArgumentParser | None = None) -> None:
    """Run a system until stdin ends; its options stand in `parser`."""
    parser = parser or argparse.ArgumentParser(name)
    parser.add_argument("--task", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    options = parser.parse_args()
    out = _own_stdout()
    task = json.loads(options.task.read_text(encoding="utf-8"))
    system = open_system(task, options.model, options)
    _say(out, {"ready": True, "cold_s": _age_s(), "rss_bytes": memory()["rss_bytes"],
               "versions": {"python": sys.version.split()[0], **system.versions}})
    for line in sys.stdin:
        _say(out, _reply(system, task, json.loads(line)))


def memory() -> dict[str, int]:
    """This process's memory in bytes."""
    found = {}
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        key, _, rest = line.partition(":")
        if key in _MEMORY:
            found[_MEMORY[key]] = int(rest.split()[0]) * 1024
    return found


def _reply(system: System, task: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    if "item" in request:
        item = task["items"][request["item"]]
        answer = system.answer(item, bool(request.get("follow")))
        answer.followed = answer.text == item["call"]
        return asdict(answer)
    if "rss" in request:
        return dict(memory())
    if "accepts" in request:
        return {"accepts": system.accepts(request["accepts"])}
    raise ValueError(f"expected item, rss or accepts, found {sorted(request)}")


def _own_stdout() -> TextIO:
    """The real stdout; what libraries print on theirs goes to stderr from here on."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


def _say(out: TextIO, value: dict[str, Any]) -> None:
    out.write(json.dumps(value, ensure_ascii=False) + "\n")
    out.flush()


def _age_s() -> float:
    """Seconds since this process was started, to a hundredth (the kernel's tick)."""
    ticks = int(Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
