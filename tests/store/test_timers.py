from __future__ import annotations

from collections.abc import Callable

import pytest

from iotcall.errors import InputError, LimitError
from iotcall.store import Clocks, Store, Timers
from iotcall.store.clocks import seconds_between
from iotcall.store.sqlite import SqliteBackend
from iotcall.store.timers import MAX_TIMERS
from tests.store.conftest import Hands

YEAR = 365 * 86400.0


def left(timers: Timers) -> list[float]:
    return [timer.remaining_seconds for timer in timers.running()]


def late(timers: Timers) -> list[float]:
    return [due.late_seconds for due in timers.due()]


def test_a_timer_is_due_when_its_time_is_over_and_once(store: Store, hands: Hands) -> None:
    timer = store.timers.start(60, name="pasta", site="kitchen")
    hands.go_on(59.9)
    assert store.timers.due() == ()
    hands.go_on(0.6)
    due, = store.timers.due()
    assert (due.timer.id, due.timer.name, due.timer.site) == (timer.id, "pasta", "kitchen")
    assert due.late_seconds == pytest.approx(0.5)
    assert store.timers.due() == ()
    assert store.timers.running() == ()


def test_several_are_due_longest_ago_first(store: Store, hands: Hands) -> None:
    for seconds in (30, 10, 20, 90):
        store.timers.start(seconds)
    hands.go_on(35)
    assert late(store.timers) == pytest.approx([25, 15, 5])


def test_a_timer_that_was_told_but_not_rung_is_due_again_after_a_restart(
        reopen: Callable[..., Store], hands: Hands) -> None:
    store = reopen()
    timer = store.timers.start(60)
    hands.go_on(61)
    assert len(store.timers.due()) == 1
    hands.go_on(4)
    store = reopen()
    assert late(store.timers) == pytest.approx([5])
    store.timers.finish(timer.id)
    assert reopen().timers.due() == ()


def test_what_remains_is_told_soonest_first(store: Store, hands: Hands) -> None:
    store.timers.start(60, name="tea")
    hands.go_on(10)
    store.timers.start(20, name="eggs")
    assert [(timer.name, timer.remaining_seconds) for timer in store.timers.running()] == [
        ("eggs", 20), ("tea", 50)]


def test_the_one_that_fits_is_cancelled(reopen: Callable[..., Store]) -> None:
    timers = reopen().timers
    for name, seconds in (("pasta", 600), ("Green Tea", 180), ("", 300)):
        timers.start(seconds, name=name)
    cancelled = timers.cancel(name="tea").timer
    assert cancelled is not None
    assert cancelled.name == "Green Tea"
    cancelled = timers.cancel(duration_seconds=300).timer
    assert cancelled is not None
    assert cancelled.duration_seconds == 300
    assert [timer.name for timer in reopen().timers.running()] == ["pasta"]


def test_where_several_fit_they_are_listed_and_none_is_cancelled(store: Store) -> None:
    for name, seconds in (("tea", 180), ("tea", 240), ("pasta", 180)):
        store.timers.start(seconds, name=name)
    for found, durations in ((store.timers.cancel(name="Tea!"), [180, 240]),
                             (store.timers.cancel(duration_seconds=180), [180, 180]),
                             (store.timers.cancel(), [180, 180, 240])):
        assert found.timer is None
        assert [timer.duration_seconds for timer in found.candidates] == durations
    assert store.timers.cancel(name="tea", duration_seconds=240).timer is not None
    assert len(store.timers.running()) == 2


def test_where_none_fits_nothing_is_cancelled(store: Store) -> None:
    store.timers.start(60, name="pasta")
    found = store.timers.cancel(name="rice")
    assert (found.timer, found.candidates) == (None, ())
    assert len(store.timers.running()) == 1


def test_the_same_name_is_preferred_to_one_that_holds_it(store: Store) -> None:
    store.timers.start(60, name="tea")
    store.timers.start(90, name="green tea")
    cancelled = store.timers.cancel(name="tea").timer
    assert cancelled is not None
    assert cancelled.duration_seconds == 60


def test_a_sites_own_timers_are_meant_first_and_else_those_of_the_home(store: Store) -> None:
    store.timers.start(60, site="kitchen")
    store.timers.start(90, site="office")
    cancelled = store.timers.cancel(site="office").timer
    assert cancelled is not None
    assert cancelled.site == "office"
    assert [timer.site for timer in store.timers.running(site="office")] == ["kitchen"]


def test_an_utterance_that_comes_twice_starts_one(reopen: Callable[..., Store],
                                                   hands: Hands) -> None:
    first = reopen().timers.start(60, key="entry 1")
    hands.go_on(10)
    again = reopen().timers.start(60, key="entry 1")
    assert (again.id, again.remaining_seconds) == (first.id, 50)
    assert len(reopen().timers.running()) == 1


