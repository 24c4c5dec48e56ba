"""The whole bench of a bundle, and what its samples come to. Leaves out: how it looks (table)."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from iotcall.bundle import Bundle
from iotcall.bundle.layout import Cost
from iotcall.errors import InputError
from iotcall.evaluate.bench.figures import Ratio, Spread, ratio, spread
from iotcall.evaluate.bench.floor import Floor, floor_of
from iotcall.evaluate.bench.fresh import Fresh, measure_fresh
from iotcall.evaluate.bench.latency import (
    MODES,
    ModeName,
    Sample,
    draw_turns,
    measure_round,
    open_students,
    warm_up,
)
from iotcall.evaluate.bench.machine import Machine, Speed, describe, speed
from iotcall.evaluate.dialogues import read_dialogues
from iotcall.evaluate.golden import golden_turns, same_answer
from iotcall.grammar.binding import Names
from iotcall.runtime.board import RuntimeSettings
from iotcall.runtime.sessions import CPU

Said = Literal["first time", "said before", "any time"]
"""Whether the very words were said before; the student remembers what they came to."""
Progress = Callable[[str, int, int], None]
"""Name of the step, how much of it is done, of how much (0: unknown)."""


class BenchSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a person may choose."""

    utterances: int | None = 60
    """At most; None: all golden turns."""
    rounds: int = 3
    """How often each is said."""
    modes: tuple[ModeName, ...] = tuple(MODES)
    starts: int = 5
    """Fresh processes."""
    seed: int = 1
    runtime: RuntimeSettings = RuntimeSettings()
    """A board's."""


