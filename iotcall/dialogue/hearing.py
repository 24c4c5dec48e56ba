"""What a person meant most likely, by all that a student answers and a home can do.

    whole = the student's answers, weighed by the home
    parts = the same of each command, where several were given in one breath
    other = the same of an utterance with another word, where nothing comes of it otherwise

Leaves out: weighing (the house's), what the answer comes to (the conversation's).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import structlog

from iotcall.devices import Home
from iotcall.dialogue.house.reader import HouseReader
from iotcall.dialogue.session import Session
from iotcall.dialogue.words import words
from iotcall.runtime import Decoding, Others, Turn
from iotcall.speech.spelling import alike
from iotcall.speech.typos import right

log = structlog.get_logger()

_SURE, _EACH = 0.9, 0.7
"""Confidence from which several commands in one breath are not looked at one by one, and that each
of them must have."""
_HEARD_AGAIN = 0.8
"""Confidence that an answer must have to an utterance in which a word is read otherwise."""
_NO_WISH = frozenset({"off_topic", "unclear", "list"})
"""Of a whole sentence that may sound like several commands."""
_NEARLY = 0.75
"""How alike a word must be to one of a name."""
_WEIGHED, _WORTH_WEIGHING, _PASSES = 6, 0.02, 24
"""Answers of a student that are weighed beside its first, how likely they must be in proportion,
and the passes that looking for them may take."""


class Decode(Protocol):
    """Asks a student, as `Student.decode` does."""

    def __call__(self, history: Sequence[Turn], utterance: str, *, others: Others | None
                 ) -> Decoding: ...


class Hearing:
    """Of one hub; remembers nothing."""

    def __init__(self, house: HouseReader | None, is_understood: Callable[[Decoding], bool]
                 ) -> None:
        """Without a `house` a student's first answer is what was meant."""
        self._house, self._is_understood = house, is_understood

    def decoded(self, session: Session, utterance: str, home: Home, decode: Decode) -> Decoding:
        """What the student answers, and of its answers the one that was meant most likely in this
        home; without confidence where no word was said that the student or the home knows.

        `decode` asks the student, for other answers too where it is told to look for them.
        """
        whole = self._decoded(session, session.history, utterance, home, decode)
        parts = self._house.clauses(utterance) if self._house else ()
        if not parts or whole.outcome != "call" or (whole.confidence >= _SURE and (
                len(whole.calls) >= len(parts) or any(
                    call.name in _NO_WISH for call in whole.calls))):
            return whole
        history, found = session.history, list[Decoding]()
        for part in parts:
            each = self._decoded(session, history, part, home, decode)
            if each.outcome != "call" or each.confidence < _EACH or not each.calls or any(
                    call.name in _NO_WISH for call in each.calls):
                return whole
            found.append(each)
            history = (*history, Turn(part, each.calls))
        confidence = math.prod(each.confidence for each in found)
        if confidence < whole.confidence and len(whole.calls) >= len(parts):
            return whole
        return msgspec.structs.replace(
            whole, calls=tuple(call for each in found for call in each.calls), others=(),
            confidence=confidence)

    def _decoded(self, session: Session, history: Sequence[Turn], utterance: str, home: Home,
                 decode: Decode) -> Decoding:
        """Heard again with another word, where nothing comes of it and something sure of that."""
        decoding, is_lost = self._heard(session, history, utterance, home, decode)
        # subtle: nothing is heard again for somebody who has broken off, nor when it is too late
        for doubt in decoding.doubts if is_lost and decoding.outcome == "call" else ():
            again, is_lost = self._heard(session, history, right(utterance, (doubt,)), home, decode)
            if not is_lost and again.confidence >= _HEARD_AGAIN:
                log.info("dialogue.heard_again", site_id=session.site_id)
                return msgspec.structs.replace(again, slips=(*again.slips, doubt))
        return decoding

    def _heard(self, session: Session, history: Sequence[Turn], utterance: str, home: Home,
               decode: Decode) -> tuple[Decoding, bool]:
        """The weighed answer, and whether nothing comes of it in this home."""
        weigher = self._house.weigher(utterance, home, session) if self._house else None
        decoding = decode(history, utterance, others=None if weigher is None else Others(
            count=_WEIGHED, least=_WORTH_WEIGHING, passes=_PASSES, worth=weigher.is_doubtful))
        if not decoding.is_known and not _is_of_a_name(utterance, home):
            log.info("dialogue.no_known_word", site_id=session.site_id)
            return msgspec.structs.replace(decoding, confidence=0.0), weigher is not None
        if weigher is None:
            return decoding, False
        decoding = weigher.weighed(decoding)
        return decoding, weigher.comes_to_nothing(decoding) or not self._is_understood(decoding)


def _is_of_a_name(utterance: str, home: Home) -> bool:
    """Whether a word is, or is nearly, one of a name of this home."""
    said = words(utterance)
    named = {word for name in home.spoken_names() for word in words(name)}
    return any(alike(word, other) >= _NEARLY for word in said for other in named)
