from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from iotcall.errors import FileError, StoreError, StoreFull
from iotcall.store import Intended, Store, StoreSettings, open_store
from iotcall.store.sqlite import MIGRATIONS, Damaged, SqliteBackend
from tests.store.conftest import Hands

ROOT = Path(__file__).parent.parent.parent
IMPATIENT = StoreSettings(busy_seconds=0)
ON = [Intended(command=b'{"state":"on"}')]


def filled(path: Path) -> bytes:
    """A closed store with a few pages; its bytes."""
    with open_store(path) as store:
        for number in range(100):
            store.journal.begin(str(number), "kitchen", None, ON)
    return path.read_bytes()


def test_only_its_owner_may_read_the_file_and_its_log(tmp_path: Path) -> None:
    path = tmp_path / "state" / "hub.db"
    with open_store(path) as store:
        store.lists.add("shopping", ["milk"])
        for each in (path, Path(f"{path}-wal")):
            assert each.stat().st_mode & 0o777 == 0o600


def test_a_closed_store_says_so(path: Path) -> None:
    store = open_store(path)
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.journal.open_entries()


def test_a_second_hub_is_refused_from_this_process_and_from_another(path: Path) -> None:
    with open_store(path) as store:
        for _ in range(2):
            with pytest.raises(StoreError, match="stop the other hub"):
                open_store(path, IMPATIENT)
        code = ("import sys; from pathlib import Path; from iotcall.store import *\n"
                "open_store(Path(sys.argv[1]), StoreSettings(busy_seconds=0))")
        other = subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, text=True,
                               capture_output=True, timeout=60, check=False)
        assert other.returncode == 1
        assert "another process holds it" in other.stderr
        store.lists.add("shopping", ["milk"])
    with open_store(path, IMPATIENT) as store:
        assert store.lists.read("shopping") == ("milk",)


def spoil_header(data: bytearray) -> None:
    data[:100] = bytes(100)


def spoil_pages(data: bytearray) -> None:
    data[8192:] = b"\xa5" * (len(data) - 8192)


def cut_short(data: bytearray) -> None:
    del data[len(data) // 2:]


@pytest.mark.parametrize("spoil", [spoil_header, spoil_pages, cut_short])
def test_a_damaged_file_is_put_aside_as_it_is_and_said_so(
        path: Path, hands: Hands, spoil: Callable[[bytearray], None]) -> None:
    data = bytearray(filled(path))
    spoil(data)
    date = datetime.fromtimestamp(hands.wall, UTC).strftime("%Y%m%dT%H%M%SZ")
    for name in (f"hub.db.corrupt-{date}", f"hub.db.corrupt-{date}-2"):
        path.write_bytes(data)
        with open_store(path, clocks=hands.clocks()) as store:
            assert store.put_aside == path.with_name(name)
            assert store.put_aside.read_bytes() == bytes(data)
            assert store.journal.open_entries() == ()
            store.journal.begin("new", "kitchen", None, ON)
        with open_store(path, clocks=hands.clocks()) as store:
            assert store.put_aside is None
            assert store.journal.seen("new") is not None


def test_the_log_of_a_damaged_file_is_put_aside_with_it(path: Path) -> None:
    data = bytearray(filled(path))
    spoil_header(data)
    path.write_bytes(data)
    log = path.with_name("hub.db-wal")
    log.write_bytes(b"what was not written back")
    with pytest.raises(Damaged):  # whoever only looks changes nothing
        opened_with(path)
    assert log.read_bytes() == b"what was not written back"
    with open_store(path) as store:
        assert store.put_aside is not None
        aside = store.put_aside.with_name(store.put_aside.name + "-wal")
        assert aside.read_bytes() == b"what was not written back"
        store.journal.begin("new", "kitchen", None, ON)
        assert log.read_bytes()[:4] != b"what"
    assert sorted(each.name for each in path.parent.iterdir()) == sorted(
        ["hub.db", store.put_aside.name, aside.name])


def test_damage_under_a_log_that_is_whole_is_found_too(path: Path) -> None:
    with open_store(path) as store:
        for number in range(100):
            store.journal.begin(str(number), "kitchen", None, ON)
        killed = path.with_name("killed.db")
        shutil.copy(path.with_name("hub.db-wal"), path.with_name("killed.db-wal"))
        data = bytearray(path.read_bytes())
        spoil_pages(data)
        killed.write_bytes(data)
    with open_store(killed) as store:
        assert store.put_aside is not None
        assert store.put_aside.stat().st_size > 0
        assert store.journal.open_entries() == ()


def test_damage_that_shows_while_it_runs_is_an_error_that_says_what_happens_next(
        path: Path) -> None:
    filled(path)
    with open_store(path) as store:
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (path.stat().st_size - 4096))
        assert isinstance(store._backend, SqliteBackend)
        store._backend._execute("PRAGMA shrink_memory")  # forget what was read
        with pytest.raises(StoreError, match="the next start puts it aside"):
            store.journal.open_entries()


def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(path: Path) -> None:
    filled(path)
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    before = path.read_bytes()
    with pytest.raises(FileError, match=r"is of version 99, .* up to 1; update iotcall"):
        open_store(path)
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_refused_and_left_as_it_is(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE photos (name TEXT)")
    database.close()
    before = path.read_bytes()
    with pytest.raises(FileError, match="another program"):
        open_store(path)
    assert path.read_bytes() == before


def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "hub.db"):
        with pytest.raises(FileError):
            open_store(path)


