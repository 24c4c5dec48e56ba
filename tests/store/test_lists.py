from __future__ import annotations

from collections.abc import Callable

import pytest

from iotcall.errors import LimitError
from iotcall.store import Added, Removed, Store
from iotcall.store.lists import MAX_ITEMS, MAX_LISTS


def test_things_stay_on_a_list_in_their_order_over_a_restart(reopen: Callable[..., Store]) -> None:
    assert reopen().lists.add("shopping", ["milk", "eggs"]) == Added(added=("milk", "eggs"))
    assert reopen().lists.add("Shopping", ["bread"]) == Added(added=("bread",))
    assert reopen().lists.read("shopping") == ("milk", "eggs", "bread")


def test_what_is_on_the_list_is_said_and_not_added_again(store: Store) -> None:
    store.lists.add("shopping", ["Oat milk"])
    added = store.lists.add("shopping", ["oat  MILK", "eggs", "Eggs!", "oat-milk"])
    assert added == Added(added=("eggs",), already=("oat MILK", "Eggs!", "oat-milk"))
    assert store.lists.read("shopping") == ("Oat milk", "eggs")


@pytest.mark.parametrize(("one", "other"), [
    ("Straße", "STRASSE"), ("caf\u00e9", "cafe\u0301"), ("\uff4d\uff49\uff4c\uff4b", "milk"),
    ("eggs\x00", "eggs"), ("eggs\ud800", "eggs"),
])
def test_what_looks_alike_is_one_thing(store: Store, one: str, other: str) -> None:
    store.lists.add("shopping", [one])
    assert store.lists.add("shopping", [other]).added == ()


@pytest.mark.parametrize(("one", "other"), [("beer", "bear"), ("\u0915\u093f", "\u0915\u0940")])
def test_what_looks_different_is_not(store: Store, one: str, other: str) -> None:
    assert store.lists.add("shopping", [one, other]).added == (one, other)


def test_names_of_a_list_that_sound_alike_are_one_list(store: Store) -> None:
    store.lists.add("To-do", ["call Ann"])
    assert store.lists.read("todo") == store.lists.read("to do") == ("call Ann",)
    store.lists.add("to do", ["call Ben"])
    assert store.lists.names() == ("To-do",)


@pytest.mark.parametrize(("wanted", "gone"), [
    ("MILK", "milk"), ("oat milk", "oat milk"), ("eggs", "six eggs"), ("loaf", "loaf of bread"),
    ("tomatos", "tomatoes"), ("bread of loaf", "loaf of bread"),
])
def test_the_thing_that_fits_best_is_removed(store: Store, wanted: str, gone: str) -> None:
    things = ["milk", "oat milk", "six eggs", "loaf of bread", "tomatoes"]
    store.lists.add("shopping", things)
    assert store.lists.remove("shopping", wanted) == Removed(item=gone)
    assert store.lists.read("shopping") == tuple(each for each in things if each != gone)


@pytest.mark.parametrize("wanted", ["butter", "", "!", "beads", "silk"])
def test_what_fits_nothing_removes_nothing(store: Store, wanted: str) -> None:
    store.lists.add("shopping", ["milk", "beans"])
    assert store.lists.remove("shopping", wanted) == Removed()
    assert store.lists.read("shopping") == ("milk", "beans")
    assert store.lists.remove("nothing", "milk") == Removed()


def test_where_several_fit_alike_they_are_listed_and_none_is_removed(store: Store) -> None:
    store.lists.add("shopping", ["oat milk", "soy milk", "tea"])
    assert store.lists.remove("shopping", "milk") == Removed(candidates=("oat milk", "soy milk"))
    assert len(store.lists.read("shopping")) == 3


def test_what_was_cleared_can_be_put_back_before_what_was_added_since(
        reopen: Callable[..., Store]) -> None:
    lists = reopen().lists
    lists.add("shopping", ["milk", "eggs"])
    assert lists.clear("shopping") == ("milk", "eggs")
    lists = reopen().lists
    assert lists.read("shopping") == ()
    assert lists.names() == ()
    lists.add("shopping", ["bread", "Eggs"])
    assert lists.restore("shopping") == ("milk",)
    assert lists.read("shopping") == ("milk", "bread", "Eggs")
    assert lists.restore("shopping") == ()


def test_clearing_an_empty_list_keeps_what_was_cleared_before(store: Store) -> None:
    assert store.lists.clear("shopping") == ()
    store.lists.add("shopping", ["milk"])
    store.lists.clear("shopping")
    assert store.lists.clear("shopping") == ()
    assert store.lists.restore("shopping") == ("milk",)


def test_a_list_takes_so_many_things_of_such_a_length_and_says_what_it_did_not_take(
        store: Store) -> None:
    long = "x" * 121
    assert store.lists.add("shopping", ["", " ", long]) == Added(refused=("", "", long[:120]))
    things = [f"thing {number}" for number in range(MAX_ITEMS + 2)]
    added = store.lists.add("shopping", things)
    assert added == Added(added=tuple(things[:MAX_ITEMS]), refused=tuple(things[MAX_ITEMS:]))
    store.lists.clear("shopping")
    store.lists.add("shopping", ["one more"])
    assert len(store.lists.restore("shopping")) == MAX_ITEMS - 1
    store.lists.remove("shopping", "one more")
    assert store.lists.restore("shopping") == (f"thing {MAX_ITEMS - 1}",)


def test_lists_are_bounded_and_an_empty_one_gives_way(store: Store) -> None:
    for number in range(MAX_LISTS):
        store.lists.add(f"list {number}", ["milk"])
    with pytest.raises(LimitError, match="lists"):
        store.lists.add("one more", ["milk"])
    store.lists.clear("list 3")
    store.lists.add("one more", ["milk"])
    assert len(store.lists.names()) == MAX_LISTS
    assert store.lists.restore("list 3") == ()


@pytest.mark.parametrize("name", ["", "!", "x" * 65])
def test_a_list_needs_a_name_that_can_be_said(store: Store, name: str) -> None:
    with pytest.raises(LimitError):
        store.lists.add(name, ["milk"])
    assert store.lists.read(name) == ()