class Against(msgspec.Struct, frozen=True, kw_only=True):
    """Answers beside the machine's floor, in medians."""

    floor_ms: float
    """Of the passes that ran, the draft student's too."""
    in_turn_ms: float
    """The same on a machine that does not multiply while it reads."""
    least_ms: float
    """Of one pass over the new tokens and the answer's: what right guesses of everything, at no
    cost, would need."""
    ratio: Ratio
    """Measured over `floor_ms`, answer by answer."""
    least_ratio: Ratio
    """Measured over `least_ms`."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """All answers of a mode."""

    mode: ModeName
    said: Said
    ms: Spread
    """From utterance to call."""
    first_turns_p50_ms: float | None
    follow_ups_p50_ms: float | None
    prefill_p50_ms: float
    passes: float
    """Means of a call, from here on."""
    decisions: float
    tokens: float
    drafted: float
    """Decisions guessed right."""
    tokens_run: float
    draft_passes: float
    against: Against | None
    """None where the floor is not known (`Report.no_floor`)."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Times of one row over another's, of the same utterance in the same round."""

    over: tuple[ModeName, Said]
    under: tuple[ModeName, Said]
    ratio: Ratio


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `iotcall bench` shows."""

    bundle: str
    architecture: str
    parameters: int
    target: str
    provider: str
    precision: str
    draft: str | None
    """Name of the draft student."""
    runtime: RuntimeSettings
    threads: int
    seed: int
    machine: Machine
    speed: Speed | None
    cost: Cost | None
    no_floor: str
    """Why there is no floor; empty where there is one."""
    turns: int
    follow_ups: int
    """Among the turns."""
    warming: int
    """Turns that were said first and not measured."""
    rounds: int
    answered: int
    """Samples that came to a call."""
    agreed: int
    """Turns that came to the same call in every mode and round."""
    parted: tuple[str, ...]
    """Utterances of the others."""
    rows: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]
    fresh: Fresh | None
    """None where no process was to be started."""
    samples: tuple[Sample, ...]


def measure(bundle: Bundle, settings: BenchSettings, *, names: Names | None = None,
            progress: Progress = lambda step, done, total: None) -> Report:
    """Measure a bundle on this machine.

    Raises:
        InputError: no mode was chosen.
        BundleError: the bundle's model cannot be loaded.
        IotcallError: a fresh process did not answer.
    """
    modes = tuple(mode for mode in MODES if mode in settings.modes)
    if not modes:
        raise InputError(f"expected at least one mode of {', '.join(MODES)}, found none")
    drawn = draw_turns(golden_turns(read_dialogues(bundle.golden_path)), settings.utterances,
                       settings.seed)
    threads = settings.runtime.most_threads
    machine, no_floor = describe(), _no_floor(bundle)
    speeds: tuple[Speed, ...] = ()
    samples: list[Sample] = []
    said = _count(progress, "utterances", settings.rounds * len(drawn.measured) * len(modes))
    started = _count(progress, "fresh processes", settings.starts + 1)
    with open_students(bundle, settings.runtime, modes, names) as students:
        progress("warming up", 0, 0)
        warm_up(students, drawn.warming)
        for number in range(settings.rounds):
            # again and again: a machine that others use is at its best now and then only
            progress("the machine's speed", number, settings.rounds + 1)
            speeds = () if no_floor else _better(speeds, _speeds(bundle, threads))
            samples += measure_round(students, drawn.measured, number=number, seed=settings.seed,
                                     progress=said)
    fresh = measure_fresh(bundle, settings.runtime, drawn.measured, starts=settings.starts,
                          names=names, progress=started) if settings.starts else None
    progress("the machine's speed", settings.rounds, settings.rounds + 1)
    speeds = () if no_floor else _better(speeds, _speeds(bundle, threads))
    manifest = bundle.manifest
    parted = _parted(samples, len(drawn.measured))
    return Report(
        bundle=bundle.name, architecture=manifest.student.architecture,
        parameters=manifest.student.parameters, target=manifest.target.name,
        provider=manifest.target.provider, precision=manifest.target.precision,
        draft=bundle.draft.name if bundle.draft else None, runtime=settings.runtime,
        threads=threads, seed=settings.seed, machine=machine, speed=speeds[0] if speeds else None,
        cost=bundle.layout.cost, no_floor=no_floor, turns=len(drawn.measured),
        follow_ups=sum(bool(turn.history) for turn in drawn.measured), warming=len(drawn.warming),
        rounds=settings.rounds, answered=sum(sample.answer is not None for sample in samples),
        agreed=len(drawn.measured) - len(parted),
        parted=tuple(drawn.measured[turn].utterance for turn in parted),
        rows=tuple(_row(mode, said, some, bundle, speeds, settings.seed)
                   for (mode, said), some in _groups(samples).items()),
        comparisons=_comparisons(samples), fresh=fresh, samples=tuple(samples))


def samples_of(report: Report, row: Row) -> list[Sample]:
    """The samples that a row is made of."""
    return _groups(report.samples)[row.mode, row.said]


def _count(progress: Progress, step: str, total: int) -> Callable[[], None]:
    """Tells each call of it as one more of a step done."""
    numbers = itertools.count(1)
    return lambda: progress(step, next(numbers), total)


def _no_floor(bundle: Bundle) -> str:
    """Why the floor cannot be told; empty where it can."""
    if bundle.layout.provider.name != CPU:
        return (f"this machine's floor is measured on its processor, and the bundle runs on "
                f"{bundle.layout.provider.name}")
    for each in filter(None, (bundle, bundle.draft)):
        if each.layout.cost is None:
            return (f"{Path(each.folder).name}/decoder.json does not say what a pass costs; export "
                    "it again with this version of iotcall")
    return ""


def _speeds(bundle: Bundle, threads: int) -> tuple[Speed, ...]:
    """For the bundle's passes and for its draft student's, which are smaller."""
    return tuple(speed(each.layout.cost.pass_bytes, threads=threads)
                 for each in (bundle, bundle.draft) if each and each.layout.cost)


def _better(one: Sequence[Speed], other: Sequence[Speed]) -> tuple[Speed, ...]:
    if not one:
        return tuple(other)
    return tuple(a.or_better(b) for a, b in zip(one, other, strict=True))


def _said(sample: Sample) -> Said:
    if sample.mode != "guesses":  # the others do not remember what was said
        return "any time"
    return "said before" if sample.round else "first time"


def _groups(samples: Sequence[Sample]) -> dict[tuple[ModeName, Said], list[Sample]]:
    """Samples by row, in the order of the modes."""
    found: dict[tuple[ModeName, Said], list[Sample]] = {}
    for mode in MODES:
        for said in ("first time", "said before", "any time"):
            some = [sample for sample in samples
                    if sample.mode == mode and _said(sample) == said]
            if some:
                found[mode, said] = some
    return found


def _row(mode: ModeName, said: Said, samples: Sequence[Sample], bundle: Bundle,
         speeds: Sequence[Speed], seed: int) -> Row:
    by_turn: dict[int, list[float]] = {}
    for sample in samples:
        by_turn.setdefault(sample.turn, []).append(sample.ms)

    def p50(follow_up: bool) -> float | None:
        some = [sample.ms for sample in samples if sample.follow_up == follow_up]
        return statistics.median(some) if some else None

    mean = statistics.fmean
    return Row(
        mode=mode, said=said, ms=spread(list(by_turn.values()), seed=seed),
        first_turns_p50_ms=p50(False), follow_ups_p50_ms=p50(True),
        prefill_p50_ms=statistics.median(sample.prefill_ms for sample in samples),
        passes=mean(sample.passes for sample in samples),
        decisions=mean(sample.decisions for sample in samples),
        tokens=mean(sample.tokens for sample in samples),
        drafted=mean(sample.drafted for sample in samples),
        tokens_run=mean(sum(each.tokens for each in sample.ran) for sample in samples),
        draft_passes=mean(len(sample.draft_ran) for sample in samples),
        against=_against(samples, bundle, speeds) if speeds else None)


def _against(samples: Sequence[Sample], bundle: Bundle, speeds: Sequence[Speed]) -> Against | None:
    floors: list[Floor] = []
    least: list[float] = []
    measured: list[float] = []
    cost, draft = bundle.layout.cost, bundle.draft and bundle.draft.layout.cost
    assert cost is not None
    for sample in samples:
        if not sample.ran:  # nothing was said, or nothing fits
            continue
        found = floor_of(sample.ran, cost, speeds[0])
        if draft:
            found = found.plus(floor_of(sample.draft_ran, draft, speeds[1]))
        floors.append(found)
        least.append(floor_of(sample.needed, cost, speeds[0]).floor_ms)
        measured.append(sample.ms)
    if not floors:
        return None
    return Against(
        floor_ms=statistics.median(each.floor_ms for each in floors),
        in_turn_ms=statistics.median(each.in_turn_ms for each in floors),
        least_ms=statistics.median(least),
        ratio=ratio(measured, [each.floor_ms for each in floors]),
        least_ratio=ratio(measured, least))


def _comparisons(samples: Sequence[Sample]) -> tuple[Comparison, ...]:
    """Every row over those before it, in pairs of one utterance and round."""
    groups = _groups(samples)
    times = {key: {(sample.turn, sample.round): sample.ms for sample in some}
             for key, some in groups.items()}
    keys, found = list(groups), []
    for place, over in enumerate(keys):
        for under in keys[:place]:
            common = sorted(times[over].keys() & times[under].keys())
            if common:
                found.append(Comparison(over=over, under=under, ratio=ratio(
                    [times[over][pair] for pair in common],
                    [times[under][pair] for pair in common])))
    return tuple(found)


def _parted(samples: Sequence[Sample], turns: int) -> list[int]:
    """Turns whose answers are not all the same."""
    answers = [[sample.answer for sample in samples if sample.turn == turn]
               for turn in range(turns)]
    return [turn for turn, found in enumerate(answers)
            if not all(same_answer(found[0], other) for other in found[1:])]
