"""Figures of `make bench-peers` and `make bench-growth` as tables and a picture in the guide.

Leaves out: taking them (driver, growth).
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Sequence
from typing import Any

from iotcall.bundle import open_bundle
from iotcall.evaluate.bench.floor import Pass, floor_of
from iotcall.evaluate.bench.machine import speed
from tests.benchmarks.material import ROOT
from tests.benchmarks.peers.driver import ratios
from tests.benchmarks.peers.systems import WORK, unable

GUIDE = ROOT / "docs" / "runtime-bench.md"
PICTURE = ROOT / "docs" / "pictures" / "runtime-bench.png"
FAMILIES = {"gemma3": "FunctionGemma 270M", "lfm2": "LFM2.5 350M", "qwen3": "Qwen3 0.6B"}
BASE = "llama.cpp Q4_0"
OURS, GUESSED, RIGHT = "iotcall int4", "iotcall int4, starter guesses", "iotcall int4, 100 %"
_BLOCK = re.compile(r"(<!-- bench-peers -->\n).*?(<!-- /bench-peers -->)", re.DOTALL)


def main() -> None:
    figures = {family: json.loads((WORK / family / "figures.json").read_text(encoding="utf-8"))
               for family in FAMILIES if (WORK / family / "figures.json").is_file()}
    floors = {family: _floor(family, own) for family, own in figures.items()}
    text = GUIDE.read_text(encoding="utf-8")
    parts = [_machine(figures), "### Against the targets", _targets(figures, floors)]
    for family, own in figures.items():
        parts += [f"### {FAMILIES[family]}", _table(own), _notes(family, own, floors[family])]
    block = "\n\n".join(parts)
    written, count = _BLOCK.subn(lambda found: f"{found[1]}\n{block}\n\n{found[2]}", text)
    if count != 1:
        raise SystemExit(f"{GUIDE}: expected the markers <!-- bench-peers --> once")
    GUIDE.write_text(written, encoding="utf-8")
    _draw(figures)
    print(block)


def _floor(family: str, figures: dict[str, Any]) -> dict[str, float]:
    """Milliseconds of the median call in one pass over its new tokens, on the machine's best."""
    layout = open_bundle(WORK / family / "cpu-int4").layout
    assert layout.cost is not None
    task = json.loads((WORK / family / "task.json").read_text(encoding="utf-8"))
    best = speed(layout.cost.pass_bytes, threads=2)
    items = [task["items"][place] for place in figures["systems"][OURS]["items"]]
    found = [floor_of([Pass(len(item["tokens"]) + len(item["call_tokens"]), len(task["prefix"]))],
                      layout.cost, best) for item in items]
    return {"ms": statistics.median(floor.floor_ms for floor in found),
            "in_turn_ms": statistics.median(floor.in_turn_ms for floor in found),
            "gigabytes_per_s": best.bytes_per_s / 1e9, "gigaflops": 2 * best.fastest / 1e9}


def _p50(figures: dict[str, Any], name: str) -> float:
    return statistics.median(figures["systems"][name]["ms"])


def _targets(figures: dict[str, Any], floors: dict[str, dict[str, float]]) -> str:
    heads = [FAMILIES[family] for family in figures]
    lines = ["| | asked | " + " | ".join(heads) + " |", "|---|---:|" + "---:|" * len(heads)]

    def row(name: str, asked: str, cells: Sequence[str]) -> None:
        lines.append(f"| {name} | {asked} | " + " | ".join(cells) + " |")

    def times(base: str, name: str) -> list[str]:
        cells = []
        for own in figures.values():
            found = (ratios(own["systems"], base).get(name)
                     if {base, name} <= own["systems"].keys() else None)
            cells.append(f"{1 / found['median']:.1f} ({1 / found['high']:.1f}-"
                         f"{1 / found['low']:.1f})" if found else "-")
        return cells

    row("times faster than llama.cpp Q4_0, no guesses", "2", times(BASE, OURS))
    row("the starter guesses, its time counted", "2, aim 3", times(BASE, GUESSED))
    row("every guess right", "", times(BASE, RIGHT))
    row("times faster than genai with its cache, no guesses", "3", times("genai int4", OURS))
    row("the starter guesses", "3", times("genai int4", GUESSED))
    row("times faster than genai without its cache, no guesses", "10",
        times("genai int4, no prefix", OURS))
    row("the starter guesses", "10", times("genai int4, no prefix", GUESSED))
    row("memory (RSS) of llama.cpp Q4_0's, times", "at most 1.3",
        [f"{_rss(own, OURS) / _rss(own, BASE):.2f}" for own in figures.values()])
    row("times the floor, every guess right", "at most 1.7 (270M)",
        [f"{_p50(own, RIGHT) / floors[family]['ms']:.1f} (reading and multiplying in turn: "
         f"{_p50(own, RIGHT) / floors[family]['in_turn_ms']:.1f})"
         for family, own in figures.items()])
    return "\n".join(lines)


