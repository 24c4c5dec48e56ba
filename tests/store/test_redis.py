"""The store on a real Redis or Valkey: what holds for the file holds here, and leases besides."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from iotcall.errors import InputError, StoreError, StoreFull
from iotcall.store import (
    AlreadyBegun,
    Clocks,
    Intended,
    LeaseLost,
    Store,
    StoreSettings,
    open_store,
)
from iotcall.store.backend import Change, Drop, Kind, Prune, Put, Row
from iotcall.store.redis import RedisBackend, Server, read_address
from iotcall.store.sqlite import SqliteBackend, create_file
from tests.redis_server import RedisServer
from tests.store import (
    test_journal,
    test_lists,
    test_machines,
    test_notes,
    test_sessions,
    test_store,
    test_timers,
)
from tests.store.conftest import Hands

Running = Callable[..., RedisServer]

ROOT = Path(__file__).parent.parent.parent
ON = [Intended(command=b'{"state":"on"}')]
OF_THE_FILE_ONLY = {
    "test_a_beginning_and_an_end_wait_for_the_disk_and_what_is_between_does_not",
    "test_a_timer_rings_where_a_jump_cannot_be_written_down",  # makes the file smaller
    "test_an_unreadable_entry_hides_no_other",  # spoils a row by SQL
    "test_sessions_that_are_over_go_when_another_is_put",  # here when they are older still
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    started = RedisServer(tmp_path_factory.mktemp("redis"))
    started.start()
    yield started
    started.stop()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """Starts a server of the test's own, with these settings."""
    with contextlib.ExitStack() as stack:
        def start(*settings: str) -> RedisServer:
            server = RedisServer(tmp_path, *settings)
            server.start()
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture
def url(server: RedisServer) -> str:
    return server.url(uuid.uuid4().hex)


@pytest.fixture
def reopen(url: str, hands: Hands) -> Iterator[Callable[..., Store]]:
    """As for the file."""
    latest: list[Store] = []

    def again(settings: StoreSettings | None = None) -> Store:
        for store in latest:
            store.close()
        latest[:] = [open_store(url, settings or StoreSettings(), clocks=hands.clocks())]
        return latest[0]

    yield again
    for store in latest:
        store.close()


# The tests of the file, with the fixtures of this module.
for _module in (test_journal, test_lists, test_notes, test_sessions, test_timers):
    for _name, _test in sorted(vars(_module).items()):
        if _name.startswith("test_") and callable(_test) and _name not in OF_THE_FILE_ONLY:
            globals()[_name] = _test


class OnRedis(test_machines.Kept):
    """A store that may be closed and opened, and whose process may die."""

    url = ""

    def opened(self) -> Store:
        self.opens = [*getattr(self, "opens", []), open_store(
            self.url_of_this(), StoreSettings(journal_entries=test_machines.ENTRIES),
            clocks=Clocks(wall=lambda: self.now, elapsed=lambda: self.now, boot=""))]
        return self.opens[-1]

    def url_of_this(self) -> str:
        return f"{type(self).url}{self.folder.name}"

    @rule()
    def die(self) -> None:
        """Nothing is said to the server."""
        self.store = self.opened()

    def teardown(self) -> None:
        for store in self.opens[:-1]:
            store.close()
        super().teardown()


class ListsOnRedis(OnRedis, test_machines.ListsMachine):
    pass


class JournalOnRedis(OnRedis, test_machines.JournalMachine):
    pass


@pytest.mark.parametrize("machine", [ListsOnRedis, JournalOnRedis])
def test_it_is_as_in_the_model_of_the_file(server: RedisServer, machine: type[OnRedis]) -> None:
    OnRedis.url = server.url("")
    run_state_machine_as_test(machine, settings=settings(  # type: ignore[no-untyped-call]
        max_examples=8, stateful_step_count=20, deadline=None))


KINDS: list[Kind] = ["entry", "session"]
CHANGES = st.one_of(
    st.builds(Put, kind=st.sampled_from(KINDS), key=st.sampled_from(["a", "b", "é:", ""]),
              body=st.binary(max_size=20), at=st.floats(-1e9, 1e12),
              site=st.sampled_from(["", "kitchen", "1 2", "k\0ü"]), new=st.booleans()),
    st.builds(Drop, st.sampled_from(KINDS), st.sampled_from(["a", "b", "é:", ""])))
