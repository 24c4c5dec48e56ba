"""Shopping, to-do and any other list of things. Leaves out: understanding what was listed.

Lists belong to the whole home. What differs in case, width or punctuation only is one thing.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Sequence

import msgspec

from iotcall.errors import LimitError
from iotcall.store.backend import Backend, Change, Drop, Put, Row, read_body
from iotcall.store.clocks import Clocks
from iotcall.store.texts import bounded, folded, plain

MAX_LISTS = 32
MAX_ITEMS = 200
"""Of one list."""
MAX_ITEM_CHARACTERS = 120
MAX_NAME_CHARACTERS = 64

_ALIKE = 0.82  # of difflib's ratio: `egg` is `eggs` (0.86), `beans` are no `beads` (0.80)
_AS_ALIKE = 0.02  # ratios that differ by less say nothing about which was meant


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a wish to add; together all that was given, each in its order."""

    added: tuple[str, ...] = ()
    already: tuple[str, ...] = ()
    """Were there before, or were given twice."""
    refused: tuple[str, ...] = ()
    """Empty or too long, or the list is full. Shortened to what an item may have."""


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a wish to remove."""

    item: str | None = None
    """The one that is gone, as it was added."""
    candidates: tuple[str, ...] = ()
    """Where several fit alike, and none was removed: ask which. Both empty: none fits."""


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    items: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()
    """What the last clearing took, for as long as it was not put back."""


class Lists:
    """All lists of the home, by name. Thread-safe."""

    def __init__(self, backend: Backend, clocks: Clocks) -> None:
        self._backend, self._clocks = backend, clocks
        self._changing = threading.Lock()

    def add(self, name: str, items: Sequence[str]) -> Added:
        """Add what is not there yet, as much as fits; a new list where there is none.

        Where there are as many lists as may be, the oldest with nothing on it gives way.

        Raises:
            LimitError: the name is empty or too long, or a list too many.
            StoreFull: no room; nothing was added.
        """
        with self._changing:
            kept, making_room = self._for_adding(name)
            there = {folded(item) for item in kept.items}
            added, already, refused = list[str](), list[str](), list[str]()
            for item in map(plain, items):
                key = folded(item)
                if key and key in there:
                    already.append(item)
                elif (not key or len(item) > MAX_ITEM_CHARACTERS
                      or len(kept.items) + len(added) >= MAX_ITEMS):
                    refused.append(item[:MAX_ITEM_CHARACTERS])
                else:
                    added.append(item)
                    there.add(key)
            if added:
                self._put(msgspec.structs.replace(kept, items=(*kept.items, *added)), making_room)
        return Added(added=tuple(added), already=tuple(already), refused=tuple(refused))

    def remove(self, name: str, item: str) -> Removed:
        """Remove the item that fits best: the same, else one with its words, else one like it."""
        with self._changing:
            kept = self._kept(name)
            found = () if kept is None else _best(item, kept.items)
            if kept is None or len(found) != 1:
                return Removed(candidates=found)
            left = tuple(each for each in kept.items if each != found[0])
            self._put(msgspec.structs.replace(kept, items=left))
        return Removed(item=found[0])

    def read(self, name: str) -> tuple[str, ...]:
        """Its items in the order in which they were added; nothing where there is no such list."""
        kept = self._kept(name)
        return () if kept is None else kept.items

    def names(self) -> tuple[str, ...]:
        """The lists with something on them, sorted."""
        return tuple(sorted(kept.name for kept in self._all().values() if kept.items))

    def clear(self, name: str) -> tuple[str, ...]:
        """Take everything off; what that was. `restore` puts it back."""
        with self._changing:
            kept = self._kept(name)
            if kept is None or not kept.items:
                return ()  # and what an earlier clearing took can still be put back
            self._put(msgspec.structs.replace(kept, items=(), cleared=kept.items))
        return kept.items

    def restore(self, name: str) -> tuple[str, ...]:
        """Put back what the last `clear` took, before what was added since; what that was.

        What is there again stays once, and what does not fit stays to be restored.
        """
        with self._changing:
            kept = self._kept(name)
            if kept is None or not kept.cleared:
                return ()
            there = {folded(item) for item in kept.items}
            missing = tuple(item for item in kept.cleared if folded(item) not in there)
            room = MAX_ITEMS - len(kept.items)
            back, left = missing[:room], missing[room:]
            self._put(msgspec.structs.replace(kept, items=(*back, *kept.items), cleared=left))
        return back

    def _for_adding(self, name: str) -> tuple[_Kept, tuple[Change, ...]]:
        """The list, and what must go where it is a new one and there are as many as may be."""
        if kept := self._kept(name):
            return kept, ()
        shown = bounded(plain(name), MAX_NAME_CHARACTERS, "a list's name")
        if not _key(name):
            raise LimitError("lists without a name", 1, 0)
        everything = self._all()
        if len(everything) < MAX_LISTS:
            return _Kept(name=shown), ()
        empty = [row for row, kept in everything.items() if not kept.items]
        if not empty:
            raise LimitError("lists", len(everything) + 1, MAX_LISTS)
        return _Kept(name=shown), (Drop("list", empty[0].key),)

    def _kept(self, name: str) -> _Kept | None:
        row = self._backend.row("list", _key(name))
        return None if row is None else read_body(row, _Kept)

    def _all(self) -> dict[Row, _Kept]:
        """Oldest first."""
        found = {row: read_body(row, _Kept) for row in self._backend.rows("list")}
        return {row: kept for row, kept in found.items() if kept is not None}

    def _put(self, kept: _Kept, before: Sequence[Change] = ()) -> None:
        self._backend.commit([*before, Put(kind="list", key=_key(kept.name),
                                           at=self._clocks.wall(), body=msgspec.json.encode(kept))])


def _key(name: str) -> str:
    """`To-do`, `to do` and `todo` are one list."""
    return folded(name).replace(" ", "")


def _best(wanted: str, items: Sequence[str]) -> tuple[str, ...]:
    """The items that fit best and alike; mostly one."""
    key = folded(wanted)
    if not key:
        return ()
    keys = {item: folded(item) for item in items}
    if same := tuple(item for item in items if keys[item] == key):
        return same
    words = set(key.split())
    if holding := tuple(item for item in items if words <= set(keys[item].split())):
        return holding
    ratios = {item: difflib.SequenceMatcher(a=key, b=keys[item]).ratio() for item in items}
    best = max(ratios.values(), default=0.0)
    return tuple(item for item in items
                 if best >= _ALIKE and ratios[item] >= best - _AS_ALIKE)
