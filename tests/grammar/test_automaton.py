from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from iotcall.errors import BundleError
from iotcall.grammar import Automaton, SlotInfo, Walk
from iotcall.grammar.automaton import SLOT_TOKEN
from iotcall.grammar.machine import Machine
from tests.grammar.conftest import Grammar

SAY, ON, OFF, STOP, END = 3, 5, 7, 9, 11


@pytest.fixture
def automaton() -> Automaton:
    """``SAY (ON | OFF) END`` or ``STOP END``."""
    return of({0: {SAY: 1, STOP: 2}, 1: {ON: 2, OFF: 2}, 2: {END: 3}, 3: {}})


def of(rows: dict[int, dict[int, int]]) -> Automaton:
    degrees = [len(row) for row in rows.values()]
    edges = [edge for row in rows.values() for edge in row.items()]
    tokens, targets = zip(*edges, strict=True)
    return Automaton(*(np.array(values, dtype=np.int32)
                       for values in (np.cumsum([0, *degrees]), tokens, targets)))


@pytest.fixture
def walk(automaton: Automaton) -> Walk:
    return Walk(automaton, [])


def test_allowed_tokens_are_those_of_the_edges(walk: Walk) -> None:
    assert [walk.allowed(state).tolist() for state in range(4)] == [
        [SAY, STOP], [ON, OFF], [END], []]


def test_a_step_follows_its_token_and_no_other(walk: Walk) -> None:
    assert walk.step(0, SAY) == 1
    assert walk.step(0, STOP) == 2
    assert [walk.step(0, token) for token in (0, 4, END, 10**6, -1)] == [None] * 5
    assert walk.step(3, END) is None


def test_only_the_state_without_edges_is_final(walk: Walk) -> None:
    assert [walk.is_final(state) for state in range(4)] == [False, False, False, True]
    assert not walk.is_empty


def test_a_forced_run_goes_up_to_the_next_choice(walk: Walk) -> None:
    assert walk.forced_run(0) == ([], 0)
    assert walk.forced_run(2) == ([END], 3)
    assert walk.forced_run(3) == ([], 3)
    longer = Walk(of({0: {SAY: 1}, 1: {ON: 2}, 2: {ON: 3, OFF: 3}, 3: {}}), [])
    assert longer.forced_run(0) == ([SAY, ON], 2)


@pytest.mark.parametrize(("tokens", "accepted"), [
    ([SAY, ON, END], True), ([SAY, OFF, END], True), ([STOP, END], True),
    ([], False), ([SAY], False), ([SAY, ON], False), ([SAY, END], False), ([ON, END], False),
    ([STOP, END, END], False), ([SAY, SAY, ON, END], False),
])
def test_whole_answers_are_accepted(walk: Walk, tokens: list[int], accepted: bool) -> None:
    assert walk.accepts(tokens) is accepted


def test_samples_are_answers_with_every_edge_equally_likely(walk: Walk) -> None:
    random = np.random.default_rng(7)
    found = Counter(tuple(walk.sample(random)) for _ in range(800))
    assert all(walk.accepts(list(answer)) for answer in found)
    assert found[STOP, END] == pytest.approx(400, abs=60)
    assert found[SAY, ON, END] == pytest.approx(200, abs=50)


def test_the_same_seed_gives_the_same_sample(walk: Walk) -> None:
    samples = [[walk.sample(random) for _ in range(20)]
               for random in (np.random.default_rng(3), np.random.default_rng(3))]
    assert samples[0] == samples[1]


def test_a_graph_is_numbered_from_its_start_on() -> None:
    automaton = Automaton.of_edges(40, {40: {SAY: 7, STOP: 9}, 7: {ON: 9, OFF: 9}, 9: {END: 3}})
    assert Walk(automaton, []).accepts([SAY, OFF, END])
    assert (automaton.start, automaton.states) == (0, 4)
    assert list(automaton.row(0)) == [SAY, STOP]
    assert automaton.row(3) == {}


def test_a_state_is_alive_if_some_way_on_avoids_the_empty_slots() -> None:
    automaton = of({0: {SAY: 1, STOP: 2}, 1: {SLOT_TOKEN: 2}, 2: {SLOT_TOKEN + 1: 3, END: 3},
                    3: {}})
    assert automaton.without(frozenset()).alive == [True] * 4
    assert automaton.without(frozenset({0})).alive == [True, False, True, True]
    assert automaton.without(frozenset({1})).alive == [True] * 4


