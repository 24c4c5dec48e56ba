from __future__ import annotations

from collections.abc import Callable

import pytest

from iotcall.errors import LimitError
from iotcall.store import KeptSession, Store
from iotcall.store.sessions import MAX_SITES
from tests.store.conftest import Hands


def test_a_session_survives_a_restart_and_says_how_old_it_is(
        reopen: Callable[..., Store], hands: Hands) -> None:
    reopen().sessions.put("kitchen", b'{"turns": 2}', seconds=60)
    hands.go_on(20)
    hands.jump(-86400)
    assert reopen().sessions.get("kitchen") == KeptSession(
        body=b'{"turns": 2}', age_seconds=20, same_boot=True)


def test_a_session_is_over_at_its_deadline(store: Store, hands: Hands) -> None:
    store.sessions.put("kitchen", b"{}", seconds=60)
    hands.go_on(59)
    assert store.sessions.sites() == ("kitchen",)
    hands.go_on(1)
    assert store.sessions.get("kitchen") is None
    assert store.sessions.sites() == ()


def test_after_a_reboot_the_age_is_what_the_wall_clock_says_and_marked_so(
        reopen: Callable[..., Store], hands: Hands) -> None:
    reopen().sessions.put("kitchen", b"{}", seconds=60)
    hands.reboot(off_seconds=30)
    assert reopen().sessions.get("kitchen") == KeptSession(
        body=b"{}", age_seconds=30, same_boot=False)


def test_a_session_from_the_future_is_over(reopen: Callable[..., Store], hands: Hands) -> None:
    reopen().sessions.put("kitchen", b"{}", seconds=60)
    hands.jump(-1)
    hands.reboot(off_seconds=0)
    assert reopen().sessions.get("kitchen") is None


def test_sessions_that_are_over_go_when_another_is_put(store: Store, hands: Hands) -> None:
    store.sessions.put("kitchen", b"{}", seconds=60)
    hands.go_on(60)
    store.sessions.put("office", b"{}", seconds=60)
    assert [row.key for row in store._backend.rows("session")] == ["office"]


def test_the_least_recently_put_go_where_there_are_too_many(store: Store) -> None:
    for number in range(MAX_SITES):
        store.sessions.put(str(number), b"{}", seconds=60)
    store.sessions.put("0", b"[]", seconds=60)
    store.sessions.put("new", b"{}", seconds=60)
    sites = store.sessions.sites()
    assert len(sites) == MAX_SITES
    assert {"0", "new"} < set(sites)
    assert "1" not in sites


def test_a_dropped_session_is_gone(reopen: Callable[..., Store]) -> None:
    store = reopen()
    store.sessions.put("kitchen", b"{}", seconds=60)
    store.sessions.drop("kitchen")
    assert reopen().sessions.get("kitchen") is None


def test_what_is_too_long_or_no_json_leaves_the_session_as_it_was(store: Store) -> None:
    store.sessions.put("kitchen", b"1", seconds=60)
    with pytest.raises(LimitError):
        store.sessions.put("kitchen", b'"' + b"x" * 70_000 + b'"', seconds=60)
    with pytest.raises(ValueError, match="must be JSON"):
        store.sessions.put("kitchen", b"{", seconds=60)
    kept = store.sessions.get("kitchen")
    assert kept is not None
    assert kept.body == b"1"
