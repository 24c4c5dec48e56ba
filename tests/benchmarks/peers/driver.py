"""Ask all systems of a family the same, in turns, and write ``build/peers/FAMILY/figures.json``.

``python -m tests.benchmarks.peers.driver --family qwen3`` [``--only NAME`` ...] [``--system
'iotcall=.venv/bin/python -m ...'``] [``--free``] [``--check``]. Every system is a process; all live
at once and are asked item by item, in an order shuffled per item. They follow the reference calls
unless ``--free`` (see protocol). ``--check`` puts checks.json to every grammar instead of taking
times. Needs the standard library only. Leaves out: what the figures mean (docs).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.peers.systems import ROOT, WORK, command_lines, unable

WARM_UP = 3
SEED = 0
SERIES = ("ms", "prefill_ms", "grammar_ms", "tokens", "passes", "followed", "extra_ms")
RESAMPLES = 2000
QUIET_S, QUIET_SHARE, QUIET_TRIES = 0.2, 0.15, 300


class Runner:
    """A system's process; a context manager."""

    def __init__(self, name: str, argv: Sequence[str], log: Path) -> None:
        self.name, self.argv = name, list(argv)
        self._log = log.open("w", encoding="utf-8")
        self._started = time.monotonic()
        self._process = subprocess.Popen(self.argv, cwd=ROOT, stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=self._log, text=True)
        self.ready = self._read()
        self.ready_s = time.monotonic() - self._started

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with {self._process.wait()}; see "
                               f"{self._log.name}")
        value: dict[str, Any] = json.loads(line)
        return value


def measure(task: dict[str, Any], runners: Sequence[Runner], items: Sequence[int], *,
            follow: bool) -> dict[str, Any]:
    """Figures by system; the runners are started and cold."""
    found: dict[str, Any] = {}
    for runner in runners:
        before = time.monotonic()
        runner.ask({"item": items[0], "follow": follow})
        found[runner.name] = {
            "argv": [part.removeprefix(f"{ROOT}/") for part in runner.argv],
            "versions": runner.ready["versions"], "start_s": runner.ready_s,
            "first_answer_s": runner.ready_s + time.monotonic() - before,
            "items": list(items), "texts": [], **{series: [] for series in SERIES}}
    order = random.Random(SEED)
    quiet = asked = 0
    for place, item in enumerate([*items[:WARM_UP], *items]):
        for runner in order.sample(list(runners), len(runners)):
            quiet += wait_quiet()
            asked += 1
            answer = runner.ask({"item": item, "follow": follow})
            if place >= WARM_UP:
                own = found[runner.name]
                own["texts"].append(answer["text"])
                for series in SERIES:
                    own[series].append(answer[series])
        print(f"\r{place + 1 - WARM_UP} of {len(items)}", end="", file=sys.stderr, flush=True)
    print(f"\n{quiet} of {asked} questions on a quiet machine", file=sys.stderr)
    for runner in runners:
        found[runner.name]["quiet_share"] = quiet / asked
        found[runner.name]["memory"] = runner.ask({"rss": True})
    return found


def wait_quiet() -> bool:
    """Wait until other programs leave the processor alone, a minute at most; whether they do.

    Threads that wait for each other busily, as those of llama.cpp do, take many times as long where
    somebody else wants a core.
    """
    for _ in range(QUIET_TRIES):
        before = _busy()
        time.sleep(QUIET_S)
        if _busy() - before < QUIET_SHARE * QUIET_S * (os.cpu_count() or 1):
            return True
    return False


def _busy() -> float:
    """Seconds that all cores have worked so far."""
    user, nice, system, _, _, irq, soft, *_ = map(int, Path("/proc/stat").read_text(
        encoding="utf-8").split("\n", 1)[0].split()[1:])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def ratios(systems: dict[str, Any], base: str) -> dict[str, dict[str, float]]:
    """Each system's time over the base's, item by item: median, its 95 % interval, spread.

    Of followed calls only those count that both have followed.
    """
    found = {}
    for name, own in systems.items():
        pairs = [a / b for a, b, followed in zip(own["ms"], systems[base]["ms"], _both(
            own, systems[base]), strict=True) if followed]
        if name == base or not pairs:
            continue
        chance = random.Random(SEED)
        medians = sorted(statistics.median(chance.choices(pairs, k=len(pairs)))
                         for _ in range(RESAMPLES))
        pairs.sort()
        found[name] = {"median": statistics.median(pairs), "pairs": len(pairs),
                       "low": _at(medians, 0.025), "high": _at(medians, 0.975),
                       "p5": _at(pairs, 0.05), "p95": _at(pairs, 0.95)}
    return found


