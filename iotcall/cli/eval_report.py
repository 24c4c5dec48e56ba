"""What ``iotcall eval`` says to people. Leaves out: the figures (see evaluate)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from iotcall.evaluate import Evaluation
from iotcall.evaluate.comparison import Comparison

_SHOWN = 20
"""Mistakes that are printed for people; --json has them all."""
_COVERAGES = (0.5, 0.8, 0.9, 0.95, 1.0)


def report(found: Evaluation, *, noise: Mapping[str, Any] | None = None,
           comparison: Mapping[str, Any] | None = None) -> str:
    """All of it, as lines; `noise` and `comparison` as in the JSON."""
    low, high = found.interval95
    every = found.slots[0]
    lines = [
        f"tool-call equivalence {found.tool_call_equivalence:.1%} "
        f"({found.correct} of {found.items} items, 95 % interval {low:.1%} to {high:.1%})",
    ]
    if found.unseen:
        part = found.unseen
        lines.append(f"not seen before       {part.share:.1%} ({part.correct} of {part.items} "
                     f"items, 95 % interval {part.interval95[0]:.1%} to {part.interval95[1]:.1%})")
    lines += [
        f"name accuracy         {found.name_accuracy:.1%}",
        f"arguments             F1 {every.f1:.1%}: precision {every.precision:.1%}, "
        f"recall {every.recall:.1%} of {every.wanted}",
        *_dialogues(found),
        f"invalid calls         {found.invalid_calls}",
        f"confidence            calibration error {found.calibration_error:.3f}, area under risk "
        f"and coverage {found.coverage.area:.4f}",
        *_curve(found),
        f"latency               p50 {found.latency_ms.p50} ms, p95 {found.latency_ms.p95} ms, "
        f"p99 {found.latency_ms.p99} ms",
        *_noise(noise), *_compared(comparison), "", *_tools(found), *_arguments(found),
        *_confusions(found), *_mistakes(found)]
    return "\n".join(lines)


def _dialogues(found: Evaluation) -> Iterator[str]:
    whole = found.whole_dialogues
    yield (f"whole dialogues       {whole.share:.1%} ({found.dialogues_correct} of "
           f"{found.dialogues}) with the student's own history; {whole.independent:.1%} if errors "
           "were independent")
    if len(whole.by_turns) > 1:
        yield "                      " + ", ".join(
            f"{each.turns} turn{'s' * (each.turns > 1)} {each.share:.0%}" f" ({each.dialogues}; "
            f"{each.independent:.0%})" for each in whole.by_turns)


def _curve(found: Evaluation) -> Iterator[str]:
    said = []
    for wanted in _COVERAGES:
        point = next((each for each in found.coverage.points if each.coverage >= wanted), None)
        if point:
            said.append(f"{point.risk:.1%} of {point.coverage:.0%}")
    if said:
        yield "                      wrong of the surest: " + ", ".join(dict.fromkeys(said))


def _noise(noise: Mapping[str, Any] | None) -> Iterator[str]:
    if noise is None:
        return
    cost: Comparison = noise["cost"]
    low, high = cost.interval95
    clean = cost.both + cost.only_first
    yield (f"noise ({noise['kind']}, seed {noise['seed']}): {noise['altered']} of "
           f"{noise['utterances']} utterances altered, {noise['labels_altered']} labels with them; "
           f"word error rate {noise['word_error_rate']:.1%}")
    yield (f"  it costs {100 * cost.difference:.1f} points (95 % interval {100 * low:.1f} to "
           f"{100 * high:.1f}): without it {clean / max(cost.items, 1):.1%}")
    if noise["kind"] == "transcription" and noise["word_error_rate"] < 0.9 * noise["asked"]:
        yield (f"  the utterances have too few words that may be altered for {noise['asked']:.0%}")


def _compared(comparison: Mapping[str, Any] | None) -> Iterator[str]:
    if comparison is None:
        return
    low, high = comparison["interval95"]
    yield (f"{comparison['bundle']}: {comparison['correct'] / max(comparison['items'], 1):.1%} "
           f"({comparison['correct']} of {comparison['items']}); this one is "
           f"{100 * comparison['difference']:+.1f} points better (95 % interval {100 * low:+.1f} "
           f"to {100 * high:+.1f})")
    yield (f"  right by this one alone {comparison['only_first']}, by {comparison['bundle']} alone "
           f"{comparison['only_second']}; McNemar's exact p = {comparison['p_value']:.3g}")


def _tools(found: Evaluation) -> Iterator[str]:
    width = max((len(each.tool) for each in found.by_tool), default=0)
    for each in found.by_tool:
        yield (f"{each.tool or 'no call':<{max(width, 7)}}  {each.share:>6.1%} of {each.items:>4} "
               f"({each.interval95[0]:.0%} to {each.interval95[1]:.0%})")


def _arguments(found: Evaluation) -> Iterator[str]:
    rows = found.slots[1:]
    width = max((len(each.argument) for each in rows), default=0)
    for each in rows:
        yield (f"  {each.argument:<{width}}  F1 {each.f1:>6.1%}, precision {each.precision:>6.1%}, "
               f"recall {each.recall:>6.1%} of {each.wanted}")


def _confusions(found: Evaluation) -> Iterator[str]:
    wrong = sorted((each for each in found.confusion if each.expected != each.got),
                   key=lambda each: -each.calls)
    for each in wrong[:10]:
        yield (f"taken for another: {each.expected or 'no call'} -> {each.got or 'no call'} "
               f"{each.calls}")


def _mistakes(found: Evaluation) -> Iterator[str]:
    for mistake in found.errors[:_SHOWN]:
        yield f"row {mistake.row}, turn {mistake.turn}: {mistake.utterance}"
        yield f"  expected {'; '.join(map(str, mistake.expected)) or 'no call'}"
        yield (f"  got      {'; '.join(map(str, mistake.got)) or 'no call'}   "
               f"confidence {mistake.confidence:.2f}")
    if len(found.errors) > _SHOWN:
        yield f"... and {len(found.errors) - _SHOWN} more mistakes; --json has them all"
