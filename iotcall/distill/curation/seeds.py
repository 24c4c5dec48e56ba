"""Seeds: few dialogues that stand for all, the same share for each tool. Leaves out: their use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

from iotcall.distill.curation.splits import strata
from iotcall.evaluate import Dialogue


def pick_seeds(dialogues: Sequence[Dialogue], groups: Sequence[int], scores: Sequence[int],
               count: int, seed: int) -> list[int]:
    """Places of the seeds: the tools take turns, the rarest first.

    Within a tool the best scored come first; of near-equal last utterances there is one before
    there is a second.

    Args:
        groups: of each dialogue's last utterance.
        scores: of each dialogue; higher is better.
    """
    tools = strata(dialogues)
    order = list(range(len(dialogues)))
    Random(seed).shuffle(order)
    order.sort(key=lambda place: -scores[place])  # stable: chance decides among equals
    queues: dict[str, list[int]] = {}
    seen: dict[str, Counter[int]] = {}
    ranked = []
    for place in order:
        counted = seen.setdefault(tools[place], Counter())
        repeat = counted[groups[place]]
        counted[groups[place]] += 1
        ranked.append((repeat, place))
    for _, place in sorted(ranked, key=lambda each: each[0]):
        queues.setdefault(tools[place], []).append(place)
    picked: list[int] = []
    turns = sorted(queues, key=lambda tool: (len(queues[tool]), tool))
    while len(picked) < count and any(queues.values()):
        for tool in turns:
            if queues[tool] and len(picked) < count:
                picked.append(queues[tool].pop(0))
    return picked
