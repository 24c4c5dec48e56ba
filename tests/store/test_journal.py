from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from iotcall.errors import LimitError, StoreError
from iotcall.store import AlreadyBegun, Intended, Journal, Store, StoreSettings
from iotcall.store.journal import MAX_COMMANDS
from iotcall.store.sqlite import SqliteBackend
from tests.store.conftest import Hands

ON, OFF = Intended(command=b'{"state":"on"}', before=b'{"state":"off"}'), Intended(command=b"{}")


def begun(journal: Journal, key: str = "a", *commands: Intended, site: str = "kitchen") -> str:
    return journal.begin(key, site, None, commands or (ON,))


def flushed(store: Store) -> bool:
    """Whether the latest commit waited for the disk."""
    assert isinstance(store._backend, SqliteBackend)
    return store._backend._pragma("synchronous") == 2


def test_an_entry_holds_what_was_said_of_it_after_a_restart(
        reopen: Callable[..., Store], hands: Hands) -> None:
    journal = reopen().journal
    entry_id = journal.begin("a", "kitchen", "session 1", [ON, OFF])
    hands.go_on(1)
    journal.sent(entry_id, 0)
    journal.settled(entry_id, 0, "confirmed", b'{"state": "on"}')
    entry = reopen().journal.seen("a")
    assert entry is not None
    assert (entry.id, entry.site, entry.session) == (entry_id, "kitchen", "session 1")
    first, second = entry.steps
    assert (bytes(first.command), bytes(first.before)) == (ON.command, ON.before)
    assert (first.sent_at, first.verdict) == (entry.began_at + 1, "confirmed")
    assert bytes(first.state) == b'{"state": "on"}'
    assert (second.sent_at, second.verdict, bytes(second.state)) == (None, None, b"null")


def test_entries_are_open_until_each_of_their_commands_is_settled(store: Store) -> None:
    first, second = begun(store.journal, "a", ON, ON), begun(store.journal, "b")
    store.journal.settled(first, 1, "refused")
    assert [entry.id for entry in store.journal.open_entries()] == [first, second]
    store.journal.settled(first, 0, "unconfirmed")
    assert [entry.id for entry in store.journal.open_entries()] == [second]


def test_an_utterance_without_commands_is_known_and_not_open(store: Store) -> None:
    store.journal.begin("a", "kitchen", None, [])
    assert store.journal.open_entries() == ()
    assert store.journal.seen("a") is not None


def test_an_utterance_that_was_begun_is_not_begun_again(store: Store) -> None:
    entry_id = begun(store.journal)
    with pytest.raises(AlreadyBegun) as refused:
        begun(store.journal)
    assert refused.value.entry == store.journal.entry(entry_id)
    assert [entry.id for entry in store.journal.open_entries()] == [entry_id]


def test_a_first_delivery_with_a_used_key_is_another_utterance(store: Store) -> None:
    old = begun(store.journal)
    new = store.journal.begin("a", "kitchen", None, [ON], first_delivery=True)
    assert [entry.id for entry in store.journal.open_entries()] == [old, new]
    seen = store.journal.seen("a")
    assert seen is not None
    assert seen.id == new
    with pytest.raises(AlreadyBegun):
        begun(store.journal)


def test_an_utterance_that_was_never_begun_is_not_seen(store: Store) -> None:
    assert store.journal.seen("a") is None


def test_the_last_verdict_and_the_first_sending_count(store: Store, hands: Hands) -> None:
    entry_id = begun(store.journal)
    store.journal.sent(entry_id, 0)
    hands.go_on(5)
    store.journal.sent(entry_id, 0)
    store.journal.settled(entry_id, 0, "unconfirmed")
    store.journal.settled(entry_id, 0, "confirmed", b"1")
    entry = store.journal.entry(entry_id)
    assert entry is not None
    assert (entry.steps[0].sent_at, entry.steps[0].verdict) == (entry.began_at, "confirmed")


def test_undo_finds_what_was_done_last_at_the_site_and_not_what_was_refused(store: Store) -> None:
    journal = store.journal
    assert journal.last_done("kitchen") is None
    done = begun(journal, "a")
    for key, site, verdict in (("b", "kitchen", "refused"), ("c", "bedroom", "confirmed")):
        journal.settled(begun(journal, key, site=site), 0, verdict)  # type: ignore[arg-type]
    assert journal.last_done("kitchen") is None
    journal.settled(done, 0, "accepted")
    begun(journal, "d")
    entry = journal.last_done("kitchen")
    assert entry is not None
    assert entry.id == done
    assert bytes(entry.steps[0].before) == ON.before


def test_undo_finds_what_may_have_been_done(store: Store) -> None:
    sure, unsure = begun(store.journal, "a"), begun(store.journal, "b")
    store.journal.settled(sure, 0, "confirmed")
    store.journal.settled(unsure, 0, "unconfirmed")
    entry = store.journal.last_done("kitchen")
    assert entry is not None
    assert entry.id == unsure


