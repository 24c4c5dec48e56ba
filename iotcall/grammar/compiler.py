"""Catalogue, format and tokenizer -> automaton, by outlines-core's Index. Build side only.

Every path is a valid answer and every valid answer has a path; a text may have several paths, one
for each way of splitting it into tokens. Traps of outlines-core that shape this: its automata are
complete only where the regex ends with a unique terminator (ours is the end marker), and special
tokens must not be spelt as text (they are private-use characters here).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import outlines_core
from tokenizers import Tokenizer

from iotcall.catalogue import Catalogue
from iotcall.errors import InputError
from iotcall.formats import MARKER_BASE, Format, PromptPieces
from iotcall.formats.pattern import literal
from iotcall.grammar.automaton import Automaton
from iotcall.grammar.vocabulary import token_bytes

Edges = dict[int, dict[int, int]]

_HIGH_PLANES = {0xF3, 0xF4}


def compile_automaton(
    catalogue: Catalogue, format: Format, pieces: PromptPieces, tokenizer: Tokenizer
) -> Automaton:
    """The automaton of every valid answer, the end included.

    Raises:
        InputError: the tokenizer lacks a special token of the format, or a character of a call.
    """
    markers = [*format.markers]
    if pieces.end not in markers:
        markers.append(pieces.end)
    regex = format.pattern(catalogue) + literal(chr(MARKER_BASE + markers.index(pieces.end)))
    return automaton_from_regex(regex, markers, tokenizer)


def automaton_from_regex(regex: str, markers: Sequence[str], tokenizer: Tokenizer) -> Automaton:
    """The automaton of a regex whose last character is a unique terminator."""
    by_bytes: dict[bytes | str, list[int]] = {}
    for id, text in sorted(token_bytes(tokenizer).items()):
        # subtle: byte tokens could spell the stand-ins (F3 B0 80 80), so nothing may hold F3, F4:
        # no text that people write lies in those planes (U+C0000 and above)
        if not _HIGH_PLANES & set(text):
            by_bytes.setdefault(text, []).append(id)
    for index, marker in enumerate(markers):
        id = tokenizer.token_to_id(marker)
        if id is None:
            raise InputError(f"the tokenizer has no token {marker!r}, which the format needs; "
                             "choose the format of the student's family")
        by_bytes[chr(MARKER_BASE + index).encode()] = [id]
    ids = tokenizer.get_vocab(with_added_tokens=True).values()
    unused = max(ids) + 1  # its own end token, never met; subtle: ids may have gaps
    vocabulary = outlines_core.Vocabulary(unused, by_bytes)
    try:
        index_ = outlines_core.Index(regex, vocabulary)
    except ValueError as error:
        raise InputError(f"some answer cannot be spelt with the tokenizer's tokens: {error}"
                         ) from error
    edges = {state: {token: target for token, target in row.items() if token != unused}
             for state, row in index_.get_transitions().items()}
    return _minimal(index_.get_initial_state(), set(index_.get_final_states()), edges)


def _minimal(start: int, finals: set[int], edges: Edges) -> Automaton:
    """Merge states with equal continuations, drop those that lead nowhere. The graph is acyclic."""
    merged: dict[int, int | None] = {}  # old state -> new state, None: a dead end
    rows: dict[tuple[tuple[int, int], ...], int] = {}
    for state in _leaves_first(start, edges):
        if state in finals:
            row: tuple[tuple[int, int], ...] = ()
        else:
            targets = ((token, merged[target]) for token, target in edges.get(state, {}).items())
            row = tuple(sorted((token, new) for token, new in targets if new is not None))
            if not row:
                merged[state] = None
                continue
        merged[state] = rows.setdefault(row, len(rows))
    if merged[start] is None:
        raise InputError("no answer can be spelt with the tokenizer's tokens")
    # number from the start on, so that state 0 is the start
    last = len(rows) - 1
    ordered = list(rows)[::-1]
    degrees = [len(row) for row in ordered]
    flat = [edge for row in ordered for edge in row]
    return Automaton(
        np.concatenate([[0], np.cumsum(degrees)]).astype(np.int32),
        np.array([token for token, _ in flat], dtype=np.int32),
        np.array([last - target for _, target in flat], dtype=np.int32),
    )


def _leaves_first(start: int, edges: Edges) -> list[int]:
    """Every state reachable from start, after all states that it leads to."""
    order: list[int] = []
    seen = {start}
    stack = [(start, iter(sorted(set(edges.get(start, {}).values()))))]
    while stack:
        state, targets = stack[-1]
        for target in targets:
            if target not in seen:
                seen.add(target)
                stack.append((target, iter(sorted(set(edges.get(target, {}).values())))))
                break
        else:
            order.append(state)
            stack.pop()
    return order
