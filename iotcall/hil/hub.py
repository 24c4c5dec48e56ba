"""A broker and a hub as processes on the board. Leaves out: what is said to them (see satellite).

The hub is used as its owner uses it: ``iotcall hub``, a home's file, MQTT.
"""

from __future__ import annotations

import shlex
import tempfile
import time
from pathlib import Path

from iotcall.evaluate.bench.fresh import Memory as ProcessMemory
from iotcall.evaluate.bench.fresh import read_memory
from iotcall.hil.satellite import Satellite
from iotcall.hil.shell import BoardError, RemoteProcess, Shell

CLIENT_ID = "iotcall-hil"
_PATH = "PATH=$PATH:/usr/sbin:/usr/local/sbin"  # often not on a user's PATH
_FREE_PORT = ("import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); "
              "print(s.getsockname()[1])")
_CONNECT = "import socket; socket.create_connection(('127.0.0.1', {}), 1)"
_LISTEN_S = 20.0
_POLL_S = 0.05


class BoardBroker:
    """A mosquitto of the run's own, which only the board itself reaches."""

    def __init__(self, shell: Shell, folder: str) -> None:
        self._shell, self._folder = shell, folder
        self._process: RemoteProcess | None = None
        self.port = int(shell.check(
            f"{shlex.quote(shell.python)} -c {shlex.quote(_FREE_PORT)}").split()[-1])
        shell.check(f"mkdir -p {folder}/broker && chmod 777 {folder}/broker")
        shell.write("\n".join([
            f"listener {self.port} 127.0.0.1", "allow_anonymous true", "set_tcp_nodelay true",
            "persistence true", f"persistence_location {folder}/broker/", "autosave_interval 1",
            *(["user root"] if shell.run("id -u").out.strip() == "0" else []), ""]),
            f"{folder}/mosquitto.conf")

    @property
    def log(self) -> str:
        return f"{self._folder}/mosquitto.log"

    def start(self) -> None:
        """Raises:
            BoardError: the board has no mosquitto, or it does not listen.
        """
        if self._shell.run(f"{_PATH}; command -v mosquitto").code:
            raise BoardError("the board has no mosquitto; install it there: apt-get install "
                             "mosquitto")
        self._process = self._shell.start(
            ["mosquitto", "-c", f"{self._folder}/mosquitto.conf"], log=self.log, environment=_PATH)
        deadline = time.monotonic() + _LISTEN_S * self._shell.patience
        while self._shell.run(f"{shlex.quote(self._shell.python)} -c "
                              f"{shlex.quote(_CONNECT.format(self.port))}").code:
            if time.monotonic() > deadline or not self._process.alive():
                raise BoardError("the board's mosquitto does not listen: "
                                 f"{self._process.last_words()}")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """As the system does at shutdown: the store is written."""
        if self._process:
            self._process.stop()

    def stall(self) -> None:
        """Let it say and take nothing, with all connections open: a network that has gone."""
        if self._process:
            self._process.signal("STOP")

    def go_on(self) -> None:
        """After a stall."""
        if self._process:
            self._process.signal("CONT")


class BoardCable:
    """What a hub reaches a port of the board through, until it is cut; ends with the context."""

    def __init__(self, shell: Shell, folder: str, to: int) -> None:
        self._shell, self._log = shell, f"{folder}/relay-{to}.log"
        self._process = shell.start([shell.python, "-m", "iotcall.hil.relay", str(to)],
                                    log=self._log)
        self.port = 0

    def __enter__(self) -> BoardCable:
        """Raises:
            BoardError: it does not listen.
        """
        deadline = time.monotonic() + _LISTEN_S * self._shell.patience
        while not (said := self._shell.run(f"head -n1 {self._log}").out.strip()).isdigit():
            if time.monotonic() > deadline or not self._process.alive():
                words = self._process.last_words()
                self._process.stop()
                raise BoardError(f"the relay does not listen: {words}")
            time.sleep(_POLL_S)
        self.port = int(said)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def cut(self) -> None:
        """Let nothing through, with all connections open.

        Raises:
            BoardError: it has ended.
        """
        self._told("USR1")

    def join(self) -> None:
        """Let everything through again.

        Raises:
            BoardError: it has ended.
        """
        self._told("USR2")

    def _told(self, signal: str) -> None:
        if not self._process.signal(signal):
            raise BoardError(f"the relay has ended: {self._process.last_words()}")


class BoardHub:
    """The daemon on the board, on whatever bundle is current."""

    def __init__(self, shell: Shell, folder: str, *, bundle: str, home: Path, board: Path,
                 port: int) -> None:
        """`home`, `board`: files on this machine; `bundle`: a folder on the board."""
        self._shell, self._folder = shell, folder
        self.process: RemoteProcess | None = None
        self._starts = 0
        self.board_file = f"{folder}/board.toml"
        """On the board."""
        shell.put(home, f"{folder}/home.toml")
        shell.put(board, self.board_file)
        self._words = [shell.python, "-m", "iotcall", "hub", "--home", f"{folder}/home.toml",
                       "--board", self.board_file, "--bundle", bundle,
                       "--broker", f"mqtt://127.0.0.1:{port}", "--client-id", CLIENT_ID,
                       "--store", f"{folder}/hub.db"]

    def start(self, satellite: Satellite, *, within_s: float) -> None:
        """Start it and wait until it says that it is online.

        Raises:
            BoardError: it ended, or took longer; says its last words.
        """
        satellite.forget_online()
        self._starts += 1
        log = f"{self._folder}/hub-{self._starts:03}.log"
        self.process = self._shell.start(self._words, log=log)
        within_s *= self._shell.patience
        if not satellite.wait_online(within_s, self.process.alive):
            alive = self.process.alive()
            words = self.process.last_words()
            self.stop()
            raise BoardError(f"the hub {'was not online' if alive else 'ended'} within "
                             f"{within_s:g} s: {words}")

    def stop(self) -> None:
        """In good order: what it has in hand is finished."""
        if self.process:
            self.process.stop()
            self.process = None

    def kill(self) -> None:
        """As a crash."""
        if self.process:
            self.process.signal("KILL")
            self.process = None

    def log(self) -> str:
        """What it said since it was started first; never what people said."""
        return self._shell.run(f"cat {self._folder}/hub-*.log").out + "\n"

    def memory(self) -> ProcessMemory | None:
        """Of its process; None where the board does not say, or there is no hub."""
        if self.process is None:
            return None
        place = f"/proc/{self.process.pid}"
        said = self._shell.run(f"cat {place}/status {place}/smaps_rollup")
        with tempfile.TemporaryDirectory(prefix="iotcall-") as scratch:
            folder = Path(scratch)
            (folder / "status").write_text(said.out, encoding="utf-8")
            (folder / "smaps_rollup").write_text("", encoding="utf-8")
            return read_memory(folder)
