"""Ordinary talk in homes: how much of it becomes a command. Leaves out: what should happen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.devices import Home
from iotcall.dialogue import DialogueSettings, Plan, Question
from iotcall.evaluate.outcomes.judge import Decoder, PlayedHome
from iotcall.evaluate.outcomes.script import SaidTurn
from iotcall.evaluate.statistics import wilson_interval


class Overheard(msgspec.Struct, frozen=True):
    """Talk that became a command."""

    home: str
    utterance: str
    calls: tuple[ToolCall, ...]
    confidence: float


class TalkFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Of one home, or of several."""

    utterances: int
    acted: tuple[Overheard, ...]
    """Those that moved a device, or a timer or a list."""
    asked: int = 0
    """Others that led to a question: which one, or whether it should."""

    @property
    def share(self) -> float:
        """That became a command."""
        return len(self.acted) / max(self.utterances, 1)

    @property
    def interval95(self) -> tuple[float, float]:
        """Wilson's, of `share`."""
        return wilson_interval(len(self.acted), self.utterances)


    @classmethod
    def together(cls, figures: Iterable[TalkFigures]) -> TalkFigures:
        """The sum."""
        found = list(figures)
        return cls(utterances=sum(each.utterances for each in found),
                   acted=tuple(each for part in found for each in part.acted),
                   asked=sum(each.asked for each in found))


def judge_talk(student: Decoder, home: Home, settings: DialogueSettings, catalogue: Catalogue,
               utterances: Sequence[str], *, progress: Callable[[], None] = lambda: None
               ) -> TalkFigures:
    """Say each in a dialogue of its own; nothing is carried out. `progress` is called after each.
    """
    played = PlayedHome(home, settings, catalogue)
    acted, asked = [], 0
    for utterance in utterances:
        decoding, outcome = played.say(student, SaidTurn(
            utterance=utterance, right=(), site="default", first=True, line=0))
        if decoding and isinstance(outcome, Plan):
            acted.append(Overheard(home.name, utterance, decoding.calls, decoding.confidence))
        asked += isinstance(outcome, Question)
        progress()
    return TalkFigures(utterances=len(utterances), acted=tuple(acted), asked=asked)
