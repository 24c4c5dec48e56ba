"""Of a student's likeliest answers the one that was meant, by what people usually say.

With P(answer) of the student and how usual its values are, Bayes' rule gives P(answer | what people
say). Leaves out: what a home says of the answers (`iotcall.dialogue`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from iotcall.catalogue import ToolCall
from iotcall.runtime.answers import Decoding, Other
from iotcall.runtime.others import Others
from iotcall.runtime.part import Turn
from iotcall.speech.prior import ValuePrior

_SURE = 0.97
"""Confidence from which an answer is weighed against no other."""
_OTHERS = Others(count=6, least=0.01, passes=24,
                 worth=lambda calls, confidence, slips: confidence < _SURE)


class Decodes(Protocol):
    """What is needed of a student."""

    @property
    def prior(self) -> ValuePrior | None:
        """Of its bundle."""

    @property
    def decode(self) -> Callable[..., Decoding]:
        """See `Student.decode`."""


def decode_weighed(student: Decodes, history: Sequence[Turn], utterance: str, *,
                   others: Others | None = None, **how: Any) -> Decoding:
    """The student's answer; where its bundle has a prior, of its answers the one that was meant
    most likely.

    Args:
        others: of a caller who weighs the answers himself; they are left as the student gave them.
        how: further arguments of `Student.decode`.
    """
    prior = student.prior
    if others or prior is None:
        return student.decode(history, utterance, others=others, **how)
    return weighed(student.decode(history, utterance, others=_OTHERS, **how), utterance, prior)


def weighed(decoding: Decoding, utterance: str, prior: ValuePrior) -> Decoding:
    """The decoding with the likeliest of its answers, which loses the others; what it tells of
    decisions and passes stays that of the student's first."""
    if not decoding.others:
        return decoding
    said = decoding.as_read(utterance)
    answers = [Other(calls=decoding.calls, confidence=decoding.confidence, text=decoding.text),
               *decoding.others]
    shares = [answer.confidence * math.exp(prior.weight(said, [
        (key, decoding.as_read(value)) for key, value in _texts(answer.calls)]))
              for answer in answers]
    best = max(range(len(answers)), key=shares.__getitem__)
    # answers that were not looked at are held to be as usual as these
    return msgspec.structs.replace(
        decoding, calls=answers[best].calls, text=answers[best].text, others=(),
        confidence=shares[best] / sum(shares) * min(1.0, sum(
            answer.confidence for answer in answers)))


def _texts(calls: Sequence[ToolCall]) -> list[tuple[str, str]]:
    return [(key, value) for call in calls for key, value in call.arguments.items()
            if isinstance(value, str)]
