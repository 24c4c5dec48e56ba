"""Check a file of training dialogues row by row, and keep the clean ones.

A row is dropped for the first thing that is wrong with it. Leaves out: mending rows, and how a
person is told.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from iotcall.catalogue import Array, Catalogue, Mapping, Node, Object, Text, Union, children
from iotcall.distill.traces.near import normalised
from iotcall.distill.traces.reading import Source, rows_of
from iotcall.distill.traces.rows import LeftOut, read_row
from iotcall.distill.traces.seen import CONTRADICTION, PART, Seen
from iotcall.distill.validation.checks import fault
from iotcall.distill.validation.heldout import HeldOut
from iotcall.errors import FileError
from iotcall.evaluate import Dialogue, dialogue_to_json
from iotcall.formats import Format

_SAMPLES = 3
"""Dropped rows that the report shows of each reason."""
_LABELS = ("question", "answer", "messages", "context", "conversation", "request", "response")


class Limits(msgspec.Struct, frozen=True):
    """How alike is too alike."""

    near: float = 0.85
    """Of two dialogues with the same calls; 1: only equal ones."""
    commonplace: int = 0
    """Words up to which an utterance may be in held-out files too: "thank you"."""


class Sample(msgspec.Struct, frozen=True):
    """One dropped row."""

    row: int
    """Counted from 1, blank lines not."""
    detail: str


class Report(msgspec.Struct, frozen=True):
    """What was found: rows = kept + the sum of dropped."""

    file: str
    rows: int
    kept: int
    turns: int
    """In the kept rows."""
    dropped: dict[str, int]
    """Reason -> rows."""
    samples: dict[str, list[Sample]]
    """Reason -> its first rows."""
    held_out: int
    """Different utterances that were held against the file."""
    commonplaces: int
    """Kept turns that are held out too but short enough to be commonplaces."""
    formats: list[str]
    """Through which calls were written and read back."""
    tools: dict[str, int]
    """Tool -> calls in the kept rows, those without any too."""
    unchecked: list[str]
    """Parameters that take names of a home, which no file of dialogues holds."""


class Dropped(msgspec.Struct, frozen=True):
    """One line of the file of dropped rows."""

    row: int
    reason: str
    detail: str
    content: Any = None
    """The row as it was; nothing where it could not be read."""


def validate(source: Source, catalogue: Catalogue, formats: Sequence[Format], held_out: HeldOut,
             limits: Limits, *, progress: Callable[[int], None] = lambda rows: None,
             ) -> tuple[Report, list[dict[str, Any]], list[Dropped]]:
    """The report, the clean rows in order and the dropped ones.

    Clean rows keep what else stood in them; question and answer are written anew.

    Raises:
        FileError: the file holds no row at all.
        InputError: the file cannot be read.
    """
    seen = Seen(limits.near)
    kept: dict[int, tuple[Dialogue, Any]] = {}  # row -> what it is
    dropped: dict[int, Dropped] = {}

    def drop(row: int, why: LeftOut, content: Any) -> None:
        dropped[row] = Dropped(row, why.reason, why.detail, content)

    rows = 0
    for rows, content in enumerate(rows_of(source), start=1):
        progress(rows)
        found = _checked(content, catalogue, formats, held_out, limits)
        if isinstance(found, LeftOut):
            drop(rows, found, None if isinstance(content, LeftOut) else content)
            continue
        verdict = seen.admit(found, rows)
        if verdict.reason:
            detail = f"turn {verdict.turn + 1}" if verdict.reason == CONTRADICTION else ""
            drop(rows, LeftOut(verdict.reason, detail), content)
            continue
        for row in verdict.replaces:
            drop(row, LeftOut(PART, f"of row {rows}"), kept.pop(row)[1])
        kept[rows] = found, content
    if not rows:
        raise FileError(Path(source.name), "holds no row; expected one JSON object a line")
    dialogues = [dialogue for dialogue, _ in kept.values()]
    in_order = [dropped[row] for row in sorted(dropped)]
    report = Report(
        source.name, rows, len(kept), sum(len(dialogue.turns) for dialogue in dialogues),
        _counted(each.reason for each in in_order), _samples(in_order), len(held_out),
        sum(held_out.match(turn.utterance) != "" for dialogue in dialogues
            for turn in dialogue.turns),
        [format.name for format in formats], _tools(dialogues, catalogue), _registry(catalogue))
    return report, [_written(dialogue, row) for dialogue, row in kept.values()], in_order


def _checked(content: Any, catalogue: Catalogue, formats: Sequence[Format], held_out: HeldOut,
             limits: Limits) -> Dialogue | LeftOut:
    told = content if isinstance(content, LeftOut) else read_row(content)
    if isinstance(told, LeftOut):
        return told
    if told.cut:
        return told.cut
    if found := fault(told.dialogue, catalogue, formats):
        return found
    for number, turn in enumerate(told.dialogue.turns, start=1):
        match = held_out.match(turn.utterance)
        if match and len(normalised(turn.utterance).split()) > limits.commonplace:
            return LeftOut("held out" if match == "exact" else "nearly held out",
                           f"turn {number}: {turn.utterance}")
    return told.dialogue


def _written(dialogue: Dialogue, row: Any) -> dict[str, Any]:
    return dialogue_to_json(dialogue) | {
        key: value for key, value in row.items() if key not in (*_LABELS, "home")}


def _counted(texts: Iterator[str]) -> dict[str, int]:
    return dict(sorted(Counter(texts).items(), key=lambda pair: (-pair[1], pair[0])))


def _samples(dropped: Sequence[Dropped]) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {}
    for each in dropped:
        if len(samples := found.setdefault(each.reason, [])) < _SAMPLES:
            samples.append(Sample(each.row, each.detail))
    return found


def _tools(dialogues: Sequence[Dialogue], catalogue: Catalogue) -> dict[str, int]:
    counts = Counter(call.name for dialogue in dialogues for turn in dialogue.turns
                     for call in turn.calls)
    return {tool.name: counts[tool.name] for tool in catalogue.tools}


def _registry(catalogue: Catalogue) -> list[str]:
    return [f"{tool.name}.{field.name}" for tool in catalogue.tools
            for field in tool.parameters.fields if _takes_names(field.node)]


def _takes_names(node: Node) -> bool:
    if isinstance(node, Array | Mapping | Object | Union):
        return any(map(_takes_names, children(node)))
    return isinstance(node, Text) and node.source is not None and node.source.kind == "registry"


def write_lines(path: Path, rows: Sequence[Any]) -> None:
    """JSON Lines, all or nothing.

    Raises:
        FileError: the file cannot be written.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", errors="replace") as file:
            for row in rows:
                file.write(json.dumps(msgspec.to_builtins(row), ensure_ascii=False) + "\n")
        partial.replace(path)
    except OSError as error:
        raise FileError(path, f"cannot be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)