def test_a_beginning_and_an_end_wait_for_the_disk_and_what_is_between_does_not(
        store: Store) -> None:
    entry_id = begun(store.journal, "a", ON, ON)
    assert flushed(store)
    store.journal.sent(entry_id, 0)
    assert not flushed(store)
    store.journal.settled(entry_id, 0, "confirmed")
    assert not flushed(store)
    store.journal.settled(entry_id, 1, "confirmed")
    assert flushed(store)


def test_the_oldest_entries_go_where_there_are_too_many(reopen: Callable[..., Store]) -> None:
    journal = reopen(StoreSettings(journal_entries=3)).journal
    ids = [begun(journal, str(number)) for number in range(5)]
    assert [entry.id for entry in journal.open_entries()] == ids[2:]
    assert [journal.seen(str(number)) is None for number in range(5)] == [True] * 2 + [False] * 3


def test_old_entries_go_but_for_the_newest_which_no_clock_makes_old(
        store: Store, hands: Hands) -> None:
    ids = [begun(store.journal, str(number)) for number in range(80)]
    hands.jump(10 * 365 * 86400)  # a clock that is wrong by years
    ids.append(begun(store.journal, "new"))
    assert [entry.id for entry in store.journal.open_entries()] == ids[-64:]
    assert store.journal.seen("79") is not None


@pytest.mark.parametrize("index", [-1, 1])
def test_a_command_that_the_entry_has_not_is_an_error(store: Store, index: int) -> None:
    entry_id = begun(store.journal)
    with pytest.raises(StoreError, match="has 1 commands"):
        store.journal.sent(entry_id, index)


def test_an_entry_that_the_journal_has_not_is_an_error(store: Store) -> None:
    with pytest.raises(StoreError, match="no entry 'x'"):
        store.journal.settled("x", 0, "confirmed")


def test_what_is_too_long_or_no_json_is_not_noted(store: Store) -> None:
    long = Intended(command=b'"' + b"x" * 20_000 + b'"')
    for commands in ([long], [ON] * (MAX_COMMANDS + 1)):
        with pytest.raises(LimitError):
            store.journal.begin("a", "kitchen", None, commands)
    with pytest.raises(LimitError):
        begun(store.journal, "k" * 300)
    for nonsense in (b"{", b"", b"\xff", b"[" * 5000):
        with pytest.raises(ValueError, match="must be JSON"):
            begun(store.journal, "a", Intended(command=nonsense))
    assert store.journal.open_entries() == ()


def test_an_unreadable_entry_hides_no_other(store: Store) -> None:
    spoilt, whole = begun(store.journal, "a"), begun(store.journal, "b")
    assert isinstance(store._backend, SqliteBackend)
    store._backend._execute("UPDATE record SET body = x'7b' WHERE key = ?", (spoilt,))
    assert [entry.id for entry in store.journal.open_entries()] == [whole]
    assert store.journal.seen("a") is None
    with pytest.raises(AlreadyBegun):  # and nothing is sent for it
        begun(store.journal, "a")


def test_of_two_threads_with_one_utterance_exactly_one_begins(store: Store) -> None:
    for number in range(50):
        outcomes: list[bool] = []
        together = threading.Barrier(2)

        def begin(key: str, together: threading.Barrier, outcomes: list[bool]) -> None:
            together.wait(10)
            try:
                begun(store.journal, key)
                outcomes.append(True)
            except AlreadyBegun:
                outcomes.append(False)

        threads = [threading.Thread(target=begin, args=[str(number), together, outcomes])
                   for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert sorted(outcomes) == [False, True]


def test_two_threads_that_settle_one_entry_lose_no_verdict(store: Store) -> None:
    entry_id = begun(store.journal, "a", *[ON] * 40)
    together = threading.Barrier(2)

    def settle(indices: range) -> None:
        together.wait(10)
        for index in indices:
            store.journal.settled(entry_id, index, "confirmed")

    threads = [threading.Thread(target=settle, args=[range(first, 40, 2)]) for first in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert store.journal.open_entries() == ()


def test_readers_see_whole_entries_while_one_thread_writes(store: Store) -> None:
    ended = threading.Event()
    faults: list[BaseException] = []
    looked: list[int] = []

    def read() -> None:
        try:
            while not ended.is_set():
                for entry in store.journal.open_entries():
                    assert len(entry.steps) == 3
                newest = store.journal.last_done("kitchen")
                assert newest is None or any(step.verdict for step in newest.steps)
                looked.append(1)
        except BaseException as fault:
            faults.append(fault)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(40):
        entry_id = begun(store.journal, str(number), ON, ON, ON)
        for index in range(3):
            store.journal.sent(entry_id, index)
            store.journal.settled(entry_id, index, "confirmed", b'{"state":"on"}')
    ended.set()
    for reader in readers:
        reader.join(10)
    assert faults == []
    assert looked
    assert store.journal.open_entries() == ()
