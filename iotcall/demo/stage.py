"""Everything a demo needs on one broker: a simulated home, a real hub, a satellite.

Leaves out: what is said, and showing what comes of it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from iotcall.demo.broker import running_broker
from iotcall.demo.satellite import Satellite
from iotcall.devices import Home, Value
from iotcall.devices.simulated import SimulatedHome
from iotcall.errors import InputError, IotcallError
from iotcall.hub.settings import read_broker
from iotcall.hub.turn import TurnRecord

HUB_COMMAND = (sys.executable, "-m", "iotcall", "hub")

_CLIENT_ID = "iotcall-demo"  # not the hub's usual one: where others share the broker
_CONNECT_SECONDS = 10.0
_HUB_START_SECONDS = 120.0  # a student is loaded, on a slow board
_TURN_SECONDS = 60.0
_HUB_STOP_SECONDS = 30.0
_LOG_LINES_SHOWN = 5
_ROOMLESS_SITE = "default"  # Hermes's, also of a home that lists no satellites


class Cast(msgspec.Struct, frozen=True, kw_only=True):
    """Who plays."""

    home: Home
    home_path: Path
    bundle: str
    broker_url: str | None = None
    """None: a broker of our own."""
    hub_command: tuple[str, ...] = HUB_COMMAND
    site_id: str = _ROOMLESS_SITE
    """A satellite of the home."""


class Stage:
    """A running demo."""

    def __init__(self, simulated: SimulatedHome, satellite: Satellite, hub: _Hub,
                 broker_name: str, broker_url: str) -> None:
        self._simulated = simulated
        self._satellite = satellite
        self._hub = hub
        self.broker_name = broker_name
        self.broker_url = broker_url
        """Without a password."""

    def say(self, utterance: str, site_id: str | None = None) -> TurnRecord:
        """What became of the utterance, said where the demo stands or at another satellite.

        Raises:
            IotcallError: the hub ended or said nothing.
        """
        deadline = time.monotonic() + _TURN_SECONDS
        turn = self._satellite.say(utterance, deadline, self._hub.alive, site_id=site_id)
        if turn is None:
            raise self._hub.fault("did not answer")
        return turn

    def states(self) -> dict[str, dict[str, Value]]:
        """Device name -> what it really is."""
        return self._simulated.states()


@contextlib.contextmanager
def running_stage(cast: Cast) -> Iterator[Stage]:
    """Set everything up; all of it ends with the block.

    Raises:
        InputError: the broker's address cannot be used, or the home has no such satellite.
        BrokerError: there is no broker.
        IotcallError: the hub does not start; with the last lines of its log.
    """
    _check_site(cast)
    with contextlib.ExitStack() as stack:
        own = None if cast.broker_url else stack.enter_context(running_broker())
        url = cast.broker_url or (own.url if own else "")
        address = read_broker(url)
        if address.tls:
            raise InputError("the simulated home speaks no TLS; leave --broker out, or name one of "
                             "mqtt://")
        simulated = stack.enter_context(SimulatedHome(
            cast.home, address.host, address.port,
            username=address.username, password=address.password))
        satellite = stack.enter_context(Satellite(address, _CLIENT_ID, cast.site_id))
        satellite.connect(time.monotonic() + _CONNECT_SECONDS)
        version = "3.1.1" if own and own.name == "amqtt" else "auto"
        hub = stack.enter_context(_Hub(cast, url, version))
        deadline = time.monotonic() + _HUB_START_SECONDS
        if not satellite.wait_online(deadline, hub.alive):
            raise hub.fault("did not start")
        yield Stage(simulated, satellite, hub, own.name if own else "broker", str(address))


def _check_site(cast: Cast) -> None:
    known = sorted(cast.home.satellites)
    if cast.site_id not in known and cast.site_id != _ROOMLESS_SITE:
        raise InputError(f"{cast.site_id!r} is no satellite of this home; its satellites: "
                         f"{', '.join(known) or 'none'}")


class _Hub:
    """`iotcall hub` in a process of its own, as on a board."""

    def __init__(self, cast: Cast, broker_url: str, mqtt_version: str) -> None:
        self._command = [
            *cast.hub_command, "--home", str(cast.home_path), "--bundle", cast.bundle,
            "--client-id", _CLIENT_ID, "--mqtt-version", mqtt_version,
            "--session-expiry-seconds", "5",
        ]
        self._folder = tempfile.TemporaryDirectory()
        self._command += ["--store", str(Path(self._folder.name) / "hub.db")]
        # Not on the command line, where every user of the machine could read a password.
        self._environment = {**os.environ, "IOTCALL_BROKER": broker_url}

    def __enter__(self) -> _Hub:
        self._log = tempfile.TemporaryFile()
        # A session of its own: Ctrl-C in the terminal is for the prompt, which ends the hub.
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdin=subprocess.DEVNULL, stdout=self._log,
            stderr=self._log, start_new_session=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(_HUB_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        self._folder.cleanup()

    def alive(self) -> bool:
        return self._process.poll() is None

    def fault(self, what: str) -> IotcallError:
        """An error that shows the end of the hub's log."""
        ended = "" if self.alive() else f" (it ended with exit code {self._process.returncode})"
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").splitlines()[-_LOG_LINES_SHOWN:]
        return IotcallError("\n".join([f"the hub {what}{ended}; the last it logged:", *lines]))
