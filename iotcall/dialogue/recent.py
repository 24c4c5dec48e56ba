"""What was heard just now, so that it is done once. Leaves out: what is done with a repetition.

A satellite may tell the same utterance twice: Rhasspy's dialogue manager turns each
`hermes/asr/textCaptured` into a `hermes/nlu/query`, and one that speaks Wyoming as well has two
ways. Nobody says the same thing twice within a second or two over two ways; over one way people do
("louder, louder"), so there only the same correlation id is a repetition.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable

import msgspec

from iotcall.devices import Command
from iotcall.dialogue.words import words

WITHIN_SECONDS = 2.0
MOST = 128
"""Of all sites together; a flood makes room for repetitions, which are then done twice."""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """One utterance or plan, and which way it came."""

    site_id: str
    path: str
    """Protocol and topic, as hermes/query, hermes/captured, wyoming: ids are compared within a
    protocol, which is what stands before the slash."""
    what: Hashable
    """`said` of an utterance or `given` of a plan: only the like can be the same."""
    session_id: str | None = None
    correlation_id: str | None = None


class Recent:
    """The latest arrivals. Of one thread."""

    def __init__(self, *, within_seconds: float = WITHIN_SECONDS, most: int = MOST,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._within, self._clock = within_seconds, clock
        self._seen: deque[tuple[float, Arrival]] = deque(maxlen=most)

    def __len__(self) -> int:
        return len(self._seen)

    def is_repeated(self, arrival: Arrival) -> bool:
        """Whether it came already; otherwise it is remembered.

        A repetition does not count as new: the time runs from the first.
        """
        now = self._clock()
        while self._seen and now - self._seen[0][0] >= self._within:
            self._seen.popleft()
        if any(_same(earlier, arrival) for _, earlier in self._seen):
            return True
        self._seen.append((now, arrival))
        return False


def said(text: str) -> tuple[str, ...]:
    """An utterance as it is compared: two recognisers differ in case and punctuation."""
    return words(text)


def given(commands: tuple[Command, ...]) -> frozenset[tuple[str, str, object]]:
    """The commands of a plan as they are compared."""
    return frozenset((told.device.id, told.property, told.value) for told in commands)


def _same(earlier: Arrival, later: Arrival) -> bool:
    if (earlier.site_id, earlier.what) != (later.site_id, later.what):
        return False
    alike = earlier.path.partition("/")[0] == later.path.partition("/")[0]
    if alike and None not in (earlier.session_id, later.session_id) and (
            earlier.session_id != later.session_id):
        return False
    correlated = alike and None not in (earlier.correlation_id, later.correlation_id)
    if correlated or earlier.path == later.path:
        return correlated and earlier.correlation_id == later.correlation_id
    return True
