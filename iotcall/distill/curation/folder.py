"""The folder that curation fills, and how it gets there. Leaves out: asking the judge.

    train.jsonl dev.jsonl test.jsonl   labelled dialogues that share no utterance
    seeds.jsonl                        few of train.jsonl, the same share for each tool
    scores.jsonl                       every dialogue with its scores and what became of it
    report.json                        the figures
    answers.jsonl                      what the judge answered (see teacher.ledger)

Files are written whole or not at all; the same answers give the same bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from iotcall.distill.curation.groups import grouped
from iotcall.distill.curation.judge import Scores
from iotcall.distill.curation.seeds import pick_seeds
from iotcall.distill.curation.splits import Shares, split, strata
from iotcall.errors import FileError, InputError
from iotcall.evaluate import Dialogue, dialogue_to_json, write_dialogues

LEDGER = "answers.jsonl"
_WRITTEN = (*(f"{name}.jsonl" for name in ("train", "dev", "test", "seeds", "scores")),
            "report.json", LEDGER)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept, and how it is divided."""

    clarity: int = 3
    """Scores below are left out."""
    coherence: int = 4
    shares: Shares = Shares()
    seeds: int = 50
    seed: int = 1
    judged: bool = True
    """False: nobody was asked, every dialogue is kept."""


class Judged(msgspec.Struct, frozen=True):
    """A dialogue and what the judge says of it."""

    dialogue: Dialogue
    scores: Scores | None = None
    """None: there are none."""
    reason: str = ""
    """Why there are none; empty as well: it was not asked about yet."""


class Curated(msgspec.Struct, frozen=True):
    """The figures of a folder."""

    verdicts: dict[str, int]
    """What became of the dialogues."""
    halves: dict[str, int]
    """Dialogues of each file."""
    by_tool: dict[str, dict[str, int]]
    """Tool -> dialogues of each file."""
    set_aside: int
    """Dialogues left out of dev and test, as they begin with an utterance of the training half."""
    cut: int
    """Dialogues of dev and test that end before such an utterance."""

    def to_json(self) -> dict[str, Any]:
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]


def check_place(out: Path, data: Path) -> None:
    """Nothing if the folder may be filled: it is new, empty, or was filled by curation.

    Raises:
        InputError: it holds something else, or `data`, which would be written over.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; choose a folder for --out")
    ours = any((out / name).exists() for name in (LEDGER, "report.json"))
    if out.is_dir() and any(out.iterdir()) and not ours:
        raise InputError(f"{out} holds something else; choose a new folder for --out")
    if data.resolve() in {(out / name).resolve() for name in _WRITTEN}:
        raise InputError(f"{data} is one of the files that are written to {out}; choose another "
                         "folder for --out")


def write_curated(judged: Sequence[Judged], wanted: Wanted, out: Path) -> Curated:
    """Keep, divide and write.

    Raises:
        FileError: a file cannot be written.
        InputError: the shares are none.
    """
    verdicts = [_verdict(each, wanted) for each in judged]
    kept = [each for each, verdict in zip(judged, verdicts, strict=True) if verdict == "kept"]
    dialogues = [each.dialogue for each in kept]
    found = split(dialogues, wanted.shares, wanted.seed)
    halves = {name: [Dialogue(dialogues[place].turns[:turns], dialogues[place].home)
                     for place, turns in places]
              for name, places in (("train", found.train), ("dev", found.dev),
                                   ("test", found.test))}
    train = halves["train"]
    halves["seeds"] = [train[place] for place in pick_seeds(
        train, grouped([each.turns[-1].utterance for each in train]),
        [_total(kept[place]) for place, _ in found.train],
        wanted.seeds, wanted.seed)]
    counted = {name: Counter(strata(half)) for name, half in halves.items()}
    tools = sorted({tool for each in counted.values() for tool in each})
    curated = Curated(
        dict(sorted(Counter(verdicts).items())), {name: len(half) for name, half in halves.items()},
        {tool: {name: each[tool] for name, each in counted.items()} for tool in tools},
        found.set_aside, found.cut)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, half in halves.items():
            write_dialogues(half, out / f"{name}.jsonl")
        _write(out / "scores.jsonl", "".join(
            json.dumps(_row(each, verdict), ensure_ascii=False) + "\n"
            for each, verdict in zip(judged, verdicts, strict=True)))
        _write(out / "report.json", json.dumps(curated.to_json(), indent=2) + "\n")
    except OSError as error:
        raise FileError(out, f"cannot be written: {error}") from error
    return curated


def _total(judged: Judged) -> int:
    return judged.scores.total if judged.scores else 0


def _verdict(judged: Judged, wanted: Wanted) -> str:
    scores = judged.scores
    if not wanted.judged:
        return "kept"
    if scores is None:
        return f"not judged: {judged.reason}" if judged.reason else "not judged yet"
    if scores.clarity < wanted.clarity:
        return "unclear"
    return "incoherent" if scores.coherence < wanted.coherence else "kept"


def _row(judged: Judged, verdict: str) -> dict[str, Any]:
    scores = msgspec.to_builtins(judged.scores) if judged.scores else {}
    return {**dialogue_to_json(judged.dialogue), "verdict": verdict, **scores}


def _write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
