"""A bench's report as text for people. Leaves out: measuring; the picture."""

from __future__ import annotations

from collections.abc import Sequence

from iotcall.evaluate.bench.figures import Ratio
from iotcall.evaluate.bench.fresh import Fresh, Memory
from iotcall.evaluate.bench.report import Report, Row

_PARTED_SHOWN = 5


def table(report: Report) -> str:
    """The whole report; lines of up to some 100 characters."""
    blocks = [_head(report), _latency(report.rows), _calls(report.rows),
              _floors(report.rows, report.no_floor)]
    if report.comparisons:
        blocks.append(_aligned([
            ["times as long, pair by pair", "median (5 to 95 %)", "pairs"],
            *([f"{_name(*each.over)} over {_name(*each.under)}", _spread(each.ratio),
               f"{each.ratio.pairs}"]
              for each in report.comparisons)]))
    if report.fresh:
        blocks += [_memory(report.fresh), _start(report.fresh)]
    return "\n\n".join(filter(None, blocks))


def row_name(row: Row) -> str:
    """E.g. ``guesses, first time``."""
    return _name(row.mode, row.said)


def _head(report: Report) -> str:
    machine, draft = report.machine, f", guesses by {report.draft}" if report.draft else ""
    memory = f", {machine.memory_bytes / 1e9:.1f} GB" if machine.memory_bytes else ""
    rows = [
        (report.bundle, f"{report.architecture}, {report.parameters / 1e6:.1f} M parameters, "
                        f"{report.precision} on {report.provider}{draft}"),
        ("machine", f"{machine.name}, {machine.cores} cores{memory}, {machine.instruction_set}; "
                    f"load {machine.load:.1f} before"
                    f"{', so others slow this down' if machine.load > 0.5 else ''}"),
        ("threads", f"{report.threads}, {'spinning' if report.runtime.spinning else 'sleeping'} "
                    "while they wait within a pass")]
    if report.speed and report.cost:
        speed, cost = report.speed, report.cost
        rows += [
            ("reading", f"{speed.bytes_per_s / 1e9:.3g} GB/s, the same "
                        f"{speed.read_bytes / 1e6:.3g} MB again and again"),
            ("arithmetic", "GFLOP/s of the fastest products: " + ", ".join(
                f"{2 * found / 1e9:.3g} {kind}" for kind, found in speed.products_per_s.items())),
            ("a pass", f"reads {cost.pass_bytes / 1e6:.3g} MB of weights, multiplies "
                       f"{cost.token_macs / 1e6:.3g} million times for each token")]
    rows += [
        ("said", f"{report.turns} golden turns ({report.follow_ups} follow-ups) in "
                 f"{report.rounds} rounds, after {report.warming} others to warm up"),
        ("answers", f"{report.answered} of {len(report.samples)} are calls; {report.agreed} of "
                    f"{report.turns} turns came to the same in every mode and round")]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name.ljust(width)}  {text}" for name, text in rows]
    if report.parted:
        lines += [f"parted: {utterance}" for utterance in report.parted[:_PARTED_SHOWN]]
        if len(report.parted) > _PARTED_SHOWN:
            lines.append(f"... and {len(report.parted) - _PARTED_SHOWN} more; --json has all")
    return "\n".join(lines)


def _latency(rows: Sequence[Row]) -> str:
    return _aligned([
        ["utterance to call, ms", "p50", "95 % interval", "p95", "p99", "mean", "prefill",
         "first turns", "follow-ups", "n"],
        *([row_name(row), _number(row.ms.p50),
           f"{_number(row.ms.p50_interval95[0])} to {_number(row.ms.p50_interval95[1])}",
           _number(row.ms.p95), _number(row.ms.p99), _number(row.ms.mean),
           _number(row.prefill_p50_ms), _number(row.first_turns_p50_ms),
           _number(row.follow_ups_p50_ms), f"{row.ms.samples}"] for row in rows)])


def _calls(rows: Sequence[Row]) -> str:
    drafts = any(row.draft_passes for row in rows)
    return _aligned([
        ["a call, means", "passes", *(["draft's"] if drafts else []), "decisions", "guessed right",
         "tokens", "tokens run"],
        *([row_name(row), f"{row.passes:.1f}", *([f"{row.draft_passes:.1f}"] if drafts else []),
           f"{row.decisions:.1f}", f"{row.drafted:.1f}", f"{row.tokens:.1f}",
           f"{row.tokens_run:.1f}"] for row in rows)])


def _floors(rows: Sequence[Row], no_floor: str) -> str:
    if no_floor:
        return f"no floor: {no_floor}"
    text = _aligned([
        ["the floor, ms", "of its passes", "measured over it", "of one pass", "measured over it"],
        *([row_name(row), _number(row.against.floor_ms), _spread(row.against.ratio),
           _number(row.against.least_ms), _spread(row.against.least_ratio)]
          for row in rows if row.against)])
    return (f"{text}\nOf its passes: each as long as its reading or its arithmetic. Of one pass: "
            "over the new tokens and\nthe answer's, which right guesses of everything would need.")


def _memory(fresh: Fresh) -> str:
    some = [("after the first answer", fresh.first), (f"after {fresh.answers}", fresh.memory)]
    rows = [[name, *(f"{getattr(found, kind) / 1e6:.1f}" for kind in Memory.__struct_fields__)]
            for name, found in some if found]
    if not rows:
        return "memory: this system does not say"
    return _aligned([["memory of a fresh process, MB", *Memory.__struct_fields__], *rows])


def _start(fresh: Fresh) -> str:
    start = fresh.start
    totals = sorted(each.total_ms for each in fresh.starts)
    return _aligned([
        ["start of a process, ms", "interpreter", "imports", "opening", "first answer", "in all"],
        [f"median of {len(fresh.starts)}", *(_number(ms) for ms in (
            start.interpreter_ms, start.imports_ms, start.opening_ms, start.answer_ms,
            start.total_ms))],
        ["range", "", "", "", "", f"{_number(totals[0])} to {_number(totals[-1])}"],
    ]) + (f"\nalone, the graphs open in {_number(fresh.graphs_ms)} ms and the tokenizer in "
          f"{_number(fresh.tokenizer_ms)} ms; all files were in the system's cache")


def _name(mode: str, said: str) -> str:
    return mode if said == "any time" else f"{mode}, {said}"


def _spread(found: Ratio) -> str:
    return f"{_number(found.median)} ({_number(found.p5)} to {_number(found.p95)})"


def _number(value: float | None) -> str:
    """Three figures that count."""
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Columns of a table, all but the first to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(
        [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in
                                    zip(row[1:], widths[1:], strict=True))]).rstrip()
        for row in rows)
