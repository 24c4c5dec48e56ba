"""``training.jsonl``: how a training went, beside its checkpoint. Leaves out: judging.

A row a line: where it began or went on, losses, and judgements on development dialogues. A training
that goes on from a checkpoint forgets the rows behind it, since it will write them again.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from iotcall.errors import FileError

LOG = "training.jsonl"


class Begun(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="begun"):
    """Where a run began."""

    step: int
    """0, or the checkpoint's."""
    device: str
    precision: str
    """Of products: fp32 or bf16."""
    threads: int
    parameters: int
    learning: int
    """Parameters that change."""
    sequences: int
    """Of an epoch."""
    shortened: int = 0
    """Of them, dialogues whose last turns the student has no positions for."""


class Loss(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="loss"):
    """The training loss over the steps since the row before."""

    step: int
    epoch: float
    loss: float
    """Nats a token of the calls."""
    learning_rate: float


class Judgement(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="judgement"):
    """The student of a step on the development dialogues, decoded under the grammar."""

    step: int
    epoch: float
    items: int
    """User turns."""
    correct: int
    equivalence: float
    """Tool-call equivalence: share of items with exactly the reference's calls."""
    interval95: tuple[float, float]
    """Wilson's."""
    names: float
    """Share of items with the right tools in the right order."""
    unanswered: int
    """Items whose answer was not finished, or had nothing to be made of."""
    seconds: float
    counts: bool
    """Whether the student may be kept: with few bits, only once its weights are rounded."""
    best: bool
    """Better than every earlier one that counts."""


Row = Begun | Loss | Judgement


def read_log(folder: Path) -> list[Row]:
    """The rows of a training in its checkpoint's folder; none where there is no log.

    A last line that an interruption cut short is left out.

    Raises:
        FileError: another line is no row.
    """
    path = folder / LOG
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise FileError(path, f"cannot be read: {error}") from error
    rows: list[Row] = []
    for number, line in enumerate(lines, start=1):
        try:
            if line.strip():
                rows.append(msgspec.json.decode(line, type=Row))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if number < len(lines):  # a whole line ends with a newline
                raise FileError(path, f"is no row of a training's log: {error}; remove it and go "
                                      "on", place=f"line {number}") from error
    return rows


class Log:
    """Writes the rows of one run."""

    def __init__(self, folder: Path, step: int) -> None:
        """Forget what stands there behind `step`, the one that the run begins with.

        Raises:
            FileError: what stands there is no log.
        """
        self._path = folder / LOG
        rows = [row for row in read_log(folder) if row.step <= step] if step else []
        self.judgements = [row for row in rows if isinstance(row, Judgement)]
        partial = self._path.with_name(LOG + ".partial")
        partial.write_bytes(b"".join(map(_line, rows)))
        partial.replace(self._path)

    def is_best(self, equivalence: float, *, counts: bool) -> bool:
        """Whether a judgement that comes now is the best one."""
        return counts and all(row.equivalence < equivalence
                              for row in self.judgements if row.counts)

    def is_exhausted(self, patience: int) -> bool:
        """Whether that many judgements, the last ones, count and are not the best; 0: never."""
        last = [row.best for row in self.judgements if row.counts][-patience:]
        return 0 < patience == len(last) and not any(last)

    @property
    def best(self) -> int | None:
        """The step of the best student that was judged."""
        return next((row.step for row in reversed(self.judgements) if row.best), None)

    def add(self, row: Row) -> None:
        """Write a row; what was written before stays."""
        if isinstance(row, Judgement):
            self.judgements.append(row)
        with self._path.open("ab") as file:
            file.write(_line(row))


def _line(row: Row) -> bytes:
    return msgspec.json.encode(row) + b"\n"
