"""A process of its own: how long to its first answer, and how much memory it holds.

The child is run by `-c`, so that its clock begins before anything of iotcall is imported; request
and answer are two files, as native libraries write to standard output. The bundle's files are in
the system's file cache by then: a first start after a reboot takes as much longer as reading them.
"""

from __future__ import annotations

import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

import iotcall
from iotcall.bundle import Bundle, open_bundle
from iotcall.errors import IotcallError
from iotcall.evaluate.golden import GoldenTurn
from iotcall.grammar.binding import Names
from iotcall.runtime import Student
from iotcall.runtime.board import RuntimeSettings
from iotcall.runtime.decoders import open_decoder

_CHILD = ("import time; began = time.monotonic(); import sys; "
          "from iotcall.evaluate.bench.fresh import main; main(began, *sys.argv[1:])")
_TIMEOUT_S = 1800
_KINDS = {"VmRSS": "resident", "RssAnon": "anonymous", "RssFile": "files", "RssShmem": "shared",
          "VmHWM": "peak", "Pss": "share"}
"""Line of /proc/self/status or smaps_rollup -> field of `Memory`."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of a process that are in memory (source: proc(5))."""

    resident: int
    """VmRSS: the sum of the next three."""
    anonymous: int
    """RssAnon: its own, which swap alone could take."""
    files: int
    """RssFile: pages of files (libraries, weights), which the system may drop and read again."""
    shared: int
    """RssShmem: the past that all prompts begin with, once for each site that continues it."""
    share: int
    """Pss: pages that are mapped several times count once, those of several processes in part. What
    the process really takes; smaller than resident."""
    peak: int
    """VmHWM: the most that was resident at once."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds of a process to its first answer, one step after the other."""

    interpreter_ms: float
    """From starting the process to its first line."""
    imports_ms: float
    opening_ms: float
    """Bundle, graphs and tokenizer, these two side by side."""
    answer_ms: float
    """The first utterance."""
    total_ms: float


class Fresh(msgspec.Struct, frozen=True, kw_only=True):
    """What fresh processes showed."""

    starts: tuple[Start, ...]
    start: Start
    """The median of each step, and of the total."""
    graphs_ms: float
    """Opening the graphs alone, once more in a process that has everything open: a median."""
    tokenizer_ms: float
    """The same of the tokenizer."""
    answers: int
    """Utterances that were answered before the memory was looked at."""
    first: Memory | None
    """After the first answer; None where the system does not say."""
    memory: Memory | None
    """After all answers."""


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    bundle: str
    settings: RuntimeSettings
    names: dict[str, tuple[str, ...]] | None
    turns: tuple[GoldenTurn, ...]
    """At least one."""


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """Of a child; moments are on the monotonic clock, which all processes share."""

    began: float
    imported: float
    opened: float
    answered: float
    graphs_ms: float
    tokenizer_ms: float
    first: Memory | None
    memory: Memory | None


def measure_fresh(bundle: Bundle, settings: RuntimeSettings, turns: Sequence[GoldenTurn], *,
                  starts: int, names: Names | None = None,
                  progress: Callable[[], None] = lambda: None) -> Fresh:
    """Start so many processes, each to its first answer, and one that answers all turns.

    Raises:
        IotcallError: a process did not answer; says what it said.
    """
    request = _Request(
        bundle=str(bundle.folder.absolute()), settings=settings, turns=tuple(turns),
        names={key: tuple(of) for key, of in names.items()} if names is not None else None)
    _, whole = _run(request)  # subtle: first, so that all files are in the cache for the others
    progress()
    short = msgspec.structs.replace(request, turns=request.turns[:1])
    found, told = [], []
    for _ in range(starts):
        start, said = _run(short)
        found.append(start)
        told.append(said)
        progress()
    return Fresh(
        starts=tuple(found), answers=len(turns), first=whole.first, memory=whole.memory,
        start=Start(**{name: statistics.median(getattr(start, name) for start in found)
                       for name in Start.__struct_fields__}),
        graphs_ms=statistics.median(said.graphs_ms for said in told),
        tokenizer_ms=statistics.median(said.tokenizer_ms for said in told))


def read_memory(process: Path = Path("/proc/self")) -> Memory | None:
    """Of this process; None where the system does not say."""
    try:
        lines = [line for name in ("status", "smaps_rollup")
                 for line in (process / name).read_text(encoding="utf-8").splitlines()]
    except OSError:
        return None
    found = {_KINDS[key]: 1024 * int(rest.split()[0]) for key, _, rest in
             (line.partition(":") for line in lines) if key in _KINDS}
    return Memory(**found) if len(found) == len(_KINDS) else None


def main(began: float, asked: str, answered: str) -> None:
    """The child: open the bundle, answer, look at the memory."""
    imported = time.monotonic()
    request = msgspec.json.decode(Path(asked).read_bytes(), type=_Request)
    bundle = open_bundle(Path(request.bundle))
    with Student.open(bundle, settings=request.settings) as student:
        student.bind_registry(request.names)
        opened = time.monotonic()
        student.decode(request.turns[0].history, request.turns[0].utterance)
        first_answered, first = time.monotonic(), read_memory()
        for turn in request.turns[1:]:
            student.prepare(turn.history)
            student.decode(turn.history, turn.utterance)
        memory = read_memory()
        graphs_ms = _taken(lambda: open_decoder(
            bundle.folder, bundle.layout, threads=request.settings.most_threads))
        tokenizer_ms = _taken(lambda: _read_tokenizer(bundle.tokenizer_path))
    Path(answered).write_bytes(msgspec.json.encode(_Told(
        began=began, imported=imported, opened=opened, answered=first_answered, first=first,
        memory=memory, graphs_ms=graphs_ms, tokenizer_ms=tokenizer_ms)))


def _run(request: _Request) -> tuple[Start, _Told]:
    """Start a child and wait for its answer."""
    root = str(Path(iotcall.__file__).parent.parent)
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    with tempfile.TemporaryDirectory(prefix="iotcall-") as scratch:
        asked, answered = Path(scratch) / "request.json", Path(scratch) / "answer.json"
        asked.write_bytes(msgspec.json.encode(request))
        started = time.monotonic()
        try:
            done = subprocess.run(
                [sys.executable, "-c", _CHILD, str(asked), str(answered)], check=False,
                capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S,
                env={**os.environ, "PYTHONPATH": path})
        except subprocess.TimeoutExpired as error:
            raise IotcallError(f"a fresh process gave no answer within {_TIMEOUT_S // 60} "
                               "minutes") from error
        if not answered.is_file():
            said = [line for line in done.stderr.splitlines() if line.strip()]
            # -9: the system ends a process so when memory runs out
            raise IotcallError(f"a fresh process ended with code {done.returncode} before its "
                               f"answer: {said[-1] if said else 'it said nothing'}")
        told = msgspec.json.decode(answered.read_bytes(), type=_Told)
    moments = [started, told.began, told.imported, told.opened, told.answered]
    steps = [1000 * (after - before) for before, after in itertools.pairwise(moments)]
    return Start(interpreter_ms=steps[0], imports_ms=steps[1], opening_ms=steps[2],
                 answer_ms=steps[3], total_ms=sum(steps)), told


def _taken(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def _read_tokenizer(path: Path) -> object:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(path))
