"""Limits that hold over workers and restarts: three workers give three tries together.

On a real SQLite file and a real Redis; in `test_shared` over processes and a broker.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from iotcall.devices import Command, Home, command_for, load_home
from iotcall.devices.home_file import Safety
from iotcall.dialogue.notes import InMemory
from iotcall.dialogue.pins import LOCKED_SECONDS, TRIES, Tries
from iotcall.dialogue.rates import Rates
from iotcall.errors import StoreError, StoreFull
from iotcall.shipped import shipped
from iotcall.store import Clocks, Store, StoreSettings, open_store
from tests.hub.actors import DEADLINE_SECONDS
from tests.redis_server import RedisServer


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def workers(redis: RedisServer) -> Iterator[list[Store]]:
    """What three workers hold of one store."""
    opened = [open_store(redis.url(), StoreSettings()) for _ in range(3)]
    yield opened
    for store in opened:
        store.close()


@pytest.fixture
def home() -> Home:
    return load_home(shipped("devices") / "homes" / "family.toml")


def told(home: Home, name: str, property: str, value: str) -> Command:
    device = home.device(name)
    assert device is not None
    return command_for(device, property, value)


def rates(store: Store) -> Rates:
    return Rates(store.site_rates, store.device_rates)


def test_three_workers_give_three_tries_together(workers: list[Store]) -> None:
    tries = [Tries(store.tries) for store in workers]
    taken = [each.take() for _ in range(3) for each in tries]
    assert taken == [True] * TRIES + [False] * 6
    assert all(0 < each.locked_seconds <= LOCKED_SECONDS for each in tries)


def test_tries_at_the_same_moment_are_no_more_than_three(workers: list[Store]) -> None:
    together, taken = threading.Barrier(len(workers)), []

    def guess(store: Store) -> None:
        together.wait(DEADLINE_SECONDS)
        taken.extend(Tries(store.tries).take() for _ in range(3))

    threads = [threading.Thread(target=guess, args=[store]) for store in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert sorted(taken) == [False] * 6 + [True] * TRIES


def test_the_right_pin_at_one_worker_forgets_the_wrong_ones_of_all(workers: list[Store]) -> None:
    red, green, blue = (Tries(store.tries) for store in workers)
    assert red.take()
    assert green.take()
    assert blue.take()
    blue.right()
    assert [each.take() for each in (red, green)] == [True, True]
    assert red.locked_seconds == 0


def test_a_server_that_is_away_lets_no_pin_be_tried(
    workers: list[Store], redis: RedisServer
) -> None:
    redis.kill()
    with pytest.raises(StoreError):
        Tries(workers[0].tries).take()
    redis.start()


def test_wrong_pins_are_counted_over_a_restart_of_a_hub_that_is_alone(tmp_path: Path) -> None:
    now = [1000.0]

    def reopened() -> Store:
        return open_store(tmp_path / "hub.db", clocks=Clocks(
            wall=lambda: now[0], elapsed=lambda: now[0], boot="one"))

    for number in range(TRIES):
        with reopened() as store:
            assert Tries(store.tries).take(), number
    now[0] += LOCKED_SECONDS - 1
    with reopened() as store:
        assert not Tries(store.tries).take()
        assert Tries(store.tries).locked_seconds == 1
    now[0] += 1
    with reopened() as store:
        assert Tries(store.tries).take()


def test_what_a_site_may_be_told_in_a_minute_is_told_by_all_workers_together(
    workers: list[Store], home: Home
) -> None:
    kettle, safety = told(home, "kettle", "state", "on"), Safety(per_minute=3)
    red, green, blue = map(rates, workers)
    for each in (red, green, blue):
        assert not each.too_many("kitchen", 1, safety.per_minute)
        each.note("kitchen", [kettle], safety)
    assert all(each.too_many("kitchen", 1, safety.per_minute) for each in (red, green, blue))
    assert not red.too_many("hall", 1, safety.per_minute)


def test_a_door_that_one_worker_has_moved_another_lets_rest(
    workers: list[Store], home: Home
) -> None:
    door, safety = told(home, "front door", "lock", "unlocked"), Safety(per_device_seconds=60)
    red, green, _ = map(rates, workers)
    assert not green.too_soon(door.device, safety.per_device_seconds)
    red.note("hall", [door], safety)
    assert green.too_soon(door.device, safety.per_device_seconds)


def test_between_the_question_and_the_note_no_other_worker_moves_the_door(
    workers: list[Store], home: Home
) -> None:
    door, safety = told(home, "front door", "lock", "unlocked"), Safety(per_device_seconds=60)
    together, moved = threading.Barrier(len(workers)), []

    def move(store: Store, site: str) -> None:
        mine = rates(store)
        together.wait(DEADLINE_SECONDS)
        with mine.held(safety):
            if not mine.too_soon(door.device, safety.per_device_seconds):
                mine.note(site, [door], safety)
                moved.append(site)

    threads = [threading.Thread(target=move, args=[store, f"site {at}"])
               for at, store in enumerate(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert len(moved) == 1


def test_a_home_without_limits_asks_nothing_of_the_store(home: Home) -> None:
    class Unused:
        def __getattr__(self, name: str) -> object:
            raise AssertionError(name)

    unused: object = Unused()
    idle = Rates(unused, unused)  # type: ignore[arg-type]
    lamp = told(home, "kettle", "state", "on")
    with idle.held(Safety()):
        assert not idle.too_many("hall", 1, 0)
        assert not idle.too_soon(lamp.device, 0.0)
        idle.note("hall", [lamp], Safety())


class Full(InMemory):
    """In a store without room."""

    def put(self, name: str, body: bytes) -> None:
        raise StoreFull(Path("hub.db"), 0)


def test_a_store_without_room_keeps_no_light_from_going_on_and_lets_no_pin_be_tried(
    home: Home
) -> None:
    full = Full(lambda: 0.0, most=1)
    with capture_logs() as logs:
        Rates(full, full).note("hall", [told(home, "kettle", "state", "on")], Safety(per_minute=9))
    assert [each["event"] for each in logs] == ["rates.unwritten"]
    with pytest.raises(StoreFull):
        Tries(full).take()
