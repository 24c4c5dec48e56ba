"""``make bench-growth``: what answering costs as a home grows: tools, earlier turns, sites.

Both ends of a growth are measured side by side, utterance by utterance, and their ratios told with
their spread. Weights of the student with many tools are random: what it answers means nothing, how
long it takes does. Writes ``build/bench/growth.json`` and prints a table. Leaves out: one bundle at
its usual size (see ``iotcall bench``).
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np

from iotcall.bundle import Bundle, open_bundle
from iotcall.catalogue import load_catalogue
from iotcall.evaluate import GoldenTurn, golden_turns, read_dialogues
from iotcall.evaluate.bench.counted import CountedDecoder
from iotcall.evaluate.bench.figures import ratio, spread
from iotcall.evaluate.bench.fresh import read_memory
from iotcall.evaluate.bench.machine import describe
from iotcall.runtime import Decoding, Modes, Student, Turn
from iotcall.runtime.decoders import Decoder, Scores, Wanted

ROOT = Path(__file__).resolve().parent.parent.parent
WORK = ROOT / "build" / "bench" / "growth"
FIGURES = ROOT / "build" / "bench" / "growth.json"
STARTER = ROOT / "bundles" / "smart_home"
FEW, MANY, SKILLS = 6, 1000, 50
TURNS = (1, 5, 10, 20)
SITES = 50
ROUNDS, PROBES, PROCESSES = 3, 30, 5
SAID_AT_A_SITE = 8
_CAPACITY = 8192
_SEED = 1
_UNGUESSED = Modes(drafting=False)
"""An utterance is said again and again here; guessing right would hide what grows."""


def main() -> int:
    if sys.argv[1:2] == ["--sites"]:
        print(json.dumps(_talk(Path(sys.argv[2]), int(sys.argv[3]))))
        return 0
    WORK.mkdir(parents=True, exist_ok=True)
    few, many = _exported(FEW, skills=0), _exported(MANY, skills=SKILLS)
    figures = {"machine": msgspec.to_builtins(describe()), "tools": _tools(few, many),
               "turns": _turns(), "sites": [_sites(STARTER), _sites(few.folder)]}
    FIGURES.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    print(_table(figures))
    return 0


# ------------------------------------------------------------------ tools

def _exported(tools: int, *, skills: int) -> Bundle:
    """A bundle of so many tools, on the CPU with 8 bits; made once."""
    from iotcall.export.exporter import Options, export_student
    from iotcall.export.target import load_target

    out = WORK / f"tools-{tools}"
    if (out / "manifest.json").is_file():
        return open_bundle(out)
    _say(f"exporting {tools} tools ...")
    folder = WORK / f"catalogue-{tools}"
    folder.mkdir(exist_ok=True)
    names = [f"tool_{number}" for number in range(tools)]
    catalogue: dict[str, Any] = {"tools": [{"type": "function", "function": {
        "name": name, "description": f"Switch number {number}.", "parameters": {
            "type": "object", "properties": {"state": {"type": "string", "enum": ["on", "off"]}},
            "required": ["state"]}}} for number, name in enumerate(names)]}
    if skills:
        share = tools // skills
        catalogue["skills"] = [
            {"name": f"skill_{place}", "description": f"Switches of room {place}.",
             "tools": names[place * share:(place + 1) * share]} for place in range(skills)]
    (folder / "tools.json").write_text(json.dumps(catalogue), encoding="utf-8")
    (folder / "golden.jsonl").write_text("".join(json.dumps({
        "question": f"switch number {number} on",
        "answer": {"name": f"tool_{number}", "parameters": {"state": "on"}}}) + "\n"
        for number in range(3)), encoding="utf-8")
    name, target = load_target("cpu-int8")
    target = msgspec.structs.replace(
        target, shapes=msgspec.structs.replace(target.shapes, capacity=_CAPACITY))
    export_student(str(_checkpoint()), folder, load_catalogue(folder), name, target, out,
                   options=Options(allow=True, replace=True))
    return open_bundle(out)


def _checkpoint() -> Path:
    """Random weights in the starter's size, with a tests' student's tokenizer and template."""
    import torch
    from transformers import AutoModelForCausalLM, Qwen3Config

    folder = WORK / "checkpoint"
    student = ROOT / "tests" / "students" / "qwen3"
    if (folder / "model.safetensors").is_file():
        return folder
    torch.manual_seed(_SEED)
    rows = json.loads((student / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    model = AutoModelForCausalLM.from_config(Qwen3Config(
        vocab_size=rows, hidden_size=256, intermediate_size=768, num_hidden_layers=4,
        num_attention_heads=8, num_key_value_heads=4, head_dim=32, tie_word_embeddings=True,
        max_position_embeddings=_CAPACITY))
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(student / name, folder / name)
    return folder


class _Dice(CountedDecoder):
    """Chooses at random, after the passes that a choice takes: random weights would pick the same
    skill whatever was said."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__(decoder)
        self._draw = np.random.default_rng(_SEED)

    def run(self, ids: Sequence[int], past: Any, wanted: Sequence[Wanted] = ()) -> list[Scores]:
        return [Scores(self._draw.normal(size=len(each.allowed)).astype(np.float32), each.rest)
                for each in super().run(ids, past, wanted)]


def _tools(few: Bundle, many: Bundle) -> dict[str, Any]:
    """Calls of the one over calls of the other; a skill's first use reads its prefix."""
    said = [f"switch number {number} {state} please" for number in range(PROBES // 2)
            for state in ("on", "off")]
    skill_of = {tool: skill.name for skill in many.catalogue.skills for tool in skill.tools}
    ratios: dict[str, list[float]] = {"later": [], "first use of a skill": []}
    times: dict[str, list[float]] = {"few": [], "many": []}
    passes: dict[str, list[int]] = {"few": [], "many": []}
    seen: set[str] = set()
    with Student.open(few, modes=_UNGUESSED) as one, Student.open(many, modes=_UNGUESSED) as other:
        students = {"few": one, "many": other}
        for student in students.values():
            student.decoder = cast(Decoder, _Dice(student.decoder))
            student.decode([], "warm up")
        for number in range(ROUNDS):
            _say(f"tools: round {number + 1} of {ROUNDS}")
            for place, utterance in enumerate(_shuffled(said, number)):
                pair: dict[str, float] = {}
                kind = "later"
                for name in _turned(["few", "many"], place):
                    students[name].prepare([])
                    pair[name], found = _timed(students[name], [], utterance)
                    passes[name].append(found.passes)
                    if name == "many":
                        picked = skill_of[found.calls[0].name]
                        kind = "later" if picked in seen else "first use of a skill"
                        seen.add(picked)
                ratios[kind].append(pair["many"] / pair["few"])
                if kind == "later":
                    for name, ms in pair.items():
                        times[name].append(ms)
    return {
        "tools": [FEW, MANY], "skills": SKILLS, "skills_picked": len(seen),
        "prefix_tokens": {"few": len(one.parts.main.prefix), "many": len(other.parts.main.prefix),
                          "skill": len(next(iter(other._skills.values())).prefix)},
        "ms": {name: _plain(spread([[ms] for ms in found])) for name, found in times.items()},
        "passes": {name: statistics.fmean(found) for name, found in passes.items()},
        "ratio": {kind: _plain(ratio(found, [1.0] * len(found)))
                  for kind, found in ratios.items() if found}}


# ------------------------------------------------------------------ turns

def _turns() -> dict[str, Any]:
    """The same utterance after 1 and after more turns, in the states that a hub can be in."""
    bundle = open_bundle(STARTER)
    own = bundle.manifest.student.history_turns
    student = msgspec.structs.replace(bundle.manifest.student, history_turns=max(TURNS))
    long = msgspec.structs.replace(
        bundle, manifest=msgspec.structs.replace(bundle.manifest, student=student))
    found = {}
    for name, opened in (("all turns shown", long), (f"{own} turns shown", bundle)):
        _say(f"turns: {name}")
        with Student.open(opened, modes=_UNGUESSED) as opened_student:
            found[name] = _turns_of(opened_student, bundle)
    return found


def _turns_of(student: Student, bundle: Bundle) -> dict[str, Any]:
    draw = np.random.default_rng(_SEED)
    items = [item for item in _golden(bundle) if item.calls and not item.history]
    ways: dict[str, Callable[[Sequence[Turn]], None]] = {
        "prepared": lambda turns: student.prepare(turns, site="prepared"),
        # as the answer before has left it
        "unprepared": lambda turns: _none(student.decode(turns[:-1], turns[-1].utterance,
                                                         site="unprepared")),
        "forgotten": lambda turns: student.forget("forgotten")}
    times: dict[tuple[str, int], list[float]] = {(way, turns): [] for way in ways
                                                 for turns in TURNS}
    keys = list(times)
    for probe in range(PROBES + 2):
        chosen = [items[place] for place in draw.permutation(len(items))[:max(TURNS) + 1]]
        history = [Turn(item.utterance, item.calls) for item in chosen[1:]]
        for way, turns in _turned(keys, probe):
            ways[way](history[:turns])
            ms, _ = _timed(student, history[:turns], chosen[0].utterance, site=way)
            if probe >= 2:  # those before warm up
                times[way, turns].append(ms)
    return {way: {
        "ms": {turns: _plain(spread([[ms] for ms in times[way, turns]])) for turns in TURNS},
        "ratio": {f"{turns} over 1": _plain(ratio(times[way, turns], times[way, 1]))
                  for turns in TURNS[1:]},
    } for way in ways}


# ------------------------------------------------------------------ sites

def _sites(folder: Path) -> dict[str, Any]:
    """Memory of fresh processes that one site talked to, and then many."""
    found = []
    for number in range(PROCESSES):
        _say(f"sites: {folder.name}, process {number + 1} of {PROCESSES}")
        done = subprocess.run([sys.executable, "-m", "tests.benchmarks.growth", "--sites",
                               str(folder), str(SITES)], cwd=ROOT, check=True, text=True,
                              stdout=subprocess.PIPE)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    kinds = {}
    # subtle: resident counts the common beginning once for each site, though it is there once
    for name in ("resident", "share"):
        one, many = ([each[kind][name] for each in found] for kind in ("one", "many"))
        kinds[name] = {
            "one": statistics.median(one), "many": statistics.median(many),
            "a_site": statistics.median((after - before) / (SITES - 1)
                                        for before, after in zip(one, many, strict=True)),
            "ratio": _plain(ratio(many, one))}
    return {"bundle": folder.name, "sites": SITES, "kept": found[0]["kept"], "bytes": kinds,
            "processes": found}


def _talk(folder: Path, sites: int) -> dict[str, Any]:
    """In this process: the same dialogue at one site after the other, each as on a hub."""
    bundle = open_bundle(folder)
    items = [item for item in _golden(bundle) if item.calls]
    said = (items * SAID_AT_A_SITE)[:SAID_AT_A_SITE]
    with Student.open(bundle) as student:
        found: dict[str, Any] = {}
        for site in range(sites):
            history: list[Turn] = []
            for item in said:
                decoding = student.decode(history, item.utterance, site=f"site {site}")
                history.append(Turn(item.utterance, decoding.calls))
                student.prepare(history, site=f"site {site}")
            if site in (0, sites - 1):
                found["one" if site == 0 else "many"] = msgspec.to_builtins(read_memory())
        found["kept"] = len(student.memories)
    return found


# ------------------------------------------------------------------ small things

def _golden(bundle: Bundle) -> list[GoldenTurn]:
    return golden_turns(read_dialogues(bundle.golden_path))


def _timed(student: Student, history: Sequence[Turn], utterance: str, *,
           site: str = "") -> tuple[float, Decoding]:
    """Milliseconds from utterance to call, and the call."""
    began = time.perf_counter()
    found = student.decode(history, utterance, site=site)
    ms = 1000 * (time.perf_counter() - began)
    if found.outcome != "call":
        raise SystemExit(f"expected a call for {utterance!r}, found {found.outcome}")
    return ms, found


def _none(_: object) -> None:
    """For work whose result is not wanted."""


def _shuffled(items: Sequence[str], seed: int) -> list[str]:
    return [items[place] for place in np.random.default_rng([_SEED, seed]).permutation(len(items))]


def _turned(items: list[Any], by: int) -> list[Any]:
    start = by % len(items)
    return items[start:] + items[:start]


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _table(figures: dict[str, Any]) -> str:
    lines = ["| grows | how | ms, or MB | ratio, median (5 to 95 %) |", "|---|---|---:|---:|"]
    tools = figures["tools"]
    for kind, found in tools["ratio"].items():
        lines.append(
            f"| {FEW} tools to {MANY:,} in {SKILLS} skills | {kind}, {found['pairs']} pairs | "
            f"{tools['ms']['few']['p50']:.2f} to {tools['ms']['many']['p50']:.2f} | "
            f"{_ratio(found)} |")
    for shown, ways in figures["turns"].items():
        for way, found in ways.items():
            lines += [
                f"| 1 turn to {turns} | {shown}, {way} | {found['ms'][1]['p50']:.2f} to "
                f"{found['ms'][turns]['p50']:.2f} | {_ratio(found['ratio'][f'{turns} over 1'])} |"
                for turns in (5, 20)]
    names = {"resident": "VmRSS", "share": "Pss"}
    for found in figures["sites"]:
        for name, of in found["bytes"].items():
            where = f"{found['bundle']}, {names[name]}, {of['a_site'] / 1e6:.2f} MB a site"
            lines.append(f"| 1 site to {SITES} | {where} | {of['one'] / 1e6:.0f} to "
                         f"{of['many'] / 1e6:.0f} MB | {_ratio(of['ratio'])} |")
    machine = figures["machine"]
    return "\n".join([*lines, "", f"{machine['name']}, {machine['cores']} cores, load "
                                  f"{machine['load']:.1f} before; medians of milliseconds."])


def _ratio(found: dict[str, float]) -> str:
    return f"{found['median']:.2f} ({found['p5']:.2f} to {found['p95']:.2f})"


if __name__ == "__main__":
    sys.exit(main())
