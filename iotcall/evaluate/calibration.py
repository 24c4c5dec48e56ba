"""What a threshold lets through: commands, and talk that is none. Leaves out: choosing it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import msgspec

from iotcall.bundle import Bundle
from iotcall.catalogue import ToolCall
from iotcall.dialogue import read_dialogue
from iotcall.evaluate.files import Said
from iotcall.evaluate.judging import Judged
from iotcall.evaluate.statistics import wilson_interval
from iotcall.runtime import Student, decode_weighed

_TALK = frozenset({"intent_unclear", "off_topic", "unclear"})
"""Tools that say of an utterance that it is no command, as shipped catalogues call them."""


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """Utterances that pass as commands at a threshold."""

    utterances: int
    passed: int
    share: float
    interval95: tuple[float, float]
    """Wilson's."""
    examples: tuple[str, ...] = ()
    """Some of those that passed, the surest first."""


def talk_tools(bundle: Bundle) -> frozenset[str]:
    """Tools of a bundle whose calls command nothing: those that its dialogue.toml answers with a
    question or a refusal, and those that are called as in shipped catalogues."""
    found = _TALK & {tool.name for tool in bundle.catalogue.tools}
    if bundle.dialogue_toml is not None:
        settings = read_dialogue(bundle.dialogue_toml, bundle.catalogue,
                                 bundle.folder / "dialogue.toml")
        found |= settings.unclear.keys()
    return found


def usual_threshold(bundle: Bundle) -> float:
    """What a bundle's dialogue.toml says of confidence; 0 where it has none."""
    if bundle.dialogue_toml is None:
        return 0.0
    return read_dialogue(bundle.dialogue_toml, bundle.catalogue,
                         bundle.folder / "dialogue.toml").fallback_below


def commands_passed(items: Sequence[Judged], threshold: float, talk: Collection[str]) -> Passed:
    """Of the items that are commands, how many are accepted, rightly understood or not."""
    meant = [item for item in items if is_command(item.expected, talk)]
    return _passed(len(meant), sum(bool(item.got) and item.confidence >= threshold
                                   for item in meant))


def commands_heard(student: Student, said: Sequence[Said], talk: Collection[str],
                   progress: Callable[[int], None] = lambda done: None) -> list[tuple[float, str]]:
    """What a student takes for commands in ordinary talk, each utterance by itself: confidence,
    and words with calls; the surest first."""
    found: list[tuple[float, str]] = []
    for done, each in enumerate(said):
        decoding = decode_weighed(student, (), each.text)
        if decoding.outcome == "call" and is_command(decoding.calls, talk):
            found.append((decoding.confidence,
                          f"{each.text} -> {'; '.join(map(str, decoding.calls))}"))
        progress(done + 1)
    return sorted(found, key=lambda each: -each[0])


def talk_passed(heard: Sequence[tuple[float, str]], utterances: int, threshold: float) -> Passed:
    """Of so many utterances of ordinary talk, how much becomes a command."""
    passed = [text for confidence, text in heard if confidence >= threshold]
    return msgspec.structs.replace(_passed(utterances, len(passed)), examples=tuple(passed[:10]))


def is_command(calls: Sequence[ToolCall], talk: Collection[str]) -> bool:
    """Whether one of the calls would do something."""
    return any(call.name not in talk for call in calls)


def _passed(utterances: int, passed: int) -> Passed:
    return Passed(utterances=utterances, passed=passed, share=passed / max(utterances, 1),
                  interval95=wilson_interval(passed, utterances))
