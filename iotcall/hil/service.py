"""The hub on the board as a service of systemd, as ``iotcall service`` installs it.

Leaves out: the hub as a process of the bench's own (see hub), what is said to it (see satellite).
"""

from __future__ import annotations

import shlex
import time
from pathlib import Path

import msgspec

from iotcall.hil.satellite import Satellite
from iotcall.hil.shell import BoardError, Said, Shell

CLIENT_ID = "iotcall-hil-service"
NAME = "iotcall-hil"
"""Of the unit; no home has one of this name."""
_UNITS = "/etc/systemd/system"
_PROPERTIES = ("ActiveState", "MainPID", "NRestarts", "Result")
_LOG_LINES = 8
_POLL_S = 1.0


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What systemd says of the service: systemctl(1), "show"."""

    active: str
    """``active``, ``activating``, ``failed``, ..."""
    pid: int
    """0: no process."""
    restarts: int
    """How often systemd started it again by itself."""
    result: str
    """Why it ended last; ``success`` where nothing is wrong."""


class BoardService:
    """The service, on whatever bundle is current."""

    def __init__(self, shell: Shell, folder: str, *, bundle: str, home: Path, board: Path,
                 port: int) -> None:
        """`folder`, on the board, that everybody may read; `home`, `board`: files on this machine;
        `bundle`: a folder on the board; `port`: of the board's broker, on the board.
        """
        self._shell, self._config = shell, f"{folder}/hub.toml"
        shell.put(home, f"{folder}/service-home.toml")
        shell.put(board, f"{folder}/service-board.toml")
        shell.write(f"""home = "{folder}/service-home.toml"
bundle = "{bundle}"
board = "{folder}/service-board.toml"

[broker]
url = "mqtt://127.0.0.1:{port}"
client_id = "{CLIENT_ID}"
""", self._config)
        shell.check(f"chmod 644 {folder}/hub.toml {folder}/service-*.toml")

    def install(self) -> str:
        """Write the unit, let systemd read it; the warnings of ``iotcall service install``.

        Raises:
            BoardError: it cannot be installed; says why.
        """
        words = [self._shell.python, "-m", "iotcall", "service", "install", "--config",
                 self._config, "--name", NAME]
        said = self._shell.run(" ".join(map(shlex.quote, words)), timeout_s=300)
        if said.code:
            raise BoardError(f"'iotcall service install' failed on the board: {said.tail}")
        self._shell.check(f"systemctl daemon-reload && systemctl enable {NAME}")
        return " ".join(line for line in said.err.splitlines() if line.startswith("warning:"))

    def uninstall(self) -> None:
        """Take away all of it: unit, process and what it kept."""
        self._shell.run(
            f"systemctl disable --now {NAME}; rm -rf {_UNITS}/{NAME}.service "
            f"/var/lib/{NAME} /var/lib/private/{NAME}; "
            f"systemctl daemon-reload; systemctl reset-failed {NAME}", timeout_s=180)

    def start(self, satellite: Satellite, *, within_s: float) -> None:
        """Start it and wait until it says that it is online.

        Raises:
            BoardError: it ended, or took longer; says its last words.
        """
        # subtle: "reset-failed" sets the count of restarts to 0 too
        self._shell.run(f"systemctl reset-failed {NAME}")
        satellite.forget_online()
        self._shell.check(f"systemctl start --no-block {NAME}")
        within_s *= self._shell.patience
        if not satellite.wait_online(within_s, self._goes_on):
            raise BoardError(f"the service was not online within {within_s:g} s, or ended: "
                             f"{self.last_words()}")

    def stop(self) -> None:
        """In good order: what it has in hand is finished."""
        self._shell.check(f"systemctl stop {NAME}", timeout_s=180)

    def hang(self) -> None:
        """Let its process do nothing any more, without ending it."""
        self._shell.check(f"kill -STOP {self.state().pid}")

    def state(self) -> State:
        """What systemd says of it now."""
        said = self._shell.check(f"systemctl show {NAME} --property={','.join(_PROPERTIES)}")
        found = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
        return State(active=found.get("ActiveState", ""), pid=int(found.get("MainPID") or 0),
                     restarts=int(found.get("NRestarts") or 0), result=found.get("Result", ""))

    def wait_restarted(self, before: State, *, within_s: float) -> State:
        """Until systemd itself has started it again and it says that it is ready; what systemd says
        of it then, or when the time is over.
        """
        deadline = time.monotonic() + within_s * self._shell.patience
        while True:
            state = self.state()
            anew = state.restarts > before.restarts and state.active == "active"
            if anew or state.active == "failed" or time.monotonic() > deadline:
                return state
            time.sleep(_POLL_S)

    def log(self) -> str:
        """What it and systemd said; never what people said."""
        return self._shell.run(f"journalctl --unit {NAME} --no-pager --output cat",
                               timeout_s=180).out

    def last_words(self) -> str:
        """The end of that."""
        return Said("\n".join(self.log().splitlines()[-_LOG_LINES:]), "", 0).tail

    def _goes_on(self) -> bool:
        state = self.state()
        return state.active in ("active", "activating", "reloading") and not state.restarts


def obstacle(shell: Shell) -> str:
    """Why no service can be installed on a board; empty: one can."""
    if shell.run("test -d /run/systemd/system").code:
        return "the board does not run systemd"
    if shell.run("id -u").out.strip() != "0":
        return "the bench is not root there"
    return ""
