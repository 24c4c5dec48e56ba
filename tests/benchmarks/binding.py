"""How long binding slots takes: names of a home, words and numbers of a dialogue.

    python -m tests.benchmarks.binding [TOKENIZER.json]

Prints medians over repeated runs with their 5th and 95th percentile. Without a file it takes the
starter's tokenizer. Leaves out: compiling, and following (see grammar).
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from iotcall.catalogue import catalogue_from_json
from iotcall.cli.grammar_source import tokenizer_for
from iotcall.formats import COMPACT
from iotcall.grammar import Binder
from iotcall.grammar.compiler import compile_automaton

TOOLS = [{"name": "turn", "parameters": {"type": "object", "properties": {
    "area": {"type": "string", "x-registry": "areas"},
    "target": {"type": "string", "x-grounded": True, "maxLength": 40},
    "level": {"type": "integer", "minimum": 0, "maximum": 100, "x-grounded": True,
              "x-derived": {"half": 50, "a bit": 10}}}}}]
DIALOGUE = ["could you please turn the lamp beside the old piano in the music room up a bit",
            "no wait, the other one, set it to seventy five percent",
            "and the reading light over the sofa as well please"]


def timed(run: Callable[[], object], times: int) -> str:
    """Median, 5th and 95th percentile in milliseconds."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        taken.append(1000 * (time.perf_counter() - began))
    low, middle, high = np.percentile(taken, [5, 50, 95])
    return f"{middle:.3f} ms ({low:.3f} to {high:.3f})"


def main() -> None:
    tokenizer = tokenizer_for(COMPACT, Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    tokenizer.add_special_tokens(list(COMPACT.special_tokens))
    catalogue = catalogue_from_json(TOOLS, "binding")
    automaton = compile_automaton(catalogue, COMPACT, COMPACT.pieces(catalogue), tokenizer)
    chance = random.Random(1)
    syllables = ["ba", "ko", "ri", "len", "tas", "mu", "vor", "ni", "el", "sa"]
    names = list(dict.fromkeys(
        " ".join("".join(chance.choices(syllables, k=chance.randint(2, 4))) for _ in range(2))
        for _ in range(20_000)))[:10_000]
    binder = Binder(automaton, tokenizer)
    print(f"{len(names)} names of a registry: "
          f"{timed(lambda: binder.bind_registry({'areas': names}), 9)}")
    binder.bind_registry({"areas": names[:20]})
    walk = binder.walk(DIALOGUE)
    print(f"{sum(len(said.split()) for said in DIALOGUE)} words of a dialogue, seen before: "
          f"{timed(lambda: binder.walk(DIALOGUE), 300)}")

    def fresh() -> None:
        words = [[chance.choice(names) for _ in range(8)] for _ in range(1)]
        binder.walk([" ".join(words[0])])

    print(f"16 words never seen before: {timed(fresh, 300)}")
    sampled = [walk.sample(np.random.default_rng(seed)) for seed in range(200)]
    assert all(walk.accepts(tokens) for tokens in sampled)


if __name__ == "__main__":
    main()
