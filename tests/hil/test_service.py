"""The hub as a service: where there can be none, and what systemd says. It runs in test_booted."""

from __future__ import annotations

from pathlib import Path

import pytest
from labgrid import Target

from iotcall.errors import FileError
from iotcall.hil.local_shell import LocalShellDriver
from iotcall.hil.service import NAME, BoardService, State
from iotcall.hil.shell import Shell
from iotcall.hil.suite import load_suite
from iotcall.shipped import find
from tests.hil.bench_run import bench

_SYSTEMCTL = f"""#!/bin/sh
[ "$1 $2" = "show {NAME}" ] || exit 1
printf 'NRestarts=%s\\nMainPID=%s\\nResult=%s\\nActiveState=%s\\n' $SAID
"""


def test_no_service_is_installed_where_the_boards_file_does_not_allow_it(tmp_path: Path) -> None:
    run = bench(tmp_path, "[service]")
    assert not run.failed
    told = [row.told for row in run.rows if row.check.startswith("service.")]
    assert told
    assert all("services = true" in each for each in told)


@pytest.mark.parametrize(("said", "state"), [
    ("0 41 success active", State(active="active", pid=41, restarts=0, result="success")),
    ("2 0 watchdog activating", State(active="activating", pid=0, restarts=2, result="watchdog"))])
def test_what_systemd_says_is_read(
        said: str, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "systemctl").write_text(_SYSTEMCTL)
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("SAID", said)
    target = Target("main")
    driver = LocalShellDriver(target, name=None)
    target.activate(driver)
    service = BoardService(
        Shell(driver, driver, python="python3"), str(tmp_path), bundle="/srv/bundles/current",
        home=find("devices/homes", "demo", ".toml"), port=1883,
        board=find("devices/boards", "host-x86", ".toml"))
    assert service.state() == state
    assert 'bundle = "/srv/bundles/current"' in (tmp_path / "hub.toml").read_text()


def test_a_service_of_no_utterances_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    path.write_text('summary = "x"\n[service]\nutterances = 0\n')
    with pytest.raises(FileError, match="utterances"):
        load_suite(str(path))
