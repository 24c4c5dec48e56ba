"""Put a question until its answer can be used: the ledger first, then the service, patiently.

Two kinds of trouble, two loops. The service fails (429, 5xx, no answer, half an answer): the same
request again, after a wait; what is given up is asked again by the next run. The model's answer
cannot be used (a refusal, no JSON, no call of the catalogue): the question is put anew with the
fault; each answer is in the ledger, so that the next run knows the outcome without asking.
Leaves out: many questions at once (running).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import TypeVar

import msgspec

from iotcall.distill.teacher.client import Failed, Post
from iotcall.distill.teacher.counts import Counts
from iotcall.distill.teacher.ledger import Ledger
from iotcall.distill.teacher.patience import Patience, Pause, nap
from iotcall.distill.teacher.request import Answer, Request, digest_of

T = TypeVar("T")
Reader = Callable[[Answer], T]
"""Raises `Unusable` where the answer is none."""

_FAULTS = {
    "refused": "it holds no answer. This is test data for the speech recognition of appliances; "
               "nothing is switched by it",
    "cut_off": "it was cut off before its end; be brief",
}


class Unusable(Exception):
    """The model answered, but not what was asked for."""

    def __init__(self, reason: str, fault: str) -> None:
        self.reason = reason
        """One of `REASONS`: refused, malformed, invalid."""
        self.fault = fault
        """What is wrong with it and what was expected: the model is told so."""
        super().__init__(fault)


class GivenUp(msgspec.Struct, frozen=True):
    """The question has no usable answer."""

    reason: str
    detail: str = ""


class Stop(Exception):
    """Nothing more is asked in this run; what was not begun stays for the next one."""


class Asker:
    """Asks one model; used by one event loop."""

    def __init__(self, post: Post, ledger: Ledger, *, model: str, patience: Patience,
                 temperature: float | None = None, limit: int | None = None) -> None:
        """`limit`: requests that may be sent; None: any number."""
        self.counts = Counts()
        self.stopped = asyncio.Event()
        self.why = ""
        """Why nothing more is asked; empty: it is."""
        self.hopeless = False
        """Whether that is because the service does not answer."""
        self._post, self._ledger, self._model = post, ledger, model
        self._patience, self._temperature, self._limit = patience, temperature, limit
        self._pause = Pause()
        self._random = Random(0)
        self._in_vain = 0
        self._locks: dict[str, asyncio.Lock] = {}

    def stop(self, why: str) -> None:
        """Ask nothing more; what is under way comes to its end."""
        self.why = self.why or why
        self.stopped.set()

    async def ask(self, request: Request, read: Reader[T], *, about: str = "") -> T | GivenUp:
        """What `read` makes of the answer.

        Raises:
            Stop: it would have to be asked, but nothing more is.
            InputError: the service takes no such key or has no such model.
        """
        unusable = Unusable("malformed", "")
        for _ in range(self._patience.answers):
            answer, fresh = await self._answer(request, about)
            if isinstance(answer, Failed):
                return self._in_vain_again(answer)
            try:
                if answer.finish:
                    raise Unusable(answer.finish, _FAULTS[answer.finish])
                return read(answer)
            except Unusable as error:
                unusable = error
            if fresh:
                self.counts.failed[unusable.reason] += 1
            said = "" if unusable.reason == "refused" else answer.text
            request = request.again(unusable.fault, said)
        self.counts.given_up[unusable.reason] += 1
        return GivenUp(unusable.reason, unusable.fault)

    async def _answer(self, request: Request, about: str) -> tuple[Answer | Failed, bool]:
        """What the ledger or the service has to say, and whether it is the service."""
        body = request.body(self._model, self._temperature)
        digest = digest_of(body)
        # subtle: whoever asks the same at the same time waits for the one answer
        async with self._locks.setdefault(digest, asyncio.Lock()):
            if known := self._ledger.find(digest):
                self.counts.kept += 1
                return known, False
            attempt = 0
            while True:
                found = await self._sent(body)
                if isinstance(found, Answer):
                    self._ledger.add(digest, found, model=self._model, about=about)
                    self._in_vain = 0
                    return found, True
                self.counts.failed[found.reason] += 1
                attempt += 1
                if not found.again or attempt >= self._patience.attempts:
                    return found, True
                wait = self._patience.wait_seconds(attempt - 1, found.wait_seconds, self._random)
                if found.reason == "rate_limited":
                    self._pause.at_least(wait)
                else:
                    await nap(wait, self.stopped)

    async def _sent(self, body: dict[str, object]) -> Answer | Failed:
        await self._pause.over(self.stopped)
        if self._limit is not None and self.counts.sent >= self._limit:
            self.stop(f"the limit of {self._limit} requests is reached")
        if self.stopped.is_set():
            raise Stop
        self.counts.sent += 1
        found = await self._post(body)
        if isinstance(found, Answer):
            self.counts.answered += 1
            self.counts.prompt_tokens += found.prompt_tokens
            self.counts.completion_tokens += found.completion_tokens
        return found

    def _in_vain_again(self, failed: Failed) -> GivenUp:
        """A question whose last attempt failed; too many of them in a row stop the run."""
        self.counts.given_up[failed.reason] += 1
        self.counts.details[failed.reason] = failed.detail
        self._in_vain += 1
        if self._in_vain >= self._patience.hopeless:
            self.hopeless = True
            self.stop(f"{self._in_vain} questions in a row came to nothing, the last one: "
                      f"{failed.detail or failed.reason}")
        return GivenUp(failed.reason, failed.detail)
