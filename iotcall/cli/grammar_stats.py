"""The figures of ``iotcall grammar stats``. Leaves out: printing them."""

from __future__ import annotations

import resource

import msgspec
import numpy as np

from iotcall.catalogue import ToolCall
from iotcall.cli.grammar_source import Source
from iotcall.evaluate import read_dialogues
from iotcall.grammar import Binder
from iotcall.grammar.figures import Course, Summary, course, summary
from iotcall.grammar.spelling import Speller

_SAMPLES = 200


class GrammarStats(Summary, frozen=True, kw_only=True):
    """Of an automaton, and along answers."""

    catalogue: str
    format: str
    vocabulary: int
    """Ids of the tokenizer."""
    states: int
    edges: int
    branching_states: int
    live_ids: int
    slots: int
    bytes: int
    """Of the file that a bundle ships."""
    compile_ms: float
    """Reading the vocabulary included; 0 where the automaton came with a bundle."""
    peak_mb: float
    """Most memory of this process so far, Python and the tokenizer included."""
    along: str
    """What the figures of `Summary` were taken along."""


def grammar_stats(source: Source) -> GrammarStats:
    """Figures of an automaton, along the catalogue's golden dialogues or random answers."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    stats = source.automaton.stats()
    binder = Binder(source.automaton, source.tokenizer)
    courses = _along_golden(source, binder)
    along = "golden answers"
    if not courses:
        along = "random answers"
        walk = binder.walk()
        random = np.random.default_rng(0)
        courses = [course(walk, walk.sample(random)) for _ in range(_SAMPLES)]
    found = msgspec.structs.asdict(summary(courses))
    return GrammarStats(
        catalogue=source.catalogue.name, format=source.format.name,
        vocabulary=source.tokenizer.get_vocab_size(with_added_tokens=True), states=stats.states,
        edges=stats.edges, branching_states=stats.branching_states, live_ids=stats.live_tokens,
        slots=stats.slots, bytes=source.automaton.file_bytes(),
        compile_ms=round(source.compile_ms or 0.0, 1), peak_mb=round(peak_mb, 1), along=along,
        **found)


def _along_golden(source: Source, binder: Binder) -> list[Course | None]:
    """Every turn of the golden dialogues, bound to what was said up to it."""
    golden = source.folder / "golden.jsonl" if source.folder else None
    if golden is None or not golden.is_file():
        return []
    speller = Speller(source.automaton, source.tokenizer)
    known = {tool.name for tool in source.catalogue.tools}
    end = source.format.pieces(source.catalogue).end
    courses: list[Course | None] = []
    for dialogue in read_dialogues(golden):
        said: list[str] = []
        for turn in dialogue.turns:
            said.append(turn.utterance)
            if turn.calls and all(call.name in known for call in turn.calls):
                tokens = speller.spell(_text(source, turn.calls) + end)
                courses.append(None if tokens is None else course(binder.walk(said), tokens))
    return courses


def _text(source: Source, calls: tuple[ToolCall, ...]) -> str:
    return source.format.render(calls, source.catalogue)