def _rss(figures: dict[str, Any], name: str) -> float:
    return float(figures["systems"][name]["memory"]["rss_bytes"])


def _table(figures: dict[str, Any]) -> str:
    against = ratios(figures["systems"], BASE)
    lines = ["| system | p50 ms | p95 | p99 | first pass ms | passes | tokens | start s | RSS MB, "
             "own | of llama.cpp Q4_0's time (95 %) |",
             "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"]
    for name, own in figures["systems"].items():
        ms, ratio = sorted(own["ms"]), against.get(name)
        memory = own["memory"]
        lines.append(
            f"| {name} | {statistics.median(ms):.0f} | {_at(ms, 0.95):.0f} | {_at(ms, 0.99):.0f} | "
            f"{statistics.median(own['prefill_ms']):.0f} | {statistics.mean(own['passes']):.1f} | "
            f"{statistics.mean(own['tokens']):.1f} | {own['first_answer_s']:.1f} | "
            f"{memory['rss_bytes'] / 1e6:.0f}, {memory['anonymous_bytes'] / 1e6:.0f} | "
            + (f"{ratio['median']:.2f} ({ratio['low']:.2f}-{ratio['high']:.2f}) |" if ratio else
               "1 |" if name == BASE else "none followed |"))
    return "\n".join(lines)


def _notes(family: str, figures: dict[str, Any], floor: dict[str, float]) -> str:
    systems = figures["systems"]
    items = len(systems[OURS]["items"])
    quiet = min(own["quiet_share"] for own in systems.values())
    text = (f"{items} utterances, in turns; {quiet:.0%} of the questions on a quiet machine. "
            f"Floor: {floor['ms']:.0f} ms, at {floor['gigabytes_per_s']:.1f} GB/s and "
            f"{floor['gigaflops']:.0f} GFLOP/s.")
    for name, why in unable(family).items():
        text += f" Without {name}: {why}."
    for name, own in systems.items():
        lost = own["followed"].count(False)
        if lost:
            text += f" {name} did not follow {lost} of {items} calls."
    return text


def _machine(figures: dict[str, Any]) -> str:
    any_of = next(iter(figures.values()))
    versions: dict[str, str] = {}
    for own in any_of["systems"].values():
        versions |= own["versions"]
    machine = any_of["machine"]
    return (f"{machine['processor']}, {machine['cores']} cores, {machine['system']}; "
            + ", ".join(f"{name} {is_}" for name, is_ in sorted(versions.items())) + ".")


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _draw(figures: dict[str, Any]) -> None:
    try:
        import matplotlib
    except ImportError:
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [name for name in next(iter(figures.values()))["systems"]]
    names += [name for own in figures.values() for name in own["systems"] if name not in names]
    chart, axes = pyplot.subplots(1, len(figures), figsize=(4 * len(figures) + 2, 4.6), sharey=True)
    for axis, (family, own) in zip(axes, figures.items(), strict=True):
        for place, name in enumerate(reversed(names)):
            ms = own["systems"].get(name, {}).get("ms")
            if ms:
                colour = "#d1495b" if name.startswith("iotcall") else "#30638e"
                axis.barh(place, statistics.median(ms), color=colour, alpha=0.8)
                axis.plot(ms, [place] * len(ms), ".", color="black", markersize=2.5)
        axis.set_xscale("log")
        axis.set_title(FAMILIES[family], fontsize=10)
        axis.set_xlabel("utterance to call, ms")
        axis.grid(axis="x", alpha=0.3)
    axes[0].set_yticks(range(len(names)), list(reversed(names)), fontsize=8)
    chart.tight_layout()
    PICTURE.parent.mkdir(exist_ok=True)
    chart.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
