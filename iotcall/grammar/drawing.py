"""An automaton as a Graphviz graph of its decisions. Leaves out: layout (``dot`` does it).

Nodes are the places where the student is asked; an edge carries what it chose and what was forced
after it.
"""

from __future__ import annotations

from collections.abc import Callable

from iotcall.grammar.automaton import SLOT_TOKEN, Automaton

_SHOWN = 6
"""Alternatives between two decisions that are written out."""
_LONGEST = 60


def dot_of(automaton: Automaton, text_of: Callable[[list[int]], str], title: str) -> str:
    """The graph in Graphviz's language; `text_of` decodes tokens."""
    lines = [
        "digraph grammar {", "  rankdir=LR; nodesep=0.25; ranksep=0.6; bgcolor=white;",
        '  node [shape=circle, fontname="sans-serif", fontsize=11, style=filled, '
        'fillcolor="#dbe9f6", color="#39698f", label=""];',
        '  edge [fontname="monospace", fontsize=10, color="#55606b"];',
        f'  label={_quoted(title)}; labelloc=t; fontname="sans-serif"; fontsize=14;',
        '  start [shape=point, width=0.12];']
    forced, first = automaton.forced_run(automaton.start)
    lines.append(f"  start -> s{first} [label={_quoted(_short(text_of(forced)))}];")
    waiting, seen = [first], {first}
    for state in waiting:
        ways: dict[int, list[str]] = {}
        slots = False
        for token, target in automaton.row(state).items():
            run, end = automaton.forced_run(target)
            if token >= SLOT_TOKEN:
                slots = True
                ways.setdefault(end, []).append(_slot(automaton, token - SLOT_TOKEN)
                                                + _short(text_of(run)))
            else:
                ways.setdefault(end, []).append(_short(text_of([token, *run])))
            if end not in seen:
                seen.add(end)
                waiting.append(end)
        choices = sum(map(len, ways.values()))
        if automaton.is_final(state):
            lines.append(f'  s{state} [shape=doublecircle, fillcolor="#d9ead3", label="end"];')
        else:
            look = ', shape=box, fillcolor="#fdf1d3", color="#a07b1d"' if slots else ""
            lines.append(f'  s{state} [label="{choices if not slots else "slot"}"{look}];')
        for end, texts in sorted(ways.items()):
            more = [f"and {len(texts) - _SHOWN} more"] if len(texts) > _SHOWN else []
            label = "".join(f"{line}\n" for line in [*texts[:_SHOWN], *more])
            lines.append(f"  s{state} -> s{end} [label={_quoted(label)}];")
    return "\n".join([*lines, "}", ""])


def _slot(automaton: Automaton, slot: int) -> str:
    info = automaton.slots[slot]
    kind = {"": "free", "said": "said", "registry": info.name}[info.source]
    return f"\u2039{kind} {'number' if info.numeric else 'text'}\u203a"


def _short(text: str) -> str:
    text = text.replace("\n", "\u21b5")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST - 1]}\u2026"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\l")
    return f'"{escaped}"'
