"""One measurement in a process of its own: ``python -m tests.benchmarks.measure KIND ...``.

``peak ENGINE VOCABULARY CATALOGUE [compile]`` tells the memory; ``cell VOCABULARY CATALOGUE
ENGINE...`` the times, engines taking turns. The result is one line of JSON on stdout. Leaves out:
which measurements there are, and what becomes of them (see grammar).
"""

from __future__ import annotations

import gc
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from iotcall.grammar import Automaton, Binder, Walk
from tests.benchmarks.engines import Engine, WalkCursor, engine_named
from tests.benchmarks.material import Material, Turn, material_of, turns_of

PASSES = 5
"""How often each engine goes along every golden call."""
ROUNDS = 7
"""How often each engine compiles, unless that takes long."""
PATIENCE_S = 8.0
"""An engine compiles no more often than fits into this (twice at least)."""
SAMPLES = 60
"""Random answers, and as many damaged ones, on which all engines must agree."""


def peak(name: str, vocabulary: str, catalogue: str, compiles: bool) -> dict[str, Any]:
    """Highest resident memory, with the tokenizer and the engine's library loaded at least."""
    engine = engine_named(name)
    material = material_of(vocabulary, catalogue)
    found: dict[str, Any] = {}
    if compiles:
        before_mb = _restart_peak()
        began = time.perf_counter()
        read = engine.read(material)
        grammar = engine.grammar(material)
        compiled = engine.compile(read, grammar)
        found["first_s"] = time.perf_counter() - began
        if before_mb is not None:
            found["grown_mb"] = _status_mb("VmHWM") - before_mb
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if compiles:
        found |= engine.size(compiled)  # after the peak: a pickle is not part of it
        if name == "iotcall":
            found["first_begin_s"] = _first_begin(compiled, material)
    return found


def _first_begin(automaton: Automaton, material: Material) -> float:
    """Seconds until a process's first unbound call can begin: tokens of strings are read."""
    began = time.perf_counter()
    WalkCursor(Binder(automaton, material.tokenizer).walk()).follow()
    return time.perf_counter() - began


def cell(vocabulary: str, catalogue: str, names: Sequence[str]) -> dict[str, Any]:
    """Times of all engines on one catalogue with one vocabulary."""
    material = material_of(vocabulary, catalogue)
    engines = {name: engine_named(name) for name in names}
    times, compiled = _compile_in_turns(engines, material)
    binder = Binder(compiled["iotcall"], material.tokenizer)
    openers = _openers(engines, compiled, binder)
    turns = turns_of(material, catalogue)
    usable = {name: [opener(turn).accepts(turn.tokens) for turn in turns]
              for name, opener in openers.items()}
    # the same calls for all, so that shares can be compared
    chosen = [turn for turn, *verdicts in zip(turns, *usable.values(), strict=True)
              if all(verdicts)]
    found: dict[str, Any] = {"turns": len(turns), "common_turns": len(chosen), "engines": {}}
    # by a walk of its own: what is worked out at first use stays cold for the times
    other = Binder(compiled["iotcall"], material.tokenizer).walk()
    free = {id(turn) for turn in chosen if _has_slot(other, turn)}
    steps = _steps_in_turns(openers, chosen)
    for name, opener in openers.items():
        found["engines"][name] = {
            **times.get(name, {}), **steps[name],
            "accepted_turns": sum(usable[name]),
            "counts": _counts(opener, chosen),
            "counts_without_strings": _counts(opener, [turn for turn in chosen
                                                       if id(turn) not in free]),
        }
    found["agreement"] = _agreement(openers, binder, material)
    return found


# ------------------------------------------------------------------ compiling

def _compile_in_turns(engines: dict[str, Engine], material: Material,
                      ) -> tuple[dict[str, Any], dict[str, Any]]:
    """Seconds of every round and engine, and what each compiled last."""
    times: dict[str, dict[str, list[float]]] = {
        name: {"read_s": [], "compile_s": [], "ratio": []} for name in engines}
    compiled: dict[str, Any] = {}
    grammars = {name: engine.grammar(material) for name, engine in engines.items()}
    for round_number in range(ROUNDS):
        for name in _rotated(list(engines), round_number):
            spent = [sum(pair) for pair in zip(times[name]["read_s"], times[name]["compile_s"],
                                               strict=True)]
            if len(spent) >= 2 and sum(spent) + max(spent) > PATIENCE_S:
                continue
            compiled.pop(name, None)
            gc.collect()
            began = time.perf_counter()
            read = engines[name].read(material)
            between = time.perf_counter()
            compiled[name] = engines[name].compile(read, grammars[name])
            times[name]["read_s"].append(between - began)
            times[name]["compile_s"].append(time.perf_counter() - between)
            _say(f"  round {round_number + 1}: {name} {times[name]['compile_s'][-1]:.3f} s")
    own = times["iotcall"]["compile_s"]
    for of_engine in times.values():
        # rounds of the same number stand side by side
        of_engine["ratio"] = [there / here for there, here in
                              zip(of_engine["compile_s"], own, strict=False)]
    return {name: {kind: _spread(values) for kind, values in of_engine.items()}
            for name, of_engine in times.items()}, compiled


# ------------------------------------------------------------------ stepping

Opener = Callable[[Turn], Any]


