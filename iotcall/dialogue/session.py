"""What is remembered of the dialogue at each site. Leaves out: what is said.

Sessions belong to the one worker that handles utterances; they are not shared between threads.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

import msgspec

from iotcall.devices import Value
from iotcall.dialogue.house.memory import Memory
from iotcall.dialogue.outcomes import Plan, Question
from iotcall.dialogue.settings import DialogueSettings
from iotcall.runtime import Turn

MAX_SITES = 64
"""More satellites than a house has; site ids come from the network."""


class Pending(msgspec.Struct, frozen=True):
    """A question that waits for its answer."""

    question: Question
    plan: Plan | None
    """What a yes does; None: it is no confirmation."""
    session_id: str | None
    """Hermes session in which it was asked; only that one may answer."""
    utterance: str
    """What led to the question."""
    deadline: float
    """On the monotonic clock."""
    asked_at: float = -math.inf
    """On the monotonic clock: nothing that was said before it answers."""
    said: str = ""
    """The one utterance that is asked about; the same words again are no yes to it."""
    before: dict[tuple[str, str, Value], Value] = {}
    """Of a confirmation, what its devices said (`Gate.state_of`)."""


class Session:
    """The dialogue at one site."""

    def __init__(self, site_id: str, history_turns: int) -> None:
        self.site_id = site_id
        self._history: deque[Turn] = deque(maxlen=history_turns)
        self._pending: Pending | None = None
        self.memory = Memory()
        """Of devices, with the `home` catalogue."""
        self.let_go: Pending | None = None
        """The confirmation that the utterance in hand has let go without a no."""
        self.may_agree = False
        """Whether that utterance could have been a yes to it, by when and where it was said."""

    @property
    def history(self) -> tuple[Turn, ...]:
        """The latest turns that were understood, oldest first."""
        return tuple(self._history)

    @property
    def pending(self) -> Pending | None:
        """The question that waits for its answer, whoever may give it."""
        return self._pending

    def remember(self, turn: Turn) -> None:
        self._history.append(turn)

    def ask(self, pending: Pending) -> None:
        """Wait for the answer; an earlier question is dropped."""
        self._pending = pending

    def take_pending(self, session_id: str | None, now: float) -> Pending | None:
        """The question that this session may answer still; it is gone afterwards in any case."""
        pending, self._pending = self._pending, None
        if pending is None or pending.session_id != session_id or now >= pending.deadline:
            return None
        return pending


class SessionStore:
    """Sessions by site: bounded, forgotten when idle."""

    def __init__(self, settings: DialogueSettings, *, max_sites: int = MAX_SITES,
                 clock: Callable[[], float] = time.monotonic,
                 on_new: Callable[[Session], None] = lambda session: None) -> None:
        """`on_new` may put what is known of earlier runs into a new session."""
        self._settings = settings
        self._max_sites = max_sites
        self._on_new = on_new
        self._clock = clock
        self._sessions: OrderedDict[str, tuple[Session, float]] = OrderedDict()  # last use

    def __len__(self) -> int:
        return len(self._sessions)

    def of(self, site_id: str) -> Session:
        """The site's session; a new one for a new site and after the idle time."""
        now = self._clock()
        session, used_at = self._sessions.pop(site_id, (None, now))
        if session is None or now - used_at > self._settings.session_seconds:
            session = Session(site_id, self._settings.history_turns)
            if used_at == now:  # not one that was forgotten just now
                self._on_new(session)
        self._sessions[site_id] = session, now
        while len(self._sessions) > self._max_sites:
            self._sessions.popitem(last=False)  # least recently used
        return session
