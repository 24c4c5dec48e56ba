"""What is missing for runs on a board: on this machine, on the way, on the board itself.

Leaves out: making it be there. Nothing is changed on the board.
"""

from __future__ import annotations

import contextlib
import importlib.util
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
from packaging.requirements import Requirement

from iotcall import __version__
from iotcall.errors import InputError, IotcallError
from iotcall.hil import booted, image, userland
from iotcall.hil.bench import BOOTED, EMULATED, PROVIDER, environment_of
from iotcall.hil.claims import target_claims
from iotcall.hil.disk import program as program_here
from iotcall.hil.emulated import emulated_folder, qemu_program
from iotcall.hil.emulated_npu import is_npu_set_up, load_student
from iotcall.hil.service import obstacle
from iotcall.hil.shell import Shell
from iotcall.runtime.board import Board, load_board

Level = Literal["ok", "warning", "error"]

_MODULES = {"labgrid": "hil", "pytest": "hil", "matplotlib": "hil", "rapidfuzz": "hil"}
_LEAST_FREE_MB = 200
_PROGRAMS = {"SSHDriver": {"ssh": "openssh-client", "scp": "openssh-client"},
             "QEMUDriver": {"qemu-system-aarch64": "qemu-system-arm"},
             BOOTED: booted.NEEDED,
             EMULATED: {"unshare": "util-linux", "nsenter": "util-linux"}}
"""Driver of an environment -> programs of this machine that it needs, with Debian's package."""
_ASK = ("import iotcall, json, onnxruntime as o; "
        "print(json.dumps([iotcall.__version__, o.__version__, o.get_available_providers()]))")
_ASK_PLUGIN = ("import importlib, importlib.metadata as m, json, sys, onnxruntime as o; "
               "name, plugin, *packages = sys.argv[1:]; "
               "path = importlib.import_module(plugin).get_library_path(); "
               "o.register_execution_provider_library(name, path); "
               "print(json.dumps([name in [d.ep_name for d in o.get_ep_devices()], "
               "{n: m.version(n) for n in packages}]))")
