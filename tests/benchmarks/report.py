"""Figures of `make bench-grammar` as Markdown tables and a picture. Leaves out: measuring."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

GUIDE = Path("docs") / "grammar-bench.md"
PICTURE = Path("docs") / "pictures" / "grammar-bench.png"
_BLOCK = re.compile(r"(<!-- bench-grammar -->\n).*?(<!-- /bench-grammar -->)", re.DOTALL)
_COLOURS = {"iotcall": "#d1495b", "iotcall, bound": "#8f2d3a", "outlines-core": "#30638e",
            "llguidance": "#edae49", "xgrammar": "#66a182"}


def write(figures: dict[str, Any], root: Path) -> None:
    """Put the tables between the guide's markers, and draw the picture if matplotlib is there."""
    guide = root / GUIDE
    text = guide.read_text(encoding="utf-8")
    written, count = _BLOCK.subn(lambda found: found[1] + tables(figures) + found[2], text)
    if count != 1:
        raise SystemExit(f"{GUIDE}: expected the markers <!-- bench-grammar --> and "
                         "<!-- /bench-grammar --> once; put them where the tables belong")
    guide.write_text(written, encoding="utf-8")
    try:
        import matplotlib
    except ImportError:
        return
    matplotlib.use("Agg")
    _draw(figures["cells"], root / PICTURE)


def tables(figures: dict[str, Any]) -> str:
    """Everything measured, as Markdown."""
    machine, versions = figures["machine"], figures["versions"]
    cells = figures["cells"]
    parts = [
        f"{machine['cpu']} ({machine['cores']} cores), {machine['system']}, Python "
        f"{machine['python']}; " + ", ".join(f"{name} {is_}" for name, is_ in versions.items())
        + ".",
        "### Against the targets", _targets(cells),
        "### Compiling", _compiling(cells),
        "### Answering", _answering(cells),
        "### One language?", _agreement(cells),
    ]
    return "\n" + "\n\n".join(parts) + "\n\n"


# ------------------------------------------------------------------ tables

def _targets(cells: Sequence[dict[str, Any]]) -> str:
    own = [(_where(cell), cell["engines"]["iotcall"], cell["compiling"]["iotcall"])
           for cell in cells]
    walks = [(f"{_where(cell)}{name.removeprefix('iotcall')}", figures)
             for cell in cells for name, figures in cell["engines"].items()
             if name.startswith("iotcall")]
    shares = [(where, _share(figures["counts_without_strings"], "forced"))
              for where, figures in walks if figures["counts_without_strings"]["tokens"]]
    every = [(where, _share(figures["counts"], "forced")) for where, figures in walks]
    rows = [
        _target("compile, without reading", "under 1 s", [
            (where, of["compile_s"]["median"]) for where, of, _ in own], 1.0, "{:.2f} s"),
        _target("reading and compiling, first time in a process", "under 1 s", [
            (where, peak["first_s"]) for where, _, peak in own], 1.0, "{:.2f} s"),
        _target("a process's first call without a dialogue, up to its first mask", "none", [
            (where, peak["first_begin_s"]) for where, _, peak in own], None, "{:.2f} s"),
        _target("peak of the process that compiles", "under 400 MB", [
            (where, peak["peak_mb"]) for where, _, peak in own], 400, "{:.0f} MB"),
        _target("what compiling adds to a loaded tokenizer", "under 400 MB", [
            (where, _grown(peak)) for where, _, peak in own], 400, "{:.0f} MB"),
        _target("file", "at most 200 kB", [
            (where, peak["shipped_bytes"] / 1000) for where, _, peak in own], 200, "{:.1f} kB"),
        _target("tokens forced, calls without strings", "at least 70 %", shares, 70, "{:.0f} %",
                least=True),
        _target("tokens forced, all calls", "none", every, None, "{:.0f} %", least=True),
        _target("a step, median", "at most 5 µs", [
            (where, figures["step_us"]["median"]) for where, figures in walks], 5, "{:.1f} µs"),
    ]
    return _table(["", "target", "best", "worst", "met in"], rows)


def _target(name: str, wanted: str, values: Sequence[tuple[str, float]], bound: float | None,
            form: str, least: bool = False) -> list[str]:
    ordered = sorted(values, key=lambda pair: pair[1], reverse=least)
    met = [value for _, value in values
           if bound is not None and (value >= bound if least else value <= bound)]
    return [name, wanted, form.format(ordered[0][1]),
            f"{form.format(ordered[-1][1])} ({ordered[-1][0]})",
            "" if bound is None else f"{len(met)} of {len(values)}"]


def _compiling(cells: Iterable[dict[str, Any]]) -> str:
    rows = []
    for cell in cells:
        for name, peak in cell["compiling"].items():
            head = [_where(cell), name]
            if "failure" in peak:
                rows.append([*head, "", peak["failure"], *[""] * 6])
                continue
            times = cell["engines"][name]
            shipped = peak.get("shipped_bytes")
            rows.append([
                *head, _number(times["read_s"]["median"]), _seconds(times["compile_s"]),
                "1" if name == "iotcall" else _spread(times["ratio"]),
                f"{peak['peak_mb']:.0f}", f"{peak['tokenizer_mb']:.0f}", f"{_grown(peak):.0f}",
                "not shipped" if shipped is None else f"{_number(shipped / 1000)}",
                f"{peak['states']}" if "states" in peak else ""])
    return _table(["", "engine", "read, s", "compile, s", "times iotcall", "peak, MB",
                   "tokenizer alone, MB", "added, MB", "shipped, kB", "states"], rows, left=2)


