"""Proof that a bundle makes the student's calls: ``parity.json``. Leaves out: the page (see page).

Every stage of an export, from the traced graph to the execution provider, decodes the golden turns
under the same grammar and is compared with torch in fp32. Equality is of calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from iotcall.catalogue import ToolCall, equivalent_all
from iotcall.evaluate import GoldenTurn
from iotcall.evaluate.golden import Answer, answer_of, same_answer
from iotcall.export.parity.oracle import Oracle
from iotcall.grammar.scoring import choose
from iotcall.runtime import Decoding
from iotcall.runtime.answers import Trace

PARITY = "parity.json"
FEW_TURNS = 200
"""Golden turns that an agreement should rest on."""

Calls = tuple[tuple[ToolCall, ...], ...]


class Parted(msgspec.Struct, frozen=True, kw_only=True):
    """A golden turn on which a stage's calls are not torch's."""

    utterance: str
    torch: str
    """Torch's answer, as written."""
    found: str
    margin: float | None
    """Torch's, in log-probability, between its branch and the one taken here, at the decision
    where they part; None where torch was not asked there."""
    tie: bool
    """The margin is smaller than the target's."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One step from checkpoint to provider."""

    name: str
    logit_difference: float | None
    """Largest absolute difference to torch over the allowed tokens of all decisions that both
    came to; None where the stage tells no logits."""
    turns: int
    agreed: int
    """Turns with torch's calls."""
    ties: int
    """Turns that part at a tie."""
    right: int
    """Turns with the golden calls."""
    parted: tuple[Parted, ...] = ()

    @property
    def agreement(self) -> float:
        """Share of turns with torch's calls, ties left out; 1 where all are ties."""
        judged = self.turns - self.ties
        return self.agreed / judged if judged else 1.0


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """The finished bundle decoded in another way, compared with its usual one."""

    name: str
    turns: int
    agreed: int


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """``parity.json``."""

    student: str
    target: str
    instruction_set: str
    """Of the machine that exported it."""
    prefill_difference: float
    """Largest logit difference of the fp32 graphs to torch after a prefill, after single steps and
    after chunks with a past; every token of the vocabulary."""
    bar: float = 0.0
    """Share of turns with torch's calls that the target asks for."""
    allowed: tuple[str, ...] = ()
    """Where the bundle is below the bar, as the person who exported it allowed; sentences."""
    tie: float
    stages: tuple[Stage, ...]
    """Torch first; the last one is the bundle."""
    variants: tuple[Variant, ...]
    retokenised: float | None = None
    """Share of golden utterances that a trimmed vocabulary cuts into other tokens."""
    grammar_mass_difference: float = 0.0
    """Largest difference, over the golden turns, of the share of probability that the student puts
    on valid first tokens, from the traced graph's (which sees every token): by quantisation and by
    the rows that were not asked for, together."""
    prefix_tokens: int = 0
    """Of the prompt's beginning whose state is shipped."""
    notes: tuple[str, ...] = ()


class Reference(msgspec.Struct, frozen=True):
    """Torch's answers to the golden turns."""

    decodings: tuple[Decoding, ...]
    logits: tuple[tuple[tuple[np.ndarray, ...], ...], ...]
    """Per turn, prompt (the first decision and each skill) and decision: of the allowed tokens."""


def ask_torch(oracle: Oracle, found: Sequence[Decoding],
              again: Callable[[int], Decoding],
              progress: Callable[[int], None]) -> Reference:
    """Torch's answers, from those of an fp32 graph.

    Torch reads each whole answer in one pass; if it would have chosen every token, that is its own
    answer. Where not, `again` decodes the turn of that number with torch step by step.
    """
    decodings, logits = [], []
    for number, decoding in enumerate(found):
        progress(number)
        rows = tuple(_read(oracle, trace) for trace in decoding.trace)
        if not all(_chosen(trace, own) for trace, own in zip(decoding.trace, rows, strict=True)):
            decoding = again(number)
            rows = tuple(tuple(decision.logits for decision in trace.decisions)
                         for trace in decoding.trace)
        decodings.append(decoding)
        logits.append(rows)
    return Reference(tuple(decodings), tuple(logits))


