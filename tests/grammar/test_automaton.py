from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from iotcall.errors import BundleError
from iotcall.grammar import Automaton, AutomatonStats

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


def test_allowed_tokens_are_those_of_the_edges(automaton: Automaton) -> None:
    assert [automaton.allowed(state).tolist() for state in range(4)] == [
        [SAY, STOP], [ON, OFF], [END], []]


def test_a_step_follows_its_token_and_no_other(automaton: Automaton) -> None:
    assert automaton.step(0, SAY) == automaton.target(0, 0) == 1
    assert automaton.step(0, STOP) == automaton.target(0, 1) == 2
    assert [automaton.step(0, token) for token in (0, 4, END, 10**6, -1)] == [None] * 5
    assert automaton.step(3, END) is None


def test_only_the_state_without_edges_is_final(automaton: Automaton) -> None:
    assert [automaton.is_final(state) for state in range(4)] == [False, False, False, True]


def test_a_forced_run_goes_up_to_the_next_choice(automaton: Automaton) -> None:
    assert automaton.forced_run(0) == ([], 0)
    assert automaton.forced_run(2) == ([END], 3)
    assert automaton.forced_run(3) == ([], 3)
    assert of({0: {SAY: 1}, 1: {ON: 2}, 2: {ON: 3, OFF: 3}, 3: {}}).forced_run(0) == ([SAY, ON], 2)


@pytest.mark.parametrize(("tokens", "accepted"), [
    ([SAY, ON, END], True), ([SAY, OFF, END], True), ([STOP, END], True),
    ([], False), ([SAY], False), ([SAY, ON], False), ([SAY, END], False), ([ON, END], False),
    ([STOP, END, END], False), ([SAY, SAY, ON, END], False),
])
def test_whole_answers_are_accepted(
    automaton: Automaton, tokens: list[int], accepted: bool
) -> None:
    assert automaton.accepts(tokens) is accepted


def test_samples_are_answers_with_every_edge_equally_likely(automaton: Automaton) -> None:
    random = np.random.default_rng(7)
    found = Counter(tuple(automaton.sample(random)) for _ in range(800))
    assert all(automaton.accepts(list(answer)) for answer in found)
    assert found[STOP, END] == pytest.approx(400, abs=60)
    assert found[SAY, ON, END] == pytest.approx(200, abs=50)


def test_the_same_seed_gives_the_same_sample(automaton: Automaton) -> None:
    samples = [[automaton.sample(random) for _ in range(20)]
               for random in (np.random.default_rng(3), np.random.default_rng(3))]
    assert samples[0] == samples[1]


def test_stats_count_what_is_there(automaton: Automaton) -> None:
    # 5 starts, 5 tokens and 5 targets of 4 bytes
    assert automaton.stats() == AutomatonStats(
        states=4, edges=5, branching_states=2, live_tokens=5, array_bytes=60)


def test_a_saved_automaton_is_the_same_and_so_are_its_bytes(
    automaton: Automaton, tmp_path: Path
) -> None:
    for name in ("one.npz", "two.npz"):
        automaton.save(tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    loaded = Automaton.load(tmp_path / "one.npz")
    assert loaded.accepts([SAY, OFF, END])
    assert loaded.stats() == automaton.stats()
    for name in ("starts", "tokens", "targets"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(automaton, name))


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


def test_other_arrays_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", starts=np.zeros(1))
    np.save(tmp_path / "plain.npy", np.zeros(1))
    for name in ("other.npz", "plain.npy", "missing.npz"):
        with pytest.raises(BundleError, match=name):
            Automaton.load(tmp_path / name)