def test_timers_are_bounded(store: Store) -> None:
    for seconds in (0, -1, float("nan")):
        with pytest.raises(InputError, match="more than 0 seconds"):
            store.timers.start(seconds)
    for seconds, name in ((8 * 86400, ""), (float("inf"), ""), (60, "x" * 65)):
        with pytest.raises(LimitError):
            store.timers.start(seconds, name=name)
    for _ in range(MAX_TIMERS):
        store.timers.start(60)
    with pytest.raises(LimitError, match="timers"):
        store.timers.start(60)
    assert len(store.timers.running()) == MAX_TIMERS


@pytest.mark.parametrize("jump", [YEAR, 3600.0, 3.0, -3.0, -3600.0, -YEAR])
def test_setting_the_wall_clock_neither_delays_nor_hastens_nor_repeats_a_running_timer(
        reopen: Callable[..., Store], hands: Hands, jump: float) -> None:
    store = reopen()
    timer = store.timers.start(600)
    hands.go_on(100)
    hands.jump(jump)
    assert store.timers.due() == ()
    assert left(store.timers) == pytest.approx([500])
    store = reopen()
    assert left(store.timers) == pytest.approx([500])
    hands.go_on(300)
    hands.jump(-jump)  # and back, while the process is down
    store = reopen()
    assert store.timers.due() == ()
    hands.go_on(200.5)
    assert late(store.timers) == pytest.approx([0.5])
    hands.jump(-jump)
    assert store.timers.due() == ()
    store.timers.finish(timer.id)
    hands.jump(2 * jump)
    assert reopen().timers.due() == ()


@pytest.mark.parametrize("jump", [YEAR, -YEAR])
def test_a_jump_before_a_reboot_is_followed_by_then(
        reopen: Callable[..., Store], hands: Hands, jump: float) -> None:
    store = reopen()
    store.timers.start(600)
    hands.go_on(100)
    hands.jump(jump)
    assert store.timers.due() == ()  # the hub looks about once a second
    hands.reboot(off_seconds=60)
    assert left(reopen().timers) == pytest.approx([440])


def test_a_timer_that_ran_out_while_the_machine_was_off_is_due_at_once_and_says_how_late(
        reopen: Callable[..., Store], hands: Hands) -> None:
    reopen().timers.start(600)
    hands.go_on(100)
    hands.reboot(off_seconds=530)
    assert late(reopen().timers) == pytest.approx([30])


def test_a_timer_that_ran_out_while_the_hub_was_off_is_due_at_once_whatever_the_wall_clock_says(
        reopen: Callable[..., Store], hands: Hands) -> None:
    store = reopen()
    store.timers.start(600)
    store.close()
    hands.go_on(700)
    hands.jump(-YEAR)
    assert late(reopen().timers) == pytest.approx([100])


def test_a_board_without_a_battery_is_put_right_when_the_network_tells_it_the_time(
        reopen: Callable[..., Store], hands: Hands) -> None:
    reopen().timers.start(600)
    hands.go_on(100)
    hands.reboot(off_seconds=200, clock_stood_still=True)
    store = reopen()
    assert left(store.timers) == pytest.approx([500])
    hands.go_on(30)
    hands.jump(200)
    assert left(store.timers) == pytest.approx([270])
    hands.jump(200)  # from here on somebody plays with it
    assert left(store.timers) == pytest.approx([270])


def test_a_clock_that_starts_before_the_timer_was_set_gives_it_no_more_than_all_its_time(
        reopen: Callable[..., Store], hands: Hands) -> None:
    reopen().timers.start(600)
    hands.go_on(100)
    hands.jump(-YEAR)
    hands.reboot(off_seconds=10)
    store = reopen()
    assert left(store.timers) == pytest.approx([600])
    hands.jump(YEAR)
    assert left(store.timers) == pytest.approx([490])


def test_after_a_reboot_a_clock_that_goes_back_delays_nothing(
        reopen: Callable[..., Store], hands: Hands) -> None:
    reopen().timers.start(600)
    hands.reboot(off_seconds=100)
    store = reopen()
    assert left(store.timers) == pytest.approx([500])
    hands.jump(-YEAR)
    assert left(store.timers) == pytest.approx([500])


def test_a_timer_rings_where_a_jump_cannot_be_written_down(store: Store, hands: Hands) -> None:
    store.timers.start(60)
    assert isinstance(store._backend, SqliteBackend)
    store._backend._execute("PRAGMA query_only = ON")  # whatever is written fails
    hands.jump(YEAR)
    hands.go_on(61)
    assert late(store.timers) == pytest.approx([1])


def test_clocks_of_this_machine_agree_on_how_much_later_it_is() -> None:
    first, second = Clocks(), Clocks()
    assert first.boot == second.boot
    assert seconds_between(first.now(), second.now()) >= 0