def opened_with(path: Path, *more: tuple[str, ...]) -> SqliteBackend:
    return SqliteBackend(path, max_bytes=1 << 20, busy_seconds=0, migrations=(*MIGRATIONS, *more))


def test_a_file_of_an_older_version_is_brought_up_to_date_with_what_is_in_it(path: Path) -> None:
    filled(path)
    backend = opened_with(path, ("ALTER TABLE record ADD COLUMN colour TEXT",))
    try:
        assert len(backend.rows("entry")) == 100
        assert backend._pragma("user_version") == len(MIGRATIONS) + 1
    finally:
        backend.close()


def test_a_migration_that_fails_half_way_changes_nothing(path: Path) -> None:
    filled(path)
    with pytest.raises(FileError, match="no such table: missing"):
        opened_with(path, ("ALTER TABLE record ADD COLUMN colour TEXT", "DROP TABLE missing"))
    with open_store(path) as store:
        assert len(store.journal.open_entries()) == 100
        assert isinstance(store._backend, SqliteBackend)
        columns = [row[1] for row in store._backend._execute("PRAGMA table_info(record)")]
        assert "colour" not in columns


def fill(store: Store, prefix: str) -> list[str]:
    """Begin until there is no room; the ids."""
    begun: list[str] = []

    def one_more() -> None:
        key = f"{prefix} {len(begun)}"
        begun.append(store.journal.begin(key, "kitchen", None, ON * 10))

    with pytest.raises(StoreFull, match="make room"):
        many_times(one_more)
    assert store.journal.seen(f"{prefix} {len(begun)}") is None
    return begun


def many_times(what: Callable[[], None]) -> None:
    for _ in range(10_000):
        what()


def open_ids(store: Store) -> list[str]:
    return [entry.id for entry in store.journal.open_entries()]


def test_a_full_store_can_be_read_and_goes_on_when_there_is_room(path: Path) -> None:
    settings = StoreSettings(max_bytes=256 << 10)
    with open_store(path, settings) as store:
        store.lists.add("shopping", ["milk"])
        timer = store.timers.start(60)
        store.sessions.put("kitchen", b"[" + b"1," * 15_000 + b"1]", seconds=60)
        begun = fill(store, "utterance")
        assert len(begun) > 10
        assert open_ids(store) == begun
        with pytest.raises(StoreFull):
            store.lists.add("shopping", [f"item {number} {'x' * 100}" for number in range(150)])
        assert store.lists.read("shopping") == ("milk",)
        assert [each.id for each in store.timers.running()] == [timer.id]
    with open_store(path, settings) as store:
        assert open_ids(store) == begun
        begun += fill(store, "still full")
        store.sessions.drop("kitchen")
        begun.append(store.journal.begin("more", "kitchen", None, ON * 10))
        assert open_ids(store) == begun
        begun += fill(store, "full again")
    with open_store(path) as store:  # which may grow larger
        begun.append(store.journal.begin("yet more", "kitchen", None, ON * 10))
        assert open_ids(store) == begun


ON_A_FULL_DISK = """
import pathlib, sys
from iotcall.errors import StoreFull
from iotcall.store import Intended, open_store
folder = pathlib.Path(sys.argv[1])
path, filler = folder / "hub.db", folder / "filler"
def fill_up():
    with open(filler, "ab", buffering=0) as file:
        try:
            while file.write(bytes(512)): pass
        except OSError: pass
def begin(store, key):
    return store.journal.begin(key, "kitchen", None, [Intended(command=b"0")])
with open_store(path) as store:
    begun = [begin(store, str(number)) for number in range(20)]
    store.sessions.put("kitchen", b"{}", seconds=60)
    fill_up()
    try:
        for number in range(10_000): begun.append(begin(store, f"late {number}"))
    except StoreFull: print("full")
    print([entry.id for entry in store.journal.open_entries()] == begun)
fill_up()
with open_store(path) as store:
    print(store.put_aside is None, [entry.id for entry in store.journal.open_entries()] == begun)
    fill_up()
    try:
        for number in range(10_000): begun.append(begin(store, f"later {number}"))
    except StoreFull: print("full")
    filler.unlink()
    begun.append(begin(store, "last"))
with open_store(path) as store:
    print(store.put_aside is None, [entry.id for entry in store.journal.open_entries()] == begun)
"""


def test_on_a_disk_without_a_free_byte_it_opens_and_reads_and_goes_on(tmp_path: Path) -> None:
    own = ["unshare", "--user", "--map-root-user", "--mount"]
    mount = f"mount -t tmpfs -o size=4m tmpfs {tmp_path}"
    if not shutil.which("unshare") or subprocess.run(
            [*own, "sh", "-c", mount], capture_output=True, timeout=60, check=False).returncode:
        pytest.skip("no file system of one's own can be mounted here")
    run = subprocess.run(
        [*own, "sh", "-c", f'{mount} && exec "$0" -c "$1" {tmp_path}', sys.executable,
         ON_A_FULL_DISK], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split("\n") == ["full", "True", "True True", "full", "True True", ""]
