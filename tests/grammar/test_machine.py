"""Machines of slots: against their nodes, and whole tokens against byte by byte."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.catalogue import MAPPING_NAME, Integer, Number, Text, misfit
from iotcall.errors import InputError
from iotcall.formats import COMPACT, Slot, Writing
from iotcall.formats.json_text import number_text
from iotcall.formats.writing import DELIMITED, JSON, QUOTED
from iotcall.grammar.leaves import acyclic, machine_of
from iotcall.grammar.machine import DEAD, Machine, MachineTokens, TokenBytes
from iotcall.grammar.vocabulary import Vocabulary
from tests.grammar.conftest import KINDS
from tests.workshop import briefly, steadily, values

CENTS = Number(Decimal("0.01"), Decimal("1000000"), Decimal("0.01"))
NODES = [
    Integer(-37, 1205), Integer(0, 10**15 - 1), Integer(-90, 900, 15), CENTS,
    Number(Decimal("-2.5"), Decimal("7.25"), Decimal("0.125")),
    Number(Decimal("-999.99"), Decimal("-0.01"), Decimal("0.01")),
    Text(0, 5), Text(2, 3), Text(1, 12, "^[a-c]+x?$"), Text(0, 4, "ab|c"), Text(3, 3, r"^\d{2,4}$"),
    Text(0, 64, format="date"), Text(0, 40, format="time"), Text(0, 18, format="duration"),
    Text(1, 32, f"^{MAPPING_NAME}$"),
]
WRITINGS = [JSON, QUOTED, DELIMITED]


def written(node: Text | Integer | Number, writing: Writing, value: object) -> str:
    return (writing.write(value) or "") if isinstance(value, str) else number_text(value)


@pytest.mark.parametrize("node", NODES, ids=str)
@given(st.data())
@briefly
def test_every_value_of_a_node_is_followed_to_an_end(
    node: Text | Integer | Number, data: st.DataObject
) -> None:
    value = data.draw(values(node))
    for writing in WRITINGS:
        machine = machine_of(Slot(node, writing))
        if isinstance(value, str) and node.pattern and set(value) & set(writing.forbidden):
            continue  # a pattern's text is written without escapes
        assert machine.fits(written(node, writing, value).encode())


@pytest.mark.parametrize("node", NODES[:6], ids=str)
@given(st.one_of(st.integers(-2000, 2000), st.decimals(-3000, 3000, places=3),
                 st.integers(-10**17, 10**17)))
@steadily
def test_a_number_is_followed_exactly_where_it_fits(node: Integer, value: Decimal | int) -> None:
    text = number_text(value)
    number = int(text) if "." not in text else float(text)
    assert machine_of(Slot(node, DELIMITED)).fits(text.encode()) == (not misfit(node, number, ""))


@pytest.mark.parametrize("text", ["01", "1.0", "1.50", ".5", "1.", "-0", "+1", "1e2", "", " 1"])
def test_a_number_has_one_way_of_writing(text: str) -> None:
    assert not any(machine_of(Slot(node, DELIMITED)).fits(text.encode()) for node in NODES[:6])


@pytest.mark.parametrize(("node", "inside", "outside"), [
    (Text(2, 3), ["ab", "\u00e9\U0001f600", '\\"\\n', "a\\\\"], ["a", "abcd", '\\"', "\\u00e9a",
                                                              'a"b', "a\\"]),
    (Text(0, 4, "ab|c"), ["xab", "c", "ccc", "abxx"], ["", "x", "a b", "\u00e9c"]),
    (Text(0, 9, "^a?b$"), ["ab", "b"], ["aab", "abx", "xb"]),
])
def test_json_strings_are_counted_in_characters_not_in_bytes_or_escapes(
    node: Text, inside: list[str], outside: list[str]
) -> None:
    machine = machine_of(Slot(node, JSON))
    assert [text for text in inside if not machine.fits(text.encode())] == []
    assert [text for text in outside if machine.fits(text.encode())] == []


@pytest.mark.parametrize("pattern", [r"(?=a)b", r"(a)\1", r"a\bc", "a$b", "(?i:a)"])
def test_a_pattern_without_a_finite_automaton_is_refused(pattern: str) -> None:
    with pytest.raises(InputError, match="cannot be honoured here"):
        machine_of(Slot(Text(0, 9, pattern), JSON))


def test_pattern_and_format_hold_together() -> None:
    machine = machine_of(Slot(Text(0, 64, "^2024-", "date"), JSON))
    assert machine.fits(b"2024-02-29")
    assert not machine.fits(b"2023-02-28")
    assert not machine.fits(b"2024-02-30")


def test_what_nothing_fits_is_refused() -> None:
    with pytest.raises(InputError, match=r"no string of 5\.\.9 characters"):
        machine_of(Slot(Text(5, 9, "^ab$"), JSON))
    with pytest.raises(InputError, match=r"no text satisfies|no string"):
        machine_of(Slot(Text(0, 9, "^'$"), QUOTED))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("node", NODES, ids=str)
def test_tokens_lead_where_their_bytes_lead(node: Text, kind: str) -> None:
    """Every state, every token of the vocabulary, with few characters left and many."""
    spelt = Vocabulary(KINDS[kind](COMPACT)).all_bytes()
    machine = machine_of(Slot(node, JSON))
    tokens = MachineTokens(machine, TokenBytes(spelt))
    for state in range(min(len(machine.table), 3)):
        for used in {0, max(0, machine.high - 1)}:
            wanted = {id: found for id, text in spelt.items()
                      if (found := by_bytes(machine, text, state, used)) is not None}
            assert tokens.allowed(state, used).tolist() == sorted(wanted)
            assert {id: tokens.step(state, used, id) for id in spelt} == {
                id: wanted.get(id) for id in spelt}


def by_bytes(machine: Machine, text: bytes, state: int, used: int) -> tuple[int, int] | None:
    for byte in text:
        state, counted = machine.step(state, byte)
        if state == DEAD:
            return None
        used += counted
    return (state, used) if machine.can_finish(state, used) else None


@pytest.mark.parametrize("node", [Integer(-37, 120), Text(1, 3, "^[ab]+$"), Text(0, 2, "^a*$")],
                         ids=str)
def test_bounds_can_be_counted_in_states(node: Text) -> None:
    machine = machine_of(Slot(node, JSON))
    dfa = acyclic(machine)
    texts = [str(n) for n in range(-200, 300)] + ["", "a", "ab", "aba", "aaaa", "b"]
    assert [text for text in texts if dfa.accepts(text.encode())] == [
        text for text in texts if machine.fits(text.encode())]


def test_machines_are_the_same_every_time() -> None:
    one, two = (machine_of.__wrapped__(Slot(CENTS, JSON)) if hasattr(machine_of, "__wrapped__")
                else machine_of(Slot(CENTS, JSON)) for _ in range(2))
    np.testing.assert_array_equal(one.table, two.table)
    np.testing.assert_array_equal(one.classes, two.classes)