PRUNES = st.builds(Prune, kind=st.sampled_from(KINDS), keep=st.integers(0, 4),
                   since=st.floats(-1e9, 1e12), spare=st.integers(0, 3))
COMMITS = st.tuples(st.lists(CHANGES, max_size=4), st.lists(PRUNES, max_size=2)).map(
    lambda both: [*both[0], *both[1]])


@settings(max_examples=60, deadline=None)
@given(commits=st.lists(COMMITS, max_size=8))
def test_any_commits_leave_the_same_rows_as_in_the_file(
        server: RedisServer, commits: list[list[Change]]) -> None:
    folder = Path(tempfile.mkdtemp())
    create_file(folder / "hub.db")
    oracle = SqliteBackend(folder / "hub.db", max_bytes=1 << 20, busy_seconds=0)
    backend = opened_backend(server.url(folder.name))
    with closing(oracle), closing(backend):
        for changes in commits:
            assert backend.commit(changes) == oracle.commit(changes)
            for kind in KINDS:
                assert ranked(backend.rows(kind)) == ranked(oracle.rows(kind))
                assert ranked(backend.rows(kind, site="kitchen", newest=2)) == ranked(
                    oracle.rows(kind, site="kitchen", newest=2))
        numbers = [row.number for kind in KINDS for row in backend.rows(kind)]
        assert len(set(numbers)) == len(numbers)
        assert backend.row("entry", "a") == next(
            (row for row in backend.rows("entry") if row.key == "a"), None)
    shutil.rmtree(folder)


def ranked(rows: tuple[Row, ...]) -> list[tuple[Any, ...]]:
    """Without the numbers, whose order is what counts."""
    assert [row.number for row in rows] == sorted(row.number for row in rows)
    return [(row.key, row.site, row.at, row.body) for row in rows]


def opened_backend(url: str, max_bytes: int = 1 << 20) -> RedisBackend:
    return RedisBackend(Server(read_address(url), 5.0), max_bytes=max_bytes)


def test_of_many_workers_with_one_utterance_exactly_one_begins(url: str) -> None:
    code = ("import sys; from iotcall.store import *\n"
            "with open_store(sys.argv[1]) as store:\n"
            "    for number in range(40):\n"
            "        try: store.journal.begin(str(number), 'kitchen', None, [])\n"
            "        except AlreadyBegun: pass\n"
            "        else: print(number)\n")
    workers = [subprocess.Popen([sys.executable, "-c", code, url], cwd=ROOT, text=True,
                                stdout=subprocess.PIPE) for _ in range(2)]
    begun = [int(line) for worker in workers for line in worker.communicate(timeout=60)[0].split()]
    assert sorted(begun) == list(range(40))


def test_what_was_begun_is_known_after_the_server_was_killed(running: Running) -> None:
    server = running()
    with open_store(server.url()) as store:
        entry_id = store.journal.begin("a", "kitchen", None, ON)
        server.kill()
        with pytest.raises(StoreError, match=r"cannot be reached .*start the server"):
            store.journal.begin("b", "kitchen", None, ON)
        server.start()
        assert [entry.id for entry in store.journal.open_entries()] == [entry_id]
        with pytest.raises(AlreadyBegun):
            store.journal.begin("a", "kitchen", None, ON)


def test_a_server_that_hangs_is_an_error_in_time(running: Running) -> None:
    server = running()
    with open_store(server.url(), StoreSettings(busy_seconds=0.2)) as store:
        server._process.send_signal(19)  # SIGSTOP
        with pytest.raises(StoreError, match="cannot be reached"):
            store.lists.add("shopping", ["milk"])
        server._process.send_signal(18)
        assert set(store.lists.add("shopping", ["milk"]).added) <= {"milk"}


def test_a_server_that_is_not_there_or_refuses_us_says_what_to_do(running: Running) -> None:
    with pytest.raises(StoreError, match=r"redis://127.0.0.1:9/0.*--store"):
        open_store("redis://user:geheim@127.0.0.1:9")
    server = running("--requirepass", "right")
    address = f"redis://:{{}}@127.0.0.1:{server.port}"
    with pytest.raises(StoreError, match="password") as refused:
        open_store(address.format("geheim"))
    assert "geheim" not in str(refused.value)
    with open_store(address.format("right")) as store:
        assert store.lists.names() == ()


