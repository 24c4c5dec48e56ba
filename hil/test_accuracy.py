"""Calls against labelled dialogues, clean and misheard.

Leaves out: comparing with a baseline, turn by turn (McNemar), which the command does.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from iotcall.bundle import Bundle
from iotcall.evaluate import Dialogue
from iotcall.hil.accuracy import Asked, data_of, judge_on, misheard
from iotcall.hil.installed import Installation
from iotcall.hil.recorder import Recorder
from iotcall.hil.shell import Shell
from iotcall.hil.suite import Accuracy, Suite


@pytest.fixture(scope="module")
def wanted(suite: Suite) -> Accuracy:
    assert suite.accuracy
    return suite.accuracy


@pytest.fixture(scope="module")
def data(bundle: Bundle, wanted: Accuracy) -> dict[str, list[Dialogue]]:
    """Name of a set -> its dialogues."""
    return data_of(bundle, wanted)


def test_calls_are_right_as_people_say_it(
        data: dict[str, list[Dialogue]], bundle: Bundle, installed: Installation, shell: Shell,
        suite: Suite, wanted: Accuracy, record: Recorder, tmp_path: Path) -> None:
    for name, dialogues in data.items():
        found = judge_on(shell, installed, dialogues, suite.step_seconds, tmp_path)
        if name == "golden":
            record.exact = found.exact
        _record(record, found, name, wanted)


def test_calls_are_right_as_a_recogniser_hears_it(
        data: dict[str, list[Dialogue]], bundle: Bundle, installed: Installation, shell: Shell,
        suite: Suite, wanted: Accuracy, record: Recorder, tmp_path: Path) -> None:
    for name, dialogues in data.items():
        for rate in wanted.word_error_rates:
            noise = misheard(dialogues, bundle.catalogue, rate=rate, seed=wanted.seed)
            found = judge_on(shell, installed, list(noise.dialogues), suite.step_seconds, tmp_path)
            record.figure(
                "accuracy.exact", found.share, "share",
                f"{found.right} of {found.items} turns right at a word error rate of "
                f"{noise.figures.word_error_rate:.3f} ({name})", interval95=found.interval95,
                at_least=wanted.least_exact_at.get(f"{rate:g}"),
                do="train with more slips of recognisers, or ask for a better recogniser",
                labels={"data": name, "wer": f"{rate:g}"})


def _record(record: Recorder, found: Asked, name: str, wanted: Accuracy) -> None:
    labels, some = {"data": name, "wer": "0"}, f"turns ({name})"
    record.figure("accuracy.exact", found.share, "share",
                  f"{found.right} of {found.items} {some} have the right calls", labels=labels,
                  interval95=found.interval95, at_least=wanted.least_exact or None,
                  do="'iotcall eval' with the same data lists the mistakes")
    record.figure("accuracy.names", found.names, "share",
                  f"{found.names:.1%} of {found.items} {some} have the right tools", labels=labels,
                  interval95=found.names_interval95, at_least=wanted.least_names or None,
                  do="'iotcall eval' with the same data says which tool is taken for which")
    whole = found.whole
    record.figure("accuracy.dialogues", whole.share, "share",
                  f"{whole.share:.1%} of {found.dialogues} dialogues ({name}) without a mistake; "
                  f"independent errors would leave {whole.independent:.1%}",
                  interval95=whole.interval95, labels=labels)
    for length in whole.by_turns:
        record.figure("accuracy.dialogues_of", length.share, "share",
                      f"{length.correct} of {length.dialogues} dialogues of {length.turns} turns "
                      f"({name}) without a mistake; independent errors would leave "
                      f"{length.independent:.1%}", interval95=length.interval95,
                      labels={**labels, "turns": str(length.turns)})
        record.figure("accuracy.dialogues_independent", length.independent, "share",
                      f"{found.share:.3f} of a turn to the power of {length.turns}",
                      labels={**labels, "turns": str(length.turns)})
    for tool, (right, of, interval) in found.by_tool.items():
        record.figure("accuracy.exact_of", right / of, "share",
                      f"{right} of {of} turns that want {tool} ({name})", interval95=interval,
                      labels={**labels, "tool": tool})