def table(figures: dict[str, Any], base: str) -> str:
    """Markdown: one line a system."""
    against = ratios(figures["systems"], base)
    lines = ["| system | ms, median (5-95 %) | utterance's pass | each later pass | "
             "grammar a token | tokens | passes | start s | own memory MB | RSS MB | "
             f"times {base} |",
             "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"]
    for name, own in figures["systems"].items():
        ms = sorted(own["ms"])
        later = [(a - b) / max(1, n - 1) for a, b, n in
                 zip(own["ms"], own["prefill_ms"], own["passes"], strict=True) if n > 0]
        grammar = [a / n for a, n in zip(own["grammar_ms"], own["tokens"], strict=True) if a >= 0]
        ratio = against.get(name)
        lines.append(
            f"| {name} | {statistics.median(ms):.0f} ({_at(ms, 0.05):.0f}-{_at(ms, 0.95):.0f}) | "
            f"{statistics.median(own['prefill_ms']):.0f} | {_median(later)} | {_median(grammar)} | "
            f"{statistics.median(own['tokens']):.0f} | {statistics.median(own['passes']):.0f} | "
            f"{own['first_answer_s']:.1f} | {own['memory']['anonymous_bytes'] / 1e6:.0f} | "
            f"{own['memory']['rss_bytes'] / 1e6:.0f} | "
            + (f"{ratio['median']:.2f} ({ratio['low']:.2f}-{ratio['high']:.2f}) |" if ratio
               else "1 |" if name == base else "- |"))
    return "\n".join(lines)


def check(runner: Runner, checks: Sequence[dict[str, Any]]) -> str:
    """How a grammar judges random answers.

    Raises:
        ValueError: it takes an invalid one or refuses a valid one.
    """
    for one in checks:
        says = runner.ask({"accepts": one["tokens"]})["accepts"]
        if says is None:
            return "cannot be asked"
        if says != one["valid"]:
            raise ValueError(f"{runner.name} says {says} of {one['text']!r}")
    return f"agrees on {len(checks)} answers, {sum(one['valid'] for one in checks)} of them valid"


def _both(own: dict[str, Any], base: dict[str, Any]) -> list[bool]:
    if not any(base["followed"]):  # nobody was asked to
        return [True] * len(own["ms"])
    return [a and b for a, b in zip(own["followed"], base["followed"], strict=True)]


def _median(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f}" if values else "-"


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _machine() -> dict[str, Any]:
    model = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text(
        encoding="utf-8").splitlines() if line.startswith("model name")), "unknown")
    return {"cores": os.cpu_count(), "processor": model, "system": platform.system(),
            "load": os.getloadavg()}


def _named(argument: str) -> tuple[str, list[str]]:
    name, _, line = argument.partition("=")
    return name, shlex.split(line)


def main() -> None:
    parser = argparse.ArgumentParser("driver")
    parser.add_argument("--family", required=True)
    parser.add_argument("--system", type=_named, action="append", default=[],
                        metavar="NAME=COMMAND", help="one more runner; --task is added")
    parser.add_argument("--only", action="append", metavar="NAME")
    parser.add_argument("--base", help="system that ratios are over; the first if not given")
    parser.add_argument("--items", type=int, default=0, help="as many items, evenly chosen; 0: all")
    parser.add_argument("--free", action="store_true", help="every system decides by itself")
    parser.add_argument("--check", action="store_true", help="compare grammars, take no times")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    folder = WORK / options.family
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    lines = {name: [*argv, "--task", str(folder / "task.json")] for name, argv in options.system}
    lines |= command_lines(options.family)
    if options.only:
        lines = {name: lines[name] for name in options.only}
    count = options.items or len(task["items"])
    items = [place * len(task["items"]) // count for place in range(count)]
    if options.check:
        checks = json.loads((folder / "checks.json").read_text(encoding="utf-8"))
        for name, argv in lines.items():
            with Runner(name, argv, folder / "check.log") as runner:
                print(f"{name}: {check(runner, checks)}", flush=True)
        return
    runners: list[Runner] = []
    began, machine = time.monotonic(), _machine()
    try:
        for number, (name, argv) in enumerate(lines.items()):
            print(f"starting {name} ...", file=sys.stderr, flush=True)
            runners.append(Runner(name, argv, folder / f"runner-{number}.log"))
        systems = measure(task, runners, items, follow=not options.free)
    finally:
        for runner in runners:
            runner.__exit__()
    figures = {"family": options.family, "machine": machine, "follow": not options.free,
               "seed": SEED, "minutes": (time.monotonic() - began) / 60,
               "left_out": unable(options.family), "systems": systems}
    base = options.base or next(iter(systems))
    figures["base"], figures["ratios"] = base, ratios(systems, base)
    out = options.out or folder / "figures.json"
    out.write_text(json.dumps(figures, indent=1, ensure_ascii=False), encoding="utf-8")
    print(table(figures, base))


if __name__ == "__main__":
    main()