"""Of a provider that is loaded into onnxruntime: whether it offers a device, and its versions."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    what: str
    level: Level
    found: str
    do: str = ""
    """What to do about it; empty where nothing is to be done."""


def examine(name: str) -> list[Finding]:
    """Findings from near to far; runs are possible where none is an error.

    Raises:
        InputError: there is no such board.
    """
    board = load_board(name)
    found = [*_here()]
    try:
        environment = environment_of(board, name)
    except InputError as error:
        return [*found, Finding("environment", "error", str(error), "write one: see hil/")]
    found.append(Finding("environment", "ok", str(environment)))
    if any(each.level == "error" for each in found):
        return found  # labgrid is not there
    return [*found, *_of_board(board), *_through(board, environment)]


def _here() -> Iterator[Finding]:
    for module, extra in _MODULES.items():
        there = importlib.util.find_spec(module) is not None
        yield (Finding(f"here: {module}", "ok", "installed") if there else
               Finding(f"here: {module}", "error", "not installed",
                       f"pip install 'iotcall[{extra}]'"))


def _of_board(board: Board) -> Iterator[Finding]:
    yield (Finding("board file", "ok", board.summary) if board.verified else
           Finding("board file", "warning", f"{board.summary}: nobody has run the bench on one",
                   "check it against yours, and set verified = true after a run"))
    if board.stamp != "measured":
        yield Finding("figures", "ok", f"{board.stamp}: calls are judged, times are left out")
    if board.bench and not board.bench.power_meter:
        yield Finding("power meter", "ok", "none named; energy is not measured")


def _through(board: Board, environment: Path) -> Iterator[Finding]:
    """What the environment needs, whether the board answers, and what it has."""
    from labgrid import Environment

    opened = Environment(str(environment.absolute()))
    drivers = opened.config.get_targets()["main"].get("drivers", {})
    missing = False
    for driver in drivers:
        for program, package in _PROGRAMS.get(driver, {}).items():
            if program_here(program) is None:
                missing = True
                yield Finding(f"here: {program}", "error", f"not found, and {driver} needs it",
                              f"apt-get install {package}")
            else:
                yield Finding(f"here: {program}", "ok", "found")
    for driver, look in ((EMULATED, _emulated), (BOOTED, _booted), (PROVIDER, _npu)):
        if driver in drivers:
            found = look(board, drivers[driver]["system"])
            missing = missing or found.level == "error"
            yield found
    for path in opened.config.get_images().values():
        if not Path(path).exists():
            missing = True
            yield Finding("image", "error", f"{path}: there is none",
                          "put the board's image there; nothing here makes it yet")
    if missing:
        return
    with contextlib.ExitStack() as stack:
        stack.callback(opened.cleanup)
        try:
            target = opened.get_target("main")
            shell = Shell(target.get_driver("CommandProtocol"),
                          target.get_driver("FileTransferProtocol"),
                          python=(board.bench and board.bench.python) or sys.executable,
                          patience=board.patience)
            shell.check("true")
        except Exception as error:  # labgrid raises plain exceptions where a board is not there
            yield Finding("shell", "error", f"the board does not answer: {_line(error)}",
                          "switch it on, and try its address by hand; hil/environments/ says how "
                          "it is reached")
            return
        yield Finding("shell", "ok", "the board answers")
        yield from _on_board(board, shell)


def _emulated(_: Board, system: str) -> Finding:
    return _system(system, userland)


def _booted(_: Board, system: str) -> Finding:
    return _system(system, image)


def _system(system: str, kind: Any) -> Finding:
    """Whether `iotcall hil setup` has made it, and what that would need; `kind`: the module that
    makes such systems."""
    folder, lacks = emulated_folder(system), kind.missing_programs()
    install = f"apt-get install {' '.join(sorted(set(lacks.values())))}"
    try:
        there = kind.is_set_up(folder)
    except InputError as error:
        return Finding("system", "error", str(error), "install it, and try again")
    if not there:
        before = f"{install}, then " if lacks else ""
        return Finding("system", "error", f"{folder}: not there, not whole or of other versions "
                                          "than this machine has", f"{before}iotcall hil setup "
                                                                   f"{system}")
    qemu = shutil.which(booted.QEMU_SYSTEM) if kind is image else qemu_program()
    if qemu is None:
        return Finding("system", "error", "made, but there is no qemu to run it", install)
    return Finding("system", "ok", f"{folder}, under {qemu}")


def _npu(board: Board, system: str) -> Finding:
    """Whether `iotcall hil setup` has made it."""
    folder, name = emulated_folder(system), (board.bench and board.bench.student) or ""
    try:
        there = is_npu_set_up(folder, load_student(name, board.target))
    except InputError as error:
        return Finding("system", "error", str(error), "mend student in the board's file")
    if there:
        return Finding("system", "ok", f"{folder}, with {name} for {board.target}")
    return Finding("system", "error", f"{folder}: not there, not whole or of another student or "
                                      f"versions than here", f"iotcall hil setup {system}")


def _on_board(board: Board, shell: Shell) -> Iterator[Finding]:
    machine = shell.run("uname -m").out.strip()
    yield (Finding("machine", "ok", machine) if board.machine in ("", machine) else
           Finding("machine", "error", f"{machine}; the board's file says {board.machine}",
                   "choose the board's own file"))
    for program, package in (("tar", "tar"), ("sha256sum", "coreutils"), ("setsid", "util-linux"),
                             ("mosquitto", "mosquitto")):
        there = shell.run(f"PATH=$PATH:/usr/sbin:/usr/local/sbin; command -v {program}").code == 0
        yield (Finding(program, "ok", "on the board") if there else
               Finding(program, "error", "not on the board", f"there: apt-get install {package}"))
    folder = (board.bench and board.bench.folder) or shell.run('echo "${TMPDIR:-/tmp}"').out.strip()
    free = shell.run(f'df -Pk "{folder}" | tail -n 1').out.split()
    megabytes = int(free[3]) / 1024 if len(free) > 3 else 0
    yield (Finding("room", "ok", f"{megabytes:.0f} MiB free in {folder}")
           if megabytes >= _LEAST_FREE_MB else
           Finding("room", "error", f"{megabytes:.0f} MiB free in {folder}, {_LEAST_FREE_MB} are "
                                    "needed", "make room, or name another folder in [bench]"))
    if board.bench and board.bench.services:
        why = obstacle(shell)
        yield (Finding("services", "error", why, "set services = false in the board's file") if why
               else Finding("services", "ok", "the bench may install one, and use the board's own "
                                              "mosquitto"))
    said = shell.run(f"{shlex.quote(shell.python)} -c {shlex.quote(_ASK)}", timeout_s=300)
    if said.code:
        yield Finding("iotcall", "error", f"{shell.python} on the board has none: {said.tail}",
                      f"there: python3 -m venv {Path(shell.python).parent.parent} and pip install "
                      f"iotcall=={__version__}")
        return
    theirs, onnxruntime, providers = msgspec.json.decode(
        said.out.splitlines()[-1], type=tuple[str, str, tuple[str, ...]])
    yield (Finding("iotcall", "ok", f"{theirs} on the board") if theirs == __version__ else
           Finding("iotcall", "error", f"{theirs} on the board, {__version__} here",
                   "install the same on both"))
    yield _provider(board, shell, onnxruntime, providers)


def _provider(board: Board, shell: Shell, onnxruntime: str, providers: tuple[str, ...]) -> Finding:
    if not board.target:
        return Finding("provider", "ok", "the board's file names no target")
    try:
        wanted = target_claims(board.target)
    except IotcallError as error:
        return Finding("provider", "error", str(error), "mend target in the board's file")
    install = f"on the board: pip install {' '.join(wanted.packages)}"
    if wanted.plugin:
        names = [Requirement(package).name for package in wanted.packages]
        words = [shell.python, "-c", _ASK_PLUGIN, wanted.provider, wanted.plugin, *names]
        said = shell.run(" ".join(map(shlex.quote, words)), timeout_s=300)
        if said.code:
            return Finding("provider", "error", f"{board.target} needs {wanted.provider}, which "
                                                f"cannot be loaded: {_last(said.err)}", install)
        offered, versions = msgspec.json.decode(
            said.out.splitlines()[-1], type=tuple[bool, dict[str, str]])
        by = ", ".join(f"{name} {version}" for name, version in versions.items())
        if offered:
            return Finding("provider", "ok",
                           f"{wanted.provider} of {by} in onnxruntime {onnxruntime}")
        return Finding("provider", "error", f"{wanted.provider} of {by} offers no device",
                       "is this the board's own file, and is its driver installed?")
    if wanted.provider in providers:
        return Finding("provider", "ok", f"{wanted.provider} in onnxruntime {onnxruntime}")
    return Finding("provider", "error", f"onnxruntime {onnxruntime} has {', '.join(providers)}; "
                                        f"{board.target} needs {wanted.provider}", install)


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _line(error: Any) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
