"""Labelled dialogues asked on the board. Leaves out: budgets (hil/test_accuracy.py); asking itself,
which is ``iotcall eval`` on the board.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from iotcall.bundle import Bundle
from iotcall.catalogue import Catalogue
from iotcall.errors import InputError
from iotcall.evaluate import Dialogue, read_dialogues, wilson_interval, write_dialogues
from iotcall.evaluate.files import read_labelled
from iotcall.evaluate.noise import Noisy, mishear
from iotcall.hil.installed import Installation
from iotcall.hil.shell import BoardError, Shell
from iotcall.hil.suite import Accuracy
from iotcall.shipped import shipped

GOLDEN = "golden"


class _Mistake(msgspec.Struct, frozen=True):
    row: int
    turn: int


class _Length(msgspec.Struct, frozen=True):
    turns: int
    dialogues: int
    correct: int
    share: float
    independent: float


class _Whole(msgspec.Struct, frozen=True):
    share: float
    interval95: tuple[float, float]
    independent: float
    by_turns: tuple[_Length, ...]


class _Told(msgspec.Struct, frozen=True):
    """What is read of ``iotcall eval --json``."""

    items: int
    correct: int
    name_accuracy: float
    whole_dialogues: _Whole
    errors: tuple[_Mistake, ...]


class OfLength(msgspec.Struct, frozen=True, kw_only=True):
    """Dialogues of so many turns without a mistake."""

    turns: int
    dialogues: int
    correct: int
    share: float
    independent: float
    """Share that independent errors would leave."""
    interval95: tuple[float, float]


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """Dialogues without a mistake."""

    share: float
    interval95: tuple[float, float]
    independent: float
    by_turns: tuple[OfLength, ...]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the student on the board made of some dialogues."""

    items: int
    right: int
    share: float
    interval95: tuple[float, float]
    """Wilson's, as all here."""
    names: float
    """Share of turns with the right tools in the right order."""
    names_interval95: tuple[float, float]
    dialogues: int
    whole: Whole
    by_tool: dict[str, tuple[int, int, tuple[float, float]]]
    """Tool of a turn's first reference call (``no call``: a refusal) -> right, of, interval."""
    exact: tuple[bool, ...]
    """Of every turn, in order."""


def data_of(bundle: Bundle, wanted: Accuracy) -> dict[str, list[Dialogue]]:
    """Name of each set of a suite -> its dialogues.

    Raises:
        InputError: the catalogue has no such file.
    """
    found = {}
    for name in wanted.data:
        if name == GOLDEN:
            dialogues = read_dialogues(bundle.golden_path)
        else:
            path = shipped("grammars") / bundle.catalogue.name / name
            if not path.is_file():
                raise InputError(f"the catalogue {bundle.catalogue.name} has no {name}; expected "
                                 f"'{GOLDEN}' or a file in grammars/{bundle.catalogue.name}/")
            dialogues = read_labelled([path], bundle.catalogue)
        found[name] = dialogues[:wanted.dialogues]
    return found


def misheard(dialogues: Sequence[Dialogue], catalogue: Catalogue, *, rate: float,
             seed: int) -> Noisy:
    """The dialogues as a recogniser of that word error rate may hear them."""
    return mishear(dialogues, catalogue, rate=rate, seed=seed)


def judge_on(shell: Shell, installed: Installation, dialogues: Sequence[Dialogue],
             timeout_s: float, scratch: Path) -> Asked:
    """Ask them all on the board, of the bundle that serves.

    Raises:
        BoardError: ``iotcall eval`` gave no answer there.
    """
    local, there = scratch / "said.jsonl", f"{installed.folder}/said.jsonl"
    write_dialogues(dialogues, local)
    shell.put(local, there)
    answer, said = shell.iotcall("eval", "--bundle", installed.current, "--data", there,
                                 scratch=installed.folder, timeout_s=timeout_s)
    if not isinstance(answer, dict):
        raise BoardError(f"'iotcall eval' on the board gave no answer (exit code {said.code}): "
                         f"{said.tail}")
    told = msgspec.convert(answer, _Told)
    wrong = {(each.row, each.turn) for each in told.errors}
    places = [(row, turn) for row, dialogue in enumerate(dialogues)
              for turn in range(len(dialogue.turns))]
    named = round(told.name_accuracy * told.items)
    return Asked(
        items=told.items, right=told.correct, share=told.correct / max(told.items, 1),
        interval95=wilson_interval(told.correct, told.items), names=told.name_accuracy,
        names_interval95=wilson_interval(named, told.items), dialogues=len(dialogues),
        whole=Whole(share=told.whole_dialogues.share, independent=told.whole_dialogues.independent,
                    interval95=told.whole_dialogues.interval95,
                    by_turns=tuple(_of_length(each) for each in told.whole_dialogues.by_turns)),
        by_tool=_by_tool(dialogues, wrong), exact=tuple(place not in wrong for place in places))


def _of_length(told: _Length) -> OfLength:
    return OfLength(turns=told.turns, dialogues=told.dialogues, correct=told.correct,
                    share=told.share, independent=told.independent,
                    interval95=wilson_interval(told.correct, told.dialogues))


def _by_tool(dialogues: Sequence[Dialogue], wrong: set[tuple[int, int]]
             ) -> dict[str, tuple[int, int, tuple[float, float]]]:
    right: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for row, dialogue in enumerate(dialogues):
        for number, turn in enumerate(dialogue.turns):
            tool = turn.calls[0].name if turn.calls else "no call"
            count[tool] += 1
            right[tool] += (row, number) not in wrong
    return {tool: (right[tool], of, wilson_interval(right[tool], of))
            for tool, of in sorted(count.items())}