@pytest.mark.parametrize("rows", [
    {0: {SAY: 1}, 1: {ON: 0}}, {0: {SAY: 0, STOP: 1}, 1: {}}, {0: {SAY: 9}, 1: {}}],
    ids=["a cycle", "a loop", "out of range"])
def test_edges_that_lead_back_or_nowhere_are_refused(
    rows: dict[int, dict[int, int]], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="lead nowhere or back"):
        of(rows)


def test_stats_count_what_is_there(automaton: Automaton) -> None:
    stats = automaton.stats()
    assert (stats.states, stats.edges, stats.branching_states, stats.live_tokens, stats.slots) == (
        4, 5, 2, 5, 0)
    # 5 starts, 5 tokens, 5 targets; 5 starts of runs, 1 token in them, 4 ends; "[]"
    assert stats.array_bytes == 4 * (15 + 5 + 1 + 4) + 2


def test_a_slot_is_asked_about_though_it_is_the_only_way_on() -> None:
    machine = Machine(np.zeros(256, np.uint8), np.zeros((1, 1), np.int16), np.ones(1, np.bool_),
                      low=0, high=3, by_arrival=False)
    automaton = Automaton.of_edges(0, {0: {SAY: 1}, 1: {SLOT_TOKEN: 2}, 2: {END: 3}},
                                   slots=[SlotInfo("json", False)], machines=[machine])
    assert automaton.stats().branching_states == 1
    assert automaton.forced_run(0) == ([SAY], 1)
    assert automaton.largest_token == END


# ------------------------------------------------------------------ the file

def test_a_saved_automaton_is_the_same_and_so_are_its_bytes(
    grammar: Grammar, tmp_path: Path
) -> None:
    """With its slots and their machines."""
    automaton = grammar.automaton
    for name in ("one.npz", "two.npz"):
        automaton.save(tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    assert automaton.file_bytes() == (tmp_path / "one.npz").stat().st_size
    loaded = Automaton.load(tmp_path / "one.npz")
    assert loaded.slots == automaton.slots
    assert loaded.stats() == automaton.stats()
    for name in ("starts", "tokens", "targets", "run_starts", "run_tokens", "run_ends"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(automaton, name))
    assert len(loaded.machines) == len(automaton.machines) > 0
    for one, two in zip(loaded.machines, automaton.machines, strict=True):
        assert (one.low, one.high, one.by_arrival) == (two.low, two.high, two.by_arrival)
        for name in ("classes", "table", "accepting"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_a_file_that_was_cut_or_altered_is_refused(automaton: Automaton, tmp_path: Path) -> None:
    path = tmp_path / "automaton.npz"
    automaton.save(path)
    whole = path.read_bytes()
    middle = len(whole) // 3
    altered = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1:]
    for content in (b"", b"PK", whole[:-1], whole[:100], b"x" + whole[1:], altered):
        path.write_bytes(content)
        with pytest.raises(BundleError, match="expected an automaton's arrays"):
            Automaton.load(path)


@pytest.mark.parametrize(("name", "value"), [
    ("targets", np.array([0, 1, 2, 2, 3], np.int32)), ("tokens", np.array([-1] * 5, np.int32)),
    ("starts", np.array([0, 2, 1, 5, 5], np.int32)), ("starts", np.array([], np.int32)),
    ("tokens", np.array([1, 2], np.int32)), ("targets", np.array([0.5] * 5)),
    ("slots", np.frombuffer(b"[{}]", np.uint8)), ("slots", np.frombuffer(b"no", np.uint8)),
])
def test_arrays_that_do_not_make_an_automaton_are_refused(
    automaton: Automaton, tmp_path: Path, name: str, value: np.ndarray
) -> None:
    path = tmp_path / "automaton.npz"
    automaton.save(path)
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    np.savez(path, **{**arrays, name: value})
    with pytest.raises(BundleError, match="expected an automaton's arrays"):
        Automaton.load(path)


def test_other_arrays_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", starts=np.zeros(1))
    np.save(tmp_path / "plain.npy", np.zeros(1))
    for name in ("other.npz", "plain.npy", "missing.npz"):
        with pytest.raises(BundleError, match=name):
            Automaton.load(tmp_path / name)
