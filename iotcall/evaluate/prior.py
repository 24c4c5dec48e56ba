"""What people usually say in a catalogue's arguments, of its written sentences.

Leaves out: what it is good for (see `iotcall.runtime.weighing`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.catalogue.nodes import Text
from iotcall.evaluate.marked import read_marked
from iotcall.speech.prior import LONGEST, ValuePrior, holds, parts_of, spoken

_MOST_NOVEL = 0.3
"""Share of values that nobody else has said from which it tells nothing that one is new."""
_FEW_FILES, _FEW_VALUES = 3, 200
"""Files of so few writers, or so few values, say nothing about others."""
_USUAL = 3
"""Times that a value was said, at least, to be looked for in sentences."""


def value_prior(folder: Path, catalogue: Catalogue) -> ValuePrior | None:
    """The prior of a catalogue's sentences (``synthesis/said/*.said`` in its folder), each file
    somebody else's; None where they are too few, or say so many new things that a new one means
    nothing.

    Raises:
        FileError: a file cannot be read.
    """
    said = sorted((folder / "synthesis" / "said").glob("*.said"))
    writers = [[(turn.utterance, turn.calls) for dialogue in read_marked(path, catalogue)
                for turn in dialogue] for path in said]
    open_ones = _open_arguments(catalogue)
    values = [Counter(value for _, calls in turns for value in _values(calls, open_ones))
              for turns in writers]
    every = sum(values, Counter[tuple[str, str]]())
    new = sum(count for own in values for value, count in own.items() if every[value] == count)
    if len(writers) < _FEW_FILES or every.total() < _FEW_VALUES or (
            new > _MOST_NOVEL * every.total()):
        return None
    by_words = Counter(value for _, value in every.elements())
    usual = {text for text, count in by_words.items()
             if count >= _USUAL and 0 < len(text.split()) <= LONGEST}
    heard, taken = Counter[str](), Counter[str]()
    for utterance, calls in (turn for turns in writers for turn in turns):
        whole = [spoken(value) for _, value in _values(calls, open_ones)]
        for part in {*parts_of(spoken(utterance), usual)}:
            heard[" ".join(part)] += 1
            taken[" ".join(part)] += any(holds(value, part) for value in whole)
    said_in = {key: tuple(sorted(value for other, value in every if other == key))
               for key in sorted(open_ones)}
    return ValuePrior(
        novelty=max(new, 1) / every.total(),
        values=said_in,
        # Laplace's rule of succession keeps them from 0 and 1
        shares={text: _short((taken[text] + 1) / (heard[text] + 2)) for text in sorted(heard)})


def _short(share: float) -> float:
    return min(max(round(share, 3), 0.001), 0.999)


def _open_arguments(catalogue: Catalogue) -> frozenset[str]:
    """Arguments whose values are words of the person's own."""
    return frozenset(
        field.name for tool in catalogue.tools for field in tool.parameters.fields
        if isinstance(field.node, Text) and field.node.source and field.node.source.kind == "said")


def _values(calls: Iterable[ToolCall], keys: frozenset[str]) -> Iterable[tuple[str, str]]:
    for call in calls:
        for key, value in call.arguments.items():
            if key in keys and isinstance(value, str):
                yield key, " ".join(spoken(value))
