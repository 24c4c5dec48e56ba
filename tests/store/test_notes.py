from __future__ import annotations

from collections.abc import Callable

import pytest

from iotcall.errors import LimitError
from iotcall.store import Store, StoreSettings
from tests.store.conftest import Hands


def test_a_note_survives_a_restart_and_says_how_old_it_is(
        reopen: Callable[..., Store], hands: Hands) -> None:
    reopen().tries.put("house", b"[2,0.0]")
    hands.go_on(20)
    assert reopen().tries.get("house") == (b"[2,0.0]", 20)


def test_a_later_note_takes_the_place_of_one_of_that_name_and_kind(
        store: Store, hands: Hands) -> None:
    store.site_rates.put("hall", b"[]")
    store.device_rates.put("hall", b"null")
    hands.go_on(5)
    store.site_rates.put("hall", b"[[0.0,1]]")
    assert store.site_rates.get("hall") == (b"[[0.0,1]]", 0)
    assert store.device_rates.get("hall") == (b"null", 5)
    store.site_rates.drop("hall")
    assert store.site_rates.get("hall") is None
    assert store.device_rates.get("hall") is not None


def test_what_a_clock_makes_older_than_now_is_new(reopen: Callable[..., Store], hands: Hands
                                                  ) -> None:
    """A board without a battery starts in the past: what is locked stays locked."""
    reopen().tries.put("house", b"[3,300.0]")
    hands.jump(-86400)
    hands.reboot(off_seconds=0)
    assert reopen().tries.get("house") == (b"[3,300.0]", 0)


def test_the_ones_put_longest_ago_go_and_no_other_kind_with_them(
        reopen: Callable[..., Store]) -> None:
    store = reopen(StoreSettings(sites=2, limited_devices=1))
    store.tries.put("house", b"[1,0.0]")
    for site in ("hall", "kitchen", "hall", "study"):
        store.site_rates.put(site, b"[]")
    for device in ("front door", "garage"):
        store.device_rates.put(device, b"null")
    assert [site for site in ("hall", "kitchen", "study") if store.site_rates.get(site)] == [
        "hall", "study"]
    assert store.device_rates.get("front door") is None
    assert store.device_rates.get("garage") is not None
    assert store.tries.get("house") is not None


def test_a_name_without_an_end_is_refused(store: Store) -> None:
    with pytest.raises(LimitError):
        store.site_rates.put("x" * 10_000, b"[]")
    with pytest.raises(ValueError, match="must be JSON"):
        store.site_rates.put("hall", b"[")
