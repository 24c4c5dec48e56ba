"""What a hub counts about itself. Leaves out: the text format (exposition), serving it (listener).

Names and units by https://prometheus.io/docs/practices/naming/; no label holds what people said.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from iotcall import __version__
from iotcall.devices import Verdict
from iotcall.hub.exposition import Counter, Gauge, Histogram, exposition
from iotcall.hub.turn import Outcome, TurnRecord

_DECODE_BOUNDS_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_TOTAL_BOUNDS_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
_STATM = Path("/proc/self/statm")


class HubMetrics:
    """Fed by the daemon's threads, read by whoever asks. Nothing here raises or waits."""

    def __init__(self, *, queue: Callable[[], int] = lambda: 0,
                 devices: Callable[[], int] = lambda: 0) -> None:
        """`queue` and `devices` are asked when the numbers are read, on the reader's thread."""
        self._started = time.time()
        self._began = time.monotonic()
        self._utterances = Counter(
            "iotcall_utterances_total", "Utterances by what came of them.", "outcome",
            get_args(Outcome))
        self._commands = Counter(
            "iotcall_commands_total", "Commands to devices by what became of them.", "verdict",
            get_args(Verdict))
        self._decode = Histogram(
            "iotcall_decode_seconds", "Time of the student for an utterance that it was asked.",
            _DECODE_BOUNDS_SECONDS)
        self._total = Histogram(
            "iotcall_utterance_seconds", "Time from the arrival of an utterance to the reply.",
            _TOTAL_BOUNDS_SECONDS)
        self._connects = Counter("iotcall_broker_connects_total", "Connections to the MQTT broker.")
        self._fallback = Counter(
            "iotcall_fallback_requests_total", "Utterances that the fallback was asked.")
        self._store = Counter(
            "iotcall_store_errors_total", "Reads and writes of the store or the audit that failed.")
        self._queue = Gauge("iotcall_queue_utterances", "Utterances that wait.", queue)
        self._devices = Gauge("iotcall_devices", "Devices of the home.", devices)
        self._memory = Gauge(
            "process_resident_memory_bytes", "Resident memory size in bytes.", resident_bytes)
        self._parts = (
            self._utterances, self._commands, self._decode, self._total, self._queue,
            self._connects, self._fallback, self._devices, self._store, self._memory,
            Gauge("process_start_time_seconds",
                  "Start time of the process since unix epoch in seconds.", lambda: self._started),
            Gauge("iotcall_build_info", "Always 1; the label says which iotcall it is.",
                  lambda: 1.0, {"version": __version__}))

    def turn(self, record: TurnRecord) -> None:
        """An utterance that was answered, with its commands and its times."""
        self._utterances.add(record.outcome)
        for command in record.commands:
            self._commands.add(command.verdict)
        if record.confidence is not None:  # else the student was not asked
            self._decode.observe(record.latency_ms.decode / 1000)
        if record.latency_ms.total > 0:  # busy and malformed ones are answered without a clock
            self._total.observe(record.latency_ms.total / 1000)

    def connected(self) -> None:
        """The broker has let us in, for the first time or again."""
        self._connects.add()

    def fallback_asked(self) -> None:
        """An utterance went to the fallback."""
        self._fallback.add()

    def store_failed(self) -> None:
        """Something could not be kept or read."""
        self._store.add()

    def text(self) -> str:
        """For Prometheus."""
        return exposition(self._parts)

    def snapshot(self) -> dict[str, Any]:
        """The same for a JSON message, bounded in size; counts are since the start."""
        return {
            "version": __version__,
            "uptime_seconds": round(time.monotonic() - self._began),
            "utterances": self._utterances.counts(),
            "commands": self._commands.counts(),
            "decode_seconds": self._decode.summary(),
            "utterance_seconds": self._total.summary(),
            "queue": self._queue.read(),
            "devices": self._devices.read(),
            "broker_connects": self._connects.counts()[""],
            "fallback_requests": self._fallback.counts()[""],
            "store_errors": self._store.counts()[""],
            "resident_bytes": self._memory.read(),
        }


def resident_bytes() -> int | None:
    """Memory of this process that is in RAM (proc_pid_statm(5)); None where nobody says."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
