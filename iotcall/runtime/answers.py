"""What decoding gives back. Leaves out: how it comes about (see decoding)."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from iotcall.catalogue import ToolCall
from iotcall.grammar.scoring import Scored
from iotcall.grammar.walk import Place
from iotcall.speech.typos import right

Outcome = Literal["call", "too_long", "too_slow", "cancelled", "no_text", "nothing_fits",
                  "no_logits", "invalid"]
Slips = tuple[tuple[str, str], ...]
"""Words as they were said, and as they were read."""


class Decision(msgspec.Struct, frozen=True):
    """Where the student chose among several tokens."""

    after: int
    """Answer tokens before it."""
    allowed: NDArray[np.int64]
    logits: NDArray[np.float32]
    """Of the allowed tokens, in their order."""
    margin: float
    """To the next best, in log-probability."""
    place: Place
    """Of the walk."""


class Trace(msgspec.Struct, frozen=True):
    """What an answer was chosen from."""

    prompt: tuple[int, ...]
    """Tokens of the whole prompt."""
    tokens: tuple[int, ...]
    """Tokens of the answer."""
    decisions: tuple[Decision, ...]


class Other(msgspec.Struct, frozen=True, kw_only=True):
    """A likely answer beside the one that was given."""

    calls: tuple[ToolCall, ...]
    confidence: float
    """P(answer | grammar), 0..1."""
    text: str = ""
    """As written, without its end."""

    def through(self, change: Callable[[Sequence[ToolCall]], tuple[ToolCall, ...]]) -> Other:
        """The answer with its calls changed."""
        return msgspec.structs.replace(self, calls=change(self.calls))


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search for other answers found."""

    answers: tuple[Scored, ...]
    """The likeliest first."""
    passes: int
    ms: float


class Decoding(msgspec.Struct, frozen=True, kw_only=True):
    """What the student answered."""

    calls: tuple[ToolCall, ...]
    """Empty unless the outcome is "call"."""
    text: str
    """The answer as written, without its end; unfinished unless the outcome is "call"."""
    confidence: float
    """P(answer | grammar) along the tokens chosen, 0..1; 0 unless the outcome is "call"."""
    outcome: Outcome
    """too_long: not finished within the token budget; too_slow: it would not have been finished
    before the deadline; cancelled: nobody wanted it any more; no_text: nothing was said;
    nothing_fits: no tool can be called with what was said and what exists; no_logits: the student's
    numbers are none; invalid: the automaton let a call pass that the catalogue refuses."""
    decisions: int
    """Tokens that the student chose among several."""
    tokens: int
    """Tokens of the answer, its end included."""
    passes: int
    """Runs of the graph, the prefill included; the draft student's are not counted."""
    prefill_ms: float
    """To the first decision, the draft included."""
    decode_ms: float
    """After the prefill, the search for other answers included."""
    drafted: int = 0
    """Decisions that had been guessed right, and so cost no pass of their own."""
    smallest_margin: float = math.inf
    """Least difference of log-probability between a chosen token and the next best; inf without a
    decision."""
    grammar_mass: float = 1.0
    """Share of its probability that the unmasked student put on valid first tokens of the first
    decision, 0..1: low where it would rather say something else. 1 without a decision."""
    tools: tuple[tuple[str, float], ...] = ()
    """Tools with their P(called first | grammar), as far as the decisions show; those of the
    student's first answer where it was weighed against others."""
    is_known: bool = True
    """Whether the student knows a word of what was said, by its bundle's lexicon."""
    slips: Slips = ()
    """Words of the dialogue that the student read otherwise than they were said: as they were said,
    and stand in calls, and as it read them."""
    doubts: Slips = ()
    """Words of the utterance as they were said, and what they may have been meant for, nearly as
    likely as for what the student read."""
    others: tuple[Other, ...] = ()
    """The likeliest other answers that were asked for, the likeliest first."""
    others_passes: int = 0
    """Runs of the graph that finding them took."""
    trace: tuple[Trace, ...] = ()
    """With skills, of the first decision and each skill; empty unless it was asked for."""

    def wish(self, talk: Collection[str]) -> float:
        """P(something is wanted at all | grammar), 0..1, where calls of `talk` say that nothing
        is, or nobody knows what."""
        return wish(self.tools, talk)

    def as_read(self, text: str) -> str:
        """Words of the dialogue as the student read them."""
        return right(text, self.slips)

    def beside(self, found: Found, written: Callable[[Sequence[int]], str],
               read: Callable[[str], tuple[ToolCall, ...] | None]) -> Decoding:
        """With other answers; `written` makes text of an answer's tokens, `read` calls of it."""
        texts = [written(one.tokens[:-1]) for one in found.answers]
        return msgspec.structs.replace(
            self, decode_ms=self.decode_ms + found.ms, others_passes=found.passes,
            others=tuple(Other(calls=calls, confidence=math.exp(one.log_probability), text=text)
                         for text, one in zip(texts, found.answers, strict=True)
                         if (calls := read(text)) is not None))


def wish(tools: Sequence[tuple[str, float]], talk: Collection[str]) -> float:
    """P(something is wanted at all): what no tool of `talk` has of `Decoding.tools`."""
    return max(0.0, 1.0 - sum(share for name, share in tools if name in talk))


def unanswered(outcome: Outcome) -> Decoding:
    """The answer where the student was not asked."""
    return Decoding(calls=(), text="", confidence=0.0, outcome=outcome, decisions=0, tokens=0,
                    passes=0, prefill_ms=0.0, decode_ms=0.0)


def joined(picked: Decoding, answers: Sequence[Decoding]) -> Decoding:
    """The answers of several skills as one; it fails where one of them failed."""
    parts = [picked, *answers]
    outcome = parts[-1].outcome
    good = outcome == "call"
    others = answers[0].others if len(answers) == 1 else ()
    return Decoding(
        calls=tuple(call for part in answers for call in part.calls) if good else (),
        text="\n".join(part.text for part in answers), outcome=outcome,
        confidence=math.prod(part.confidence for part in parts) if good else 0.0,
        decisions=sum(part.decisions for part in parts), tokens=sum(part.tokens for part in parts),
        passes=sum(part.passes for part in parts),
        drafted=sum(part.drafted for part in parts),
        prefill_ms=sum(part.prefill_ms for part in parts),
        decode_ms=sum(part.decode_ms for part in parts),
        smallest_margin=min(part.smallest_margin for part in parts),
        grammar_mass=picked.grammar_mass,
        tools=tuple((name, share * dict(picked.tools).get(picked.calls[0].name, 1.0))
                    for name, share in answers[0].tools) if good and answers else (),
        others=tuple(msgspec.structs.replace(
            other, confidence=other.confidence * picked.confidence) for other in others),
        others_passes=sum(part.others_passes for part in parts),
        trace=tuple(trace for part in parts for trace in part.trace))