def judge(name: str, items: Sequence[GoldenTurn], reference: Reference,
          found: Sequence[Decoding], tie: float) -> Stage:
    """A stage's answers beside torch's."""
    agreed = ties = right = 0
    worst = 0.0
    parted = []
    for item, torch, rows, own in zip(items, reference.decodings, reference.logits, found,
                                      strict=True):
        difference, margin = _compare(torch, rows, own)
        worst = max(worst, difference if np.isfinite(difference) else 1e9)
        right += own.outcome == "call" and equivalent_all(item.calls, own.calls)
        if same_answer(answer_of(torch), answer_of(own)):
            agreed += 1
            continue
        is_tie = margin is not None and margin < tie
        ties += is_tie
        parted.append(Parted(utterance=item.utterance, torch=torch.text, found=own.text,
                             margin=margin, tie=is_tie))
    return Stage(name=name, logit_difference=worst, turns=len(items), agreed=agreed, ties=ties,
                 right=right, parted=tuple(parted))


def judge_calls(name: str, items: Sequence[GoldenTurn], reference: Reference,
                calls: Sequence[Answer], tie: float) -> Stage:
    """A stage that tells its calls only, such as a provider in a process of its own.

    Where it parts is not known: a tie is a turn with any decision that torch hardly preferred.
    """
    agreed = right = ties = 0
    parted = []
    for item, torch, own in zip(items, reference.decodings, calls, strict=False):
        right += own is not None and equivalent_all(item.calls, own)
        if same_answer(answer_of(torch), own):
            agreed += 1
        else:
            is_tie = torch.smallest_margin < tie
            ties += is_tie
            parted.append(Parted(utterance=item.utterance, torch=torch.text,
                                 found=_spoken(own or ()), margin=None, tie=is_tie))
    return Stage(name=name, logit_difference=None, turns=len(items), agreed=agreed, ties=ties,
                 right=right, parted=tuple(parted))


def vary(name: str, usual: Sequence[Decoding], other: Sequence[Decoding]) -> Variant:
    """Another way of decoding beside the usual one."""
    agreed = sum(same_answer(answer_of(one), answer_of(two))
                 for one, two in zip(usual, other, strict=True))
    return Variant(name=name, turns=len(usual), agreed=agreed)


def _read(oracle: Oracle, trace: Trace) -> tuple[np.ndarray, ...]:
    """Torch's logits of the allowed tokens at each decision of an answer."""
    if not trace.decisions:
        return ()
    first, last = trace.decisions[0].after, trace.decisions[-1].after
    text = (*trace.prompt, *trace.tokens[:last])
    rows = oracle.logits(text, last - first + 1)
    return tuple(rows[decision.after - first][decision.allowed] for decision in trace.decisions)


def _chosen(trace: Trace, rows: Sequence[np.ndarray]) -> bool:
    """Whether these logits choose every token of the answer."""
    for decision, row in zip(trace.decisions, rows, strict=True):
        choice = choose(row)
        if choice is None or decision.allowed[choice.index] != trace.tokens[decision.after]:
            return False
    return True


def _compare(torch: Decoding, rows: Sequence[Sequence[np.ndarray]],
             own: Decoding) -> tuple[float, float | None]:
    """Largest logit difference where both came by, and torch's margin where they part."""
    worst, margin = 0.0, None
    for one, logits, two in zip(torch.trace, rows, own.trace, strict=False):
        for decision, row, other in zip(one.decisions, logits, two.decisions, strict=False):
            if (decision.after != other.after
                    or one.tokens[:decision.after] != two.tokens[:other.after]):
                break
            worst = float(np.maximum(worst, np.abs(row - other.logits).max()))
            taken, there = one.tokens[decision.after], two.tokens[other.after]
            if taken != there:
                at = {int(token): index for index, token in enumerate(decision.allowed)}
                margin = float(row[at[taken]] - row[at[there]])
                break
        if margin is not None:
            break
    return worst, margin


def _spoken(calls: Sequence[ToolCall]) -> str:
    return msgspec.json.encode(calls).decode()