def _answering(cells: Iterable[dict[str, Any]]) -> str:
    rows = []
    for cell in cells:
        for name, of in cell["engines"].items():
            step, counts, plain = of["step_us"], of["counts"], of["counts_without_strings"]
            live = cell["compiling"].get(name, {}).get("live_ids")
            rows.append([
                _where(cell), name, f"{step['median']:.1f}", f"{step['p99']:.0f}",
                f"{step['max']:.0f}", "1" if name == "iotcall" else _spread(of["step_ratio"]),
                f"{of['begin_us']:.0f}", f"{_share(counts, 'forced'):.0f}",
                f"{_share(plain, 'forced'):.0f}" if plain["tokens"] else "",
                f"{_share(counts, 'skipped'):.0f}",
                f"{(counts['tokens'] - counts['forced']) / counts['turns']:.1f} of "
                f"{counts['tokens'] / counts['turns']:.1f}",
                "" if live is None else f"{live}"])
    return _table(["", "engine", "step, median µs", "p99", "max", "times iotcall", "begin, µs",
                   "forced, %", "without strings, %", "skipped, %", "decisions per call",
                   "live ids"], rows, left=2)


def _agreement(cells: Iterable[dict[str, Any]]) -> str:
    rows = []
    for cell in cells:
        agreement, engines = cell["agreement"], cell["engines"]
        rows.append([
            _where(cell), f"{cell['turns']}",
            ", ".join(f"{name} {cell['turns'] - of['accepted_turns']}"
                      for name, of in engines.items()
                      if of["accepted_turns"] < cell["turns"]) or "none",
            f"{cell['common_turns']}", f"{agreement['texts']} ({agreement['valid']})",
            ", ".join(f"{name} {agreement[name]}" for name in engines
                      if agreement.get(name)) or "none"])
    return _table(["", "golden calls", "refused by", "measured", "random texts (valid)",
                   "other verdict than iotcall's"], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    rule = ["---" if index < left else "---:" for index in range(len(head))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *rows])


# ------------------------------------------------------------------ figures

def _where(cell: dict[str, Any]) -> str:
    return f"{cell['vocabulary']} {cell['catalogue']}"


def _share(counts: dict[str, float], kind: str) -> float:
    return 100 * counts[kind] / counts["tokens"] if counts["tokens"] else 0.0


def _grown(peak: dict[str, Any]) -> float:
    """MB above what was resident before; where the kernel does not tell, above the other peak."""
    return float(peak.get("grown_mb", max(0.0, peak["peak_mb"] - peak["tokenizer_mb"])))


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 0.001 else "0.001"


def _seconds(values: dict[str, float]) -> str:
    return (f"{_number(values['median'])} ({_number(values['min'])}-{_number(values['max'])}; "
            f"{values['count']})")


def _spread(values: dict[str, float]) -> str:
    return (f"{_number(values['median'])} ({_number(values['min'])}-{_number(values['max'])})")


# ------------------------------------------------------------------ picture

def _draw(cells: Sequence[dict[str, Any]], path: Path) -> None:
    from matplotlib import pyplot

    figure, (above, below) = pyplot.subplots(2, 1, figsize=(9, 6.4), sharex=True,
                                             layout="constrained")
    names = list(_COLOURS)

    def bars(axes: Any, chosen: Sequence[str], value: Callable[[dict[str, Any], str], float | None],
             ) -> None:
        width = 0.8 / len(chosen)
        for place, name in enumerate(chosen):
            found = [(index, height) for index, cell in enumerate(cells)
                     if (height := value(cell, name)) is not None]
            axes.bar([index + (place - (len(chosen) - 1) / 2) * width for index, _ in found],
                     [height for _, height in found], width * 0.92, color=_COLOURS[name],
                     label=name)
            for index in sorted(set(range(len(cells))) - {index for index, _ in found}):
                if "failure" in cells[index]["compiling"].get(name, {}):
                    axes.text(index + (place - (len(chosen) - 1) / 2) * width, 0.02, "x",
                              color=_COLOURS[name], ha="center", weight="bold",
                              transform=axes.get_xaxis_transform())

    bars(above, [name for name in names if name != "iotcall, bound"],
         lambda cell, name: cell["engines"].get(name, {}).get("compile_s", {}).get("median"))
    above.set_yscale("log")
    above.axhline(1, color="#444", linewidth=0.8, linestyle=":")
    above.set_ylabel("compile, s (log)")
    above.set_title("Median time to compile; x: not done within the limit; dotted: target",
                    fontsize=10, loc="left")
    bars(below, names, lambda cell, name: (
        _share(cell["engines"][name]["counts"], "forced") if name in cell["engines"] else None))
    below.axhline(70, color="#444", linewidth=0.8, linestyle=":")
    below.set_ylim(0, 100)
    below.set_ylabel("tokens forced, %")
    below.set_title("Share of golden calls' tokens that the mask leaves no choice about (all calls;"
                    " dotted: target for calls without strings)", fontsize=10, loc="left")
    below.set_xticks(range(len(cells)), [f"{cell['vocabulary']}\n{cell['catalogue']}"
                                         for cell in cells], fontsize=8)
    below.set_xlim(-0.6, len(cells) - 0.4)
    handles, labels = below.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(names), fontsize=9,
                  frameon=False)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(axis="x", length=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