def test_a_server_that_may_evict_is_refused(running: Running) -> None:
    server = running("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    with pytest.raises(StoreError, match="set maxmemory-policy noeviction"):
        open_store(server.url())


@pytest.mark.parametrize(("settings", "limit", "says"), [
    ([], 64 << 10, "our 0.0625 MiB are used up"),
    (["--maxmemory", "4mb", "--maxmemory-policy", "noeviction"], 1 << 30, "its maxmemory is")])
def test_a_full_store_can_be_read_changes_nothing_and_goes_on_when_there_is_room(
        running: Running, settings: list[str], limit: int, says: str) -> None:
    server = running(*settings)
    with open_store(server.url(), StoreSettings(max_bytes=limit)) as store:
        store.sessions.put("kitchen", b"[" + b"1," * 8_000 + b"1]", seconds=60)
        begun: list[str] = []

        def begin() -> None:
            begun.append(store.journal.begin(str(len(begun)), "kitchen", None, [
                Intended(command=b'"' + b"x" * 9000 + b'"')]))

        with pytest.raises(StoreFull, match=f"nothing more can be kept: {says}"):
            test_store.many_times(begin)
        assert len(begun) > 3
        assert [entry.id for entry in store.journal.open_entries()] == begun
        assert store.journal.seen(str(len(begun))) is None
        store.sessions.drop("kitchen")
        if settings:  # what one row leaves is not enough for a server
            assert isinstance(store._backend, RedisBackend)
            store._backend._server.ask(lambda client: client.config_set("maxmemory", "100mb"))
        begin()
        assert [entry.id for entry in store.journal.open_entries()] == begun


@pytest.mark.parametrize("url", [
    "http://box", "redis://", "redis://box:port", "redis://box/one", "redis://box?colour=red",
    "redis://box?prefix={a}", f"redis://box?prefix={'a' * 65}"])
def test_an_address_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(InputError) as refused:
        open_store(url.replace("//", "//user:geheim@"))
    assert "geheim" not in str(refused.value)


def test_an_address_has_a_password_a_database_and_a_prefix() -> None:
    address = read_address("redis://:p%40ss@box:7000/3?prefix=home%201")
    assert (address.host, address.port, address.database) == ("box", 7000, 3)
    assert (address.password, address.prefix) == ("p@ss", "home 1")
    assert "p@ss" not in repr(address)


def test_prefixes_know_nothing_of_each_other(server: RedisServer) -> None:
    with open_store(server.url("one")) as one, open_store(server.url("two")) as two:
        one.lists.add("shopping", ["milk"])
        one.journal.begin("a", "kitchen", None, ON)
        with one.lock("kitchen"), two.lock("kitchen", time.monotonic()):
            assert two.lists.read("shopping") == ()
        assert two.journal.seen("a") is None


IMPATIENT = StoreSettings(lease_seconds=0.3)


def test_a_site_is_held_by_one_worker_for_as_long_as_it_likes(url: str) -> None:
    with open_store(url, IMPATIENT) as one, open_store(url, IMPATIENT) as two:
        with one.lock("kitchen"):
            with one.lock("kitchen"), two.lock("office"):  # again, and another site
                pass
            with pytest.raises(StoreError, match="another worker holds 'kitchen'"), \
                    two.lock("kitchen", time.monotonic() + 3 * IMPATIENT.lease_seconds):
                pass
            one.sessions.put("kitchen", b"{}", seconds=60)
        with two.lock("kitchen", time.monotonic()):
            assert two.sessions.get("kitchen") is not None


def test_workers_that_wait_for_a_site_get_it_in_the_order_of_asking(url: str) -> None:
    order: list[int] = []
    with open_store(url) as holder, open_store(url) as first, open_store(url) as second:
        backend = holder._backend
        assert isinstance(backend, RedisBackend)

        def wait(number: int, store: Store) -> None:
            with store.lock("kitchen"):
                order.append(number)

        with holder.lock("kitchen"):
            threads = []
            for number, store in enumerate((first, second)):
                threads.append(threading.Thread(target=wait, args=[number, store]))
                threads[-1].start()
                waiting = f"{backend._base}lock:kitchen:waiting"
                while backend._server.ask(
                        lambda client: client.zcard(waiting)) <= number:  # noqa: B023
                    threading.Event().wait(0.01)
        for thread in threads:
            thread.join(20)
    assert order == [0, 1]


def test_a_site_of_a_dead_worker_is_free_after_its_lease_and_not_before(url: str) -> None:
    code = ("import os, sys; from iotcall.store import *\n"
            "store = open_store(sys.argv[1], StoreSettings(lease_seconds=1))\n"
            "with store.lock('kitchen'):\n"
            "    store.journal.begin('a', 'kitchen', None, [Intended(command=b'0')])\n"
            "    print(store.sharing.run, flush=True)\n"
            "    os.kill(os.getpid(), 9)\n")
    dead = subprocess.run([sys.executable, "-c", code, url], cwd=ROOT, text=True, timeout=60,
                          capture_output=True, check=False)
    assert dead.returncode == -9, dead.stderr
    with open_store(url) as store:
        with store.lock("kitchen"):
            pass
        deadline = time.monotonic() + 20
        while store.sharing.gone() != (dead.stdout.strip(),):
            assert time.monotonic() < deadline
            threading.Event().wait(0.02)
        [entry] = store.journal.open_entries()
        assert entry.run == dead.stdout.strip()
        store.sharing.forget(entry.run)
        assert store.sharing.gone() == ()


def test_a_worker_that_lost_its_lease_changes_nothing(url: str) -> None:
    with open_store(url) as slow, open_store(url) as other:
        with slow.lock("kitchen"):
            lose(slow, "kitchen")
            with other.lock("kitchen"):
                other.sessions.put("kitchen", b"1", seconds=60)
                with pytest.raises(LeaseLost):
                    slow.sessions.put("kitchen", b"2", seconds=60)
                with pytest.raises(LeaseLost):
                    slow.journal.begin("a", "kitchen", None, ON)
        kept = other.sessions.get("kitchen")
        assert kept is not None
        assert kept.body == b"1"
        assert other.journal.seen("a") is None
        slow.sessions.put("kitchen", b"2", seconds=60)  # what it does without a lease is its own


def lose(store: Store, site: str) -> None:
    """As after a pause that was too long."""
    backend = store._backend
    assert isinstance(backend, RedisBackend)
    backend._server.ask(lambda client: client.delete(f"{backend._base}lock:{site}"))


def test_a_duty_is_one_workers_until_it_ends_or_is_too_slow(url: str) -> None:
    with open_store(url) as one, open_store(url) as two:
        assert one.sharing.is_ours("bell", 60)
        assert not two.sharing.is_ours("bell", 60)
        assert one.sharing.is_ours("bell", 0.001)
        while not two.sharing.is_ours("bell", 60):
            threading.Event().wait(0.01)
        assert not one.sharing.is_ours("bell", 60)


def test_a_worker_that_says_farewell_is_not_missed(url: str) -> None:
    with open_store(url) as store:
        open_store(url).close()
        assert store.sharing.gone() == ()


def test_an_utterance_left_in_hand_keeps_its_key_until_it_is_dropped(
        reopen: Callable[..., Store], hands: Hands) -> None:
    kept = reopen().hands
    assert kept.take("digest", "kitchen", "first", seconds=120) is None
    assert kept.take("digest", "kitchen", "second", seconds=120) == "first"
    assert kept.take("other", "kitchen", "third", seconds=120) is None
    kept.drop("digest")
    assert kept.take("digest", "kitchen", "fourth", seconds=120) is None
    hands.go_on(120)
    assert kept.take("digest", "kitchen", "fifth", seconds=120) is None


def test_an_echo_is_the_same_under_another_word_for_all_workers(url: str) -> None:
    with open_store(url) as one, open_store(url) as two:
        said = [store.sharing.is_echo("on", word, 60) for store, word in (
            (one, "captured"), (two, "captured"), (two, "query"), (one, "query"))]
        assert one.sharing.is_echo("off", "captured", 0.001) is False
        while two.sharing.is_echo("off", "query", 60):
            threading.Event().wait(0.01)
    assert said == [False, False, True, True]


def test_a_hub_without_a_server_loads_no_redis() -> None:
    code = "import iotcall.hub.daemon, iotcall.cli, sys; print('redis' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                         timeout=60, check=True)
    assert run.stdout == "False\n"
