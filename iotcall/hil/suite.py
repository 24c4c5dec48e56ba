"""What a run checks: ``hil/suites/*.toml``. Leaves out: how it is checked (see hil/test_*.py).

A check is made if its table is there; an empty table has the defaults.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from iotcall.settings import read_toml
from iotcall.shipped import find

_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Count = Annotated[int, msgspec.Meta(ge=1)]
_Positive = Annotated[float, msgspec.Meta(gt=0)]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file: an unknown key is refused."""


class Identity(_Table, frozen=True):
    """What is on the board is what was sent: every hash, the signature, the versions."""

    trusted_keys: tuple[str, ...] = ()
    """Ids of keys (``iotcall keys verify`` shows them), one of which must have signed. Empty: an
    unsigned bundle passes, a broken signature does not."""


class Claims(_Table, frozen=True):
    """Every node runs where the bundle's target says."""

    turns: _Count = 1
    """Golden turns that are decoded meanwhile, so that the graphs run and do not only open."""


class Numerics(_Table, frozen=True):
    """The bundle makes the calls that its export saw."""

    turns: _Count | None = None
    """Golden turns; None: all."""


class Agreement(_Table, frozen=True):
    """The board's calls on golden turns are those of other machines: of the bench's own, and of the
    runs that the command is given beside."""

    turns: _Count | None = None
    """Golden turns; None: all."""
    least: _Share = 1.0
    """Share of turns whose calls must be the same."""
    least_twin: _Share = 0.99
    """The same, where this machine cannot run the board's bundle and has the same student for its
    own CPU, in another precision."""


class Accuracy(_Table, frozen=True):
    """Calls against labelled dialogues, as said and as a recogniser would hear them."""

    data: tuple[str, ...] = ("golden",)
    """``golden``: the bundle's own; else a file below the catalogue's folder, such as
    ``voices/heldout.said``."""
    dialogues: _Count | None = None
    """Of all data, at most, from the beginning; None: all."""
    least_exact: _Share = 0.0
    """Share of turns whose calls must be right."""
    least_names: _Share = 0.0
    """Share of turns whose tools must be right."""
    word_error_rates: tuple[Annotated[float, msgspec.Meta(gt=0, le=0.5)], ...] = ()
    """Besides 0."""
    least_exact_at: dict[str, float] = {}
    """Word error rate, as it is written above -> share of turns that must be right."""
    seed: int = 0
    """Of the noise."""


class Latency(_Table, frozen=True):
    """From an utterance on its topic to a command on its own, after MLPerf's single stream: one
    query at a time, the next when the last is answered.
    """

    warm_ups: Annotated[int, msgspec.Meta(ge=0)] = 10
    queries: Annotated[int, msgspec.Meta(ge=64)] = 64
    """Utterances that lead to commands; MLPerf tells no p90 of fewer than 64."""
    p90_ms: _Positive | None = None
    """Most that the 90th percentile may take; None: it is reported."""
    decodings: _Count = 30
    """Golden turns whose prefill and decisions are timed without a broker."""
    starts: _Count = 3
    """Fresh processes to a first answer."""
    cold_start_ms: _Positive | None = None
    """Most that the median of these may take."""
    seed: int = 1
    """Of the order."""


class Instructions(_Table, frozen=True):
    """What a call costs, on boards whose clock counts instructions."""

    decodings: _Count = 10
    """Golden turns."""
    million_of_a_call: _Positive | None = None
    """Most that the median call may take, in millions; None: it is reported."""
    seed: int = 1
    """Of the turns' choice."""


class Throttling(_Table, frozen=True):
    """Load that lasts, on boards that are measured."""

    seconds: _Positive = 60.0
    slower: _Positive = 1.2
    """Most that the median answer of the last quarter may take, in those of the first."""


class Energy(_Table, frozen=True):
    """What an utterance costs, on boards whose file names a power meter."""

    warm_ups: Annotated[int, msgspec.Meta(ge=0)] = 10
    idle_seconds: _Positive = 30.0
    utterances: _Count = 200
    joules: _Positive | None = None
    """Most that one may take, above what the board takes anyway; None: it is reported."""


class Memory(_Table, frozen=True):
    """What the hub holds while it answers."""

    settle: _Count = 60
    """Utterances before its growth counts: caches fill."""
    utterances: _Count = 240
    every: _Count = 10
    """Utterances between two looks at it."""
    peak_megabytes: _Positive | None = None
    """Most that may be resident at once, in units of a million bytes."""
    growth_megabytes: _Positive = 8.0
    """Most that its own memory (anonymous and shared) may grow by after settling, from the median
    of the first quarter of looks to that of the last."""


class Daemon(_Table, frozen=True):
    """The hub lives through what happens to brokers and hubs."""

    recover_seconds: _Positive = 30.0
    """Within which an utterance must be answered after each."""
    cut_seconds: _Positive = 10.0
    """For which the network between hub and broker is cut; beyond one and a half times the hub's
    keep-alive (60 s) the broker gives it up, and it has to come back by itself."""


class Update(_Table, frozen=True):
    """A new bundle is taken, a broken one is not."""

    health_seconds: _Positive = 60.0
    """Within which a hub on the new bundle must serve, or the old one comes back."""


class Service(_Table, frozen=True):
    """The hub is a service of systemd beside the board's own broker, where the board's file lets
    the bench install one."""

    utterances: _Count = 5
    """That are said to it."""
    watchdog_seconds: _Positive = 120.0
    """Within which a hub that hangs must be online again; the unit's WatchdogSec= and RestartSec=
    are part of them."""
    health_seconds: _Positive = 60.0
    """Within which it must serve: when it is installed, and on a new bundle."""


class Suite(_Table, frozen=True):
    """A suite file."""

    summary: str
    bundle: str = "smart_home"
    """Name of a shipped one; `--bundle` takes another."""
    home: str = "demo"
    """Whose devices hear the commands, by the name of a shipped one or by path."""
    step_seconds: _Positive = 1800.0
    """Longest that one command on the board may take."""
    identity: Identity | None = None
    claims: Claims | None = None
    numerics: Numerics | None = None
    agreement: Agreement | None = None
    accuracy: Accuracy | None = None
    latency: Latency | None = None
    instructions: Instructions | None = None
    memory: Memory | None = None
    throttling: Throttling | None = None
    energy: Energy | None = None
    daemon: Daemon | None = None
    update: Update | None = None
    service: Service | None = None

    @property
    def checks(self) -> tuple[str, ...]:
        """The checks that it makes, in order."""
        return tuple(name for name in CHECKS if getattr(self, name) is not None)


CHECKS = ("identity", "claims", "numerics", "agreement", "accuracy", "latency",
          "instructions", "memory", "throttling", "energy", "daemon", "update", "service")
"""In the order in which they are made."""


def load_suite(given: str) -> Suite:
    """A suite by the name of a shipped one or by path.

    Raises:
        InputError: there is none of that name; lists the shipped ones.
        FileError: the file does not fit.
    """
    return read_toml(find("hil/suites", given, ".toml"), Suite)
