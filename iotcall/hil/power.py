"""Energy that a board takes, by the meter that its file names. Leaves out: what it is spent on.

Meters: a labgrid driver of the environment with ``measure()``, as sigrok's supplies have it
(``{"voltage": V, "current": A}``); or a file on the board, as Linux has them: ``energy*_uj`` counts
microjoules (Documentation/power/powercap), ``power*_input`` tells microwatts
(Documentation/hwmon/sysfs-interface).
"""

from __future__ import annotations

import re
import shlex
import threading
import time
from types import TracebackType
from typing import Any

from iotcall.hil.shell import BoardError, Shell

_EVERY_S = 0.5
"""Between two looks at a meter that tells power."""
_STUCK_S = 30.0
"""A meter that takes longer for a look is stuck."""
_MICRO = 1e-6
_COUNTS = re.compile(r"energy\d*_(?:uj|input)")
"""Files that count microjoules: RAPL's and hwmon's."""
_WATTS = re.compile(r"power\d*_(?:input|average)")


class Watch:
    """Joules while the context lasts."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._error: BaseException | None = None
        self.watts: list[float] = []
        """Of a meter that tells power, in the order taken."""
        self.joules = self.seconds = 0.0

    def __enter__(self) -> Watch:
        self._began = time.monotonic()
        if self._meter.counts:
            self._at = self._meter.read()
        else:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._meter.counts:
            self.joules = self._meter.read() - self._at
            self.seconds = time.monotonic() - self._began
        else:
            self.seconds = time.monotonic() - self._began
            self._over.set()
            self._thread.join(_STUCK_S)
            if self._thread.is_alive():
                self._error = BoardError(f"it took more than {_STUCK_S:g} s")
            self.joules = sum(self.watts) / max(len(self.watts), 1) * self.seconds
        if kind is None and self._error:
            raise BoardError(f"the power meter said nothing more: {self._error}")
        if kind is None and self.joules <= 0:
            raise BoardError("the meter's counter began anew meanwhile, or stands still; run it "
                             "again")

    def _look(self) -> None:
        try:
            self.watts.append(self._meter.read())
            while not self._over.wait(_EVERY_S):
                self.watts.append(self._meter.read())
        except Exception as error:  # it is raised where the watch ends
            self._error = error


class Meter:
    """Tells power in watts, or counts joules."""

    def __init__(self, given: str, target: Any, shell: Shell) -> None:
        """`given`: what the board's file names; `target`: labgrid's, with its drivers.

        Raises:
            BoardError: there is no such driver or file, or it tells no power.
        """
        self._shell, self._file = shell, given if "/" in given else ""
        name = given.rpartition("/")[2]
        self.counts = bool(self._file and _COUNTS.fullmatch(name))
        if self._file and not self.counts and not _WATTS.fullmatch(name):
            raise BoardError(f"{given} is no meter: expected a file called energy..._uj, "
                             "energy..._input, power..._input or power..._average")
        self._driver = None if self._file else _driver(target, given)
        if self._driver is not None and not hasattr(self._driver, "measure"):
            raise BoardError(f"{given} of the environment measures nothing; a SigrokPowerDriver "
                             "does")
        self.read()

    def read(self) -> float:
        """Watts, or joules since some moment."""
        if self._file:
            said = self._shell.check(f"cat {shlex.quote(self._file)}").strip()
            try:
                return int(said) * _MICRO
            except ValueError as error:
                raise BoardError(f"{self._file} said {said!r}; expected a whole number") from error
        found = self._driver.measure() if self._driver is not None else {}
        return float(found["voltage"]) * float(found["current"])


def _driver(target: Any, name: str) -> Any:
    from labgrid.exceptions import NoDriverFoundError

    try:
        return target.get_driver(name)
    except NoDriverFoundError as error:
        raise BoardError(f"the board's environment has no {name}, which its file names as the "
                         f"power_meter: {error}") from error
