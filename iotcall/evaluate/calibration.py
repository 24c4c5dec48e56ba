"""What thresholds let through: commands, and talk that is none. Leaves out: choosing them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import msgspec

from iotcall.dialogue.thresholds import Thresholds, is_command
from iotcall.evaluate.files import Said
from iotcall.evaluate.judging import Judged
from iotcall.evaluate.statistics import wilson_interval
from iotcall.runtime import Student, decode_weighed
from iotcall.runtime.answers import wish


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """Ordinary talk that a student took for a command."""

    confidence: float
    wish: float
    """P(something is wanted at all)."""
    text: str
    """Words and calls."""


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """Utterances that pass as commands."""

    utterances: int
    passed: int
    share: float
    interval95: tuple[float, float]
    """Wilson's."""
    examples: tuple[str, ...] = ()
    """Some of those that passed, the surest first."""


def commands_passed(items: Sequence[Judged], thresholds: Thresholds, talk: Collection[str]
                    ) -> Passed:
    """Of the items that are commands, how many are accepted as commands, whether as the right ones
    or not."""
    meant = [item for item in items if is_command(item.expected, talk)]
    return _passed(len(meant), sum(
        is_command(item.got, talk)
        and thresholds.let_pass(item.confidence, wish(item.tools, talk)) for item in meant))


def commands_heard(student: Student, said: Sequence[Said], talk: Collection[str],
                   progress: Callable[[int], None] = lambda done: None) -> list[Heard]:
    """What a student takes for commands in ordinary talk, each utterance by itself; the surest that
    something is wanted first."""
    found = []
    for done, each in enumerate(said):
        decoding = decode_weighed(student, (), each.text)
        if decoding.outcome == "call" and is_command(decoding.calls, talk):
            found.append(Heard(confidence=decoding.confidence, wish=decoding.wish(talk),
                               text=f"{each.text} -> {'; '.join(map(str, decoding.calls))}"))
        progress(done + 1)
    return sorted(found, key=lambda each: -each.wish)


def talk_passed(heard: Sequence[Heard], utterances: int, thresholds: Thresholds) -> Passed:
    """Of so many utterances of ordinary talk, how much becomes a command."""
    passed = [each.text for each in heard if thresholds.let_pass(each.confidence, each.wish)]
    return msgspec.structs.replace(_passed(utterances, len(passed)), examples=tuple(passed[:10]))


def _passed(utterances: int, passed: int) -> Passed:
    return Passed(utterances=utterances, passed=passed, share=passed / max(utterances, 1),
                  interval95=wilson_interval(passed, utterances))
