"""Catalogue, format and tokenizer -> automaton. Build side only.

The expression of all answers becomes an automaton over bytes, slots of few values are spliced into
it, and its product with the vocabulary keeps the tokenizer's own splittings. Every path is a valid
answer; every valid answer has exactly one, its content between slots' ends aside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec
from tokenizers import Tokenizer

from iotcall.catalogue import Catalogue, Text
from iotcall.errors import InputError
from iotcall.formats import MARKER_BASE, Format, PromptPieces, Slot, Slots
from iotcall.formats.pattern import literal
from iotcall.grammar.automaton import SLOT_TOKEN, Automaton, SlotInfo
from iotcall.grammar.expression import MARKER, SLOT, Dfa, Edges, dfa_of, trimmed
from iotcall.grammar.leaves import acyclic, machine_of
from iotcall.grammar.machine import Machine
from iotcall.grammar.tokens import token_edges
from iotcall.grammar.vocabulary import Vocabulary

SPLICED_EDGES = 600
"""Edges over tokens up to which a slot becomes part of the automaton."""
SPLICED_STATES = 4000
"""States that one slot may add, all its places together."""
_DIGITS = frozenset(b"0123456789.-")


class Answers(msgspec.Struct, frozen=True):
    """The language of a catalogue in a format, before any tokenizer."""

    expression: str
    """Of a whole answer, its end included."""
    markers: tuple[str, ...]
    """Special tokens by the index of their stand-in."""
    slots: tuple[Slot, ...]


def answers_of(catalogue: Catalogue, format: Format, end: str) -> Answers:
    """All answers of a catalogue in a wire format.

    Raises:
        InputError: they cannot be written out.
    """
    markers = [*format.markers]
    if end not in markers:
        markers.append(end)
    slots = Slots()
    expression = format.pattern(catalogue, slots) + literal(
        chr(MARKER_BASE + markers.index(end)))
    return Answers(expression, tuple(markers), tuple(slots.found))


def compile_automaton(
    catalogue: Catalogue, format: Format, pieces: PromptPieces, tokenizer: Tokenizer
) -> Automaton:
    """The automaton of every valid answer, the end included.

    Raises:
        InputError: the tokenizer lacks a special token of the format, or a character of a call.
    """
    return compile_answers(answers_of(catalogue, format, pieces.end), Vocabulary(tokenizer))


def compile_answers(answers: Answers, vocabulary: Vocabulary) -> Automaton:
    """The automaton of a language over a vocabulary.

    Raises:
        InputError: the tokenizer lacks a special token or a character that some answer needs.
    """
    special = [vocabulary.special(marker) for marker in answers.markers]
    dfa = dfa_of(answers.expression)
    machines = [machine_of(slot) for slot in answers.slots]
    digit_tokens = vocabulary.digit_tokens
    places = Counter(label - SLOT for row in dfa.edges.values() for label in row if label >= SLOT)
    spliced = {index: acyclic(machine) for index, machine in enumerate(machines)
               if _is_small(answers.slots[index], machine, digit_tokens)
               and places[index] * len(machine.table) <= SPLICED_STATES}
    dfa = _spliced(dfa, spliced)
    alphabet = {label for row in dfa.edges.values() for label in row if label < MARKER}
    spelt = vocabulary.spelt_with(alphabet)
    missing = alphabet - {text[0] for text in spelt.values() if len(text) == 1}
    start, end, edges = token_edges(dfa, spelt, vocabulary.tokenizer)
    kept = [index for index in range(len(machines)) if index not in spliced]

    def named(label: int) -> int:
        if label >= 0:
            return label
        return special[-label - MARKER] if -label < SLOT else (
            SLOT_TOKEN + kept.index(-label - SLOT))

    renamed = {state: {named(label): target for label, target in row.items()}
               for state, row in edges.items()}
    try:
        found = trimmed(start, {end}, renamed)
    except InputError as error:
        raise InputError("no answer can be spelt with the tokenizer's tokens" + (
            f"; it lacks the bytes {bytes(sorted(missing))!r}" if missing else "")) from error
    return Automaton.of_edges(
        found.start, found.edges,
        slots=[_info(answers.slots[index]) for index in kept],
        machines=[machines[index] for index in kept])


def _info(slot: Slot) -> SlotInfo:
    source = slot.node.source
    return SlotInfo(
        writing=slot.writing.name,
        numeric=not isinstance(slot.node, Text),
        source=source.kind if source else "",
        name=source.name if source else "",
        derived=dict(source.derived) if source else {},
        spans=isinstance(slot.node, Text) and slot.node.pattern is None
        and slot.node.format is None)


def _is_small(slot: Slot, machine: Machine, digit_tokens: int) -> bool:
    """Whether the slot can be part of the automaton: few tokens can stand in few places."""
    if slot.node.source is not None:
        return False
    if isinstance(slot.node, Text) and slot.node.pattern is None and slot.node.format is None:
        return False
    taken = {byte for byte in range(256)
             for state in range(len(machine.table)) if machine.step(state, byte)[0] >= 0}
    letters = len({byte for byte in taken if byte not in _DIGITS})
    # as many places as characters; words of letters multiply, digits are as the vocabulary has them
    places = min(machine.high, len(machine.table))
    return places * (digit_tokens + (letters if letters <= 8 else SPLICED_EDGES)) <= SPLICED_EDGES


def _spliced(dfa: Dfa, leaves: dict[int, Dfa]) -> Dfa:
    """The automaton with these slots' own automata in their place."""
    if not leaves:
        return dfa
    # a place is a state of the outer automaton, or (slot, state in it, outer state behind it)
    Place = int | tuple[int, int, int]

    def closed(places: Iterable[Place]) -> frozenset[Place]:
        found: set[Place] = set()
        waiting = list(places)
        while waiting:
            place = waiting.pop()
            if place in found:
                continue
            found.add(place)
            if isinstance(place, tuple):
                slot, inner, behind = place
                if inner in leaves[slot].accepting:
                    waiting.append(behind)
            else:
                for label, target in dfa.edges.get(place, {}).items():
                    if label - SLOT in leaves:
                        waiting.append((label - SLOT, leaves[label - SLOT].start, target))
        return frozenset(found)

    numbers = {closed([dfa.start]): 0}
    waiting = list(numbers)
    edges: Edges = {}
    for places in waiting:
        row: dict[int, set[Place]] = {}
        for place in places:
            if isinstance(place, tuple):
                slot, inner, behind = place
                for label, target in leaves[slot].edges.get(inner, {}).items():
                    row.setdefault(label, set()).add((slot, target, behind))
            else:
                for label, target in dfa.edges.get(place, {}).items():
                    if label - SLOT not in leaves:
                        row.setdefault(label, set()).add(target)
        found = edges[numbers[places]] = {}
        for label, targets in sorted(row.items()):
            key = closed(targets)
            if key not in numbers:
                numbers[key] = len(numbers)
                waiting.append(key)
            found[label] = numbers[key]
    accepting = [number for places, number in numbers.items()
                 if any(place in dfa.accepting for place in places if isinstance(place, int))]
    return trimmed(0, accepting, edges)


