"""Make a board whose NPU is emulated on this machine: an interpreter, and bundles of a student.

Two steps: ``bin`` (a program that starts the interpreter with the NPU's provider) and ``bundles``
(the student exported for the board's target, and once more for the CPU, as its calls are compared
with). Leaves out: the interpreter's environment (see export.providers), using the board (see
provider_shell).
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shlex
import subprocess
import sys
from pathlib import Path

import msgspec

import iotcall
from iotcall.bundle.manifest import file_entry
from iotcall.errors import InputError, IotcallError
from iotcall.hil.steps import Made, Progress, Step, all_made, digest, make_all, run_program
from iotcall.shipped import find, shipped

BIN, BUNDLES = "bin", "bundles"
PROGRAM = "iotcall-python"
"""In ``bin``, which comes first where a shell of the board looks for programs."""
TWIN_TARGET = "cpu-int8"
"""What the same student is exported for besides: the machine beside the NPU."""
CHECKPOINT, HOME = "checkpoint", "home.toml"
"""In a student's folder in ``hil/students/``, beside the files of its catalogue."""
_ROOM_MB = 200
_EXPORTING = ("torch", "optimum", "onnx")
_TOOLS = ("onnx", "onnx-ir", "onnxruntime", "optimum-onnx", "torch", "transformers")
_ASK = ("import importlib.metadata as m, json, platform, sys; "
        "print(json.dumps({'python': platform.python_version(), "
        "**{n: m.version(n) for n in sys.argv[1:]}}))")
_ASK_S = 300.0


class Student(msgspec.Struct, frozen=True, kw_only=True):
    """What a board's setup makes bundles of."""

    name: str
    folder: Path
    """Catalogue, checkpoint and home."""
    target: str
    """Of the board."""

    @property
    def home(self) -> Path:
        """Whose devices hear its commands."""
        return self.folder / HOME

    def bundle(self, board: Path) -> Path:
        """For the board's target, in the folder that a setup made."""
        return board / BUNDLES / f"{self.name}-{self.target}"

    def twin(self, board: Path) -> Path:
        """The same for this machine's CPU."""
        return board / BUNDLES / f"{self.name}-{TWIN_TARGET}"


def load_student(name: str, target: str) -> Student:
    """A student of ``hil/students/``, by name or by folder.

    Raises:
        InputError: it is not there, or not whole.
    """
    folder = find("hil/students", name)
    for part in (CHECKPOINT, HOME, "tools.json", "golden.jsonl", "dialogue.toml"):
        if not (folder / part).exists():
            raise InputError(f"{folder} has no {part}; expected what hil/students/lamp has")
    return Student(name=folder.name, folder=folder, target=target)


def set_up_npu(folder: Path, student: Student, python: Path, packages: tuple[str, ...], *,
               progress: Progress = lambda _: None) -> Made:
    """Make the board in a folder, or what of it is missing or outdated.

    Args:
        python: interpreter of an environment with the provider.
        packages: of the provider, by name; their versions are kept.
        progress: is told what is being done, one line at a time.

    Raises:
        InputError: this machine cannot export, or lacks room; nothing was begun.
        IotcallError: a step failed; says its last words. What was made before stays.
    """
    missing = [name for name in _EXPORTING if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"{', '.join(missing)} not found, which exports need; "
                         "pip install 'iotcall[export]'")
    return make_all(folder, [program_step(python), bundles_step(student, progress)],
                    lambda: _versions(python, packages), progress, room_megabytes=_ROOM_MB)


def is_npu_set_up(folder: Path, student: Student) -> bool:
    """Whether everything is there, and the bundles of this student and these tools."""
    return (folder / BIN / PROGRAM).is_file() and all_made(
        folder, [bundles_step(student, lambda _: None)])


def program_step(python: Path) -> Step:
    """What the board's shell starts as `PROGRAM`."""
    return Step(name=BIN, stamp=_start(python), make=lambda place: _write_start(place, python))


def bundles_step(student: Student, progress: Progress) -> Step:
    """The student's exports."""
    return Step(name=BUNDLES, stamp=_stamp(student),
                make=lambda place: _export_both(student, place, progress))


def _write_start(place: Path, python: Path) -> None:
    place.mkdir()
    (place / PROGRAM).write_text(_start(python), encoding="utf-8")
    (place / PROGRAM).chmod(0o755)


def _start(python: Path) -> str:
    # subtle: no link, as an interpreter finds its environment by where it is called
    return f'#!/bin/sh\nexec {shlex.quote(str(python))} "$@"\n'


def _export_both(student: Student, place: Path, progress: Progress) -> None:
    place.mkdir()
    for target in (student.target, TWIN_TARGET):
        progress(f"exporting {student.name} for {target}")
        run_program(
            [sys.executable, "-m", "iotcall", "export", str(student.folder / CHECKPOINT),
             "--catalogue", str(student.folder), "--target", target,
             "--out", str(place / f"{student.name}-{target}")], progress, _environment(),
            do=f"'iotcall targets --probe {target}' says whether the target can be used here")


def _stamp(student: Student) -> str:
    """Of files and tools that a bundle is made of."""
    files = sorted(path for part in (student.folder, student.folder / CHECKPOINT)
                   for path in part.iterdir() if path.is_file())
    targets = [shipped("export") / "targets" / f"{name}.toml"
               for name in (student.target, TWIN_TARGET)]
    versions = {each.name.lower(): each.version for each in importlib.metadata.distributions()}
    return digest([iotcall.__version__, student.name, student.target,
                   *(f"{path.name} {file_entry(path).sha256}" for path in [*files, *targets]),
                   *(f"{name} {versions.get(name, 'none')}" for name in _TOOLS)])


def _environment() -> dict[str, str]:
    """The child runs the iotcall that the bench runs."""
    root = str(Path(iotcall.__file__).parent.parent)
    given = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([root, given] if given else [root])}


def _versions(python: Path, packages: tuple[str, ...]) -> dict[str, str]:
    done = subprocess.run([python, "-c", _ASK, "onnxruntime", *packages], capture_output=True,
                          text=True, timeout=_ASK_S, check=False)
    if done.returncode:
        raise IotcallError(f"the board was made, but {python} does not work: "
                           f"{done.stderr.strip()[-300:]}")
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=dict[str, str])