def _openers(engines: dict[str, Engine], compiled: dict[str, Any], binder: Binder,
             ) -> dict[str, Opener]:
    """How each engine begins an answer; a second iotcall is bound to what was said."""
    openers: dict[str, Opener] = {"iotcall": lambda turn: WalkCursor(binder.walk())}
    automaton: Automaton = compiled["iotcall"]
    if any(slot.source == "said" for slot in automaton.slots):
        openers["iotcall, bound"] = lambda turn: WalkCursor(binder.walk(turn.dialogue))
    for name, engine in engines.items():
        if name != "iotcall":
            openers[name] = lambda turn, engine=engine, name=name: engine.begin(compiled[name])
    return openers


def _steps_in_turns(openers: dict[str, Opener], turns: Sequence[Turn]) -> dict[str, Any]:
    """Times per step along all calls; engines take turns call by call.

    A step follows every token but the last, behind which nothing is to be masked.
    """
    clock = time.perf_counter_ns
    taken: dict[str, list[list[int]]] = {name: [] for name in openers}
    begins: dict[str, list[int]] = {name: [] for name in openers}
    gc.collect()
    gc.disable()  # its pauses would be charged to whoever is at it
    for pass_number in range(PASSES):
        for name in openers:
            taken[name].append([])
        for number, turn in enumerate(turns):
            for name in _rotated(list(openers), pass_number + number):
                began = clock()
                cursor = openers[name](turn)
                cursor.follow()
                begins[name].append(clock() - began)
                step, into = cursor.step, taken[name][-1]
                for token in turn.tokens[:-1]:
                    began = clock()
                    step(token)
                    into.append(clock() - began)
        gc.collect()
    gc.enable()
    medians = {name: [statistics.median(one) for one in of_engine]
               for name, of_engine in taken.items()}
    found = {}
    for name, of_engine in taken.items():
        every = np.array([step for one in of_engine for step in one]) / 1000
        ratios = [there / here for there, here in
                  zip(medians[name], medians["iotcall"], strict=True)]
        found[name] = {
            "step_us": {"median": float(np.median(every)), "p99": float(np.percentile(every, 99)),
                        "max": float(every.max()), "steps": len(every)},
            "first_pass_max_us": max(of_engine[0]) / 1000,
            "step_ratio": _spread(ratios),
            "begin_us": float(np.median(begins[name])) / 1000,
        }
    return found


def _counts(opener: Opener, turns: Sequence[Turn]) -> dict[str, float]:
    """Tokens that the mask alone forces, and that the engine's own means skip."""
    tokens = forced = skipped = 0
    has_jump = True
    for turn in turns:
        cursor = opener(turn)
        cursor.follow()
        ahead = 0
        for index, token in enumerate(turn.tokens):
            tokens += 1
            forced += cursor.allowed() == 1
            if ahead == 0:
                ahead = cursor.jump(turn.tokens[index:])
                has_jump = has_jump and ahead >= 0
                ahead = max(ahead, 0)
            if ahead:
                skipped, ahead = skipped + 1, ahead - 1
            if index < len(turn.tokens) - 1:
                cursor.step(token)
    return {"turns": len(turns), "tokens": tokens, "forced": forced,
            "skipped": skipped if has_jump else forced}


def _has_slot(walk: Walk, turn: Turn) -> bool:
    """Whether the call holds a string or number that the automaton leaves to a slot."""
    cursor = WalkCursor(walk)
    for token in turn.tokens[:-1]:
        cursor.step(token)
        if cursor.in_slot():
            return True
    return False


def _agreement(openers: dict[str, Opener], binder: Binder, material: Material) -> dict[str, int]:
    """On random answers, whole and damaged, does every engine give iotcall's verdict?

    Texts are written with the tokenizer's own tokens: of others, only iotcall refuses some.
    """
    random = np.random.default_rng(11)
    walk = binder.walk()
    nobody = Turn((), ())
    found: dict[str, int] = {"texts": 0, "valid": 0}
    for number in range(2 * SAMPLES):
        tokens = walk.sample(random)
        if number % 2:
            # one token is left out, doubled, or takes another's place
            at = int(random.integers(len(tokens)))
            other = tokens[int(random.integers(len(tokens)))]
            tokens[at:at + 1] = [[], [tokens[at]] * 2, [other]][int(random.integers(3))]
        text = material.tokenizer.decode(tokens, skip_special_tokens=False)
        written = material.tokenizer.encode(text, add_special_tokens=False).ids
        if not written or "\ufffd" in text:
            continue
        verdict = walk.accepts(written)
        found["texts"] += 1
        found["valid"] += verdict
        for name, opener in openers.items():
            if not name.startswith("iotcall"):
                found.setdefault(name, 0)
                if opener(nobody).accepts(written) != verdict:
                    found[name] += 1
                    _say(f"  {name} against iotcall ({verdict}): {text!r}")
    return found


# ------------------------------------------------------------------ shared

def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values),
            "count": len(values)}


def _rotated(names: list[str], by: int) -> list[str]:
    by %= len(names)
    return names[by:] + names[:by]


def _restart_peak() -> float | None:
    """Let the kernel count the peak from here; resident memory now. None where it cannot."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return None
    return _status_mb("VmRSS")


def _status_mb(field: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise KeyError(field)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> None:
    kind, *rest = arguments
    if kind == "peak":
        name, vocabulary, catalogue, *more = rest
        found = peak(name, vocabulary, catalogue, bool(more))
    else:
        vocabulary, catalogue, *names = rest
        found = cell(vocabulary, catalogue, names)
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
