"""Lists and the journal beside a plain model of them, over restarts and crashes."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from iotcall.store import AlreadyBegun, Clocks, Intended, Store, StoreSettings, open_store
from iotcall.store import lists as lists_module

ENTRIES = 5  # that the journal keeps
ITEMS = 4  # that a list takes

# as said -> what it is
SAID = {"milk": "milk", "Milk": "milk", "MILK!": "milk", "eggs": "eggs", "Eggs": "eggs",
        "bread": "bread", "tea": "tea", "coffee": "coffee", "salt": "salt", "": "", "?": ""}


class Kept(RuleBasedStateMachine):
    """A store that may be closed and opened, and whose process may die."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.deaths, self.now = 0, 1_750_000_000.0
        self.store = self.opened()

    @property
    def path(self) -> Path:
        return self.folder / str(self.deaths) / "hub.db"

    def opened(self) -> Store:
        clocks = Clocks(wall=lambda: self.now, elapsed=lambda: self.now, boot="")
        return open_store(self.path, StoreSettings(journal_entries=ENTRIES), clocks=clocks)

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = self.opened()

    @rule()
    def die(self) -> None:
        """What a killed process leaves is the files as they are."""
        before = self.path.parent
        self.deaths += 1
        shutil.copytree(before, self.path.parent)
        self.store.close()
        self.store = self.opened()
        assert self.store.put_aside is None

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)


class ListsMachine(Kept):
    @initialize()
    def begin(self) -> None:
        self.smaller = mock.patch.object(lists_module, "MAX_ITEMS", ITEMS)
        self.smaller.start()
        self.items: dict[str, list[str]] = {"shopping": [], "todo": []}
        self.cleared: dict[str, list[str]] = {"shopping": [], "todo": []}

    def teardown(self) -> None:
        self.smaller.stop()
        super().teardown()

    @rule(name=st.sampled_from(["shopping", "todo"]),
          items=st.lists(st.sampled_from(sorted(SAID)), max_size=4))
    def add(self, name: str, items: list[str]) -> None:
        outcome = self.store.lists.add(name.title(), items)
        answers = {"added": list(outcome.added), "already": list(outcome.already),
                   "refused": list(outcome.refused)}
        for item in items:
            thing, there = SAID[item], self.items[name]
            what = ("refused" if not thing else "already" if thing in there
                    else "refused" if len(there) >= ITEMS else "added")
            assert answers[what].pop(0) == item
            if what == "added":
                there.append(thing)
        assert not any(answers.values())

    @rule(name=st.sampled_from(["shopping", "todo"]), item=st.sampled_from(sorted(SAID)))
    def remove(self, name: str, item: str) -> None:
        outcome = self.store.lists.remove(name, item)
        assert outcome.candidates == ()
        if SAID[item] in self.items[name]:
            assert outcome.item is not None
            assert SAID[outcome.item] == SAID[item]
            self.items[name].remove(SAID[item])
        else:
            assert outcome.item is None

    @rule(name=st.sampled_from(["shopping", "todo"]))
    def clear(self, name: str) -> None:
        assert [SAID[item] for item in self.store.lists.clear(name)] == self.items[name]
        if self.items[name]:
            self.cleared[name], self.items[name] = self.items[name], []

    @rule(name=st.sampled_from(["shopping", "todo"]))
    def restore(self, name: str) -> None:
        missing = [thing for thing in self.cleared[name] if thing not in self.items[name]]
        room = ITEMS - len(self.items[name])
        restored = [SAID[item] for item in self.store.lists.restore(name)]
        assert restored == missing[:room]
        self.items[name] = [*restored, *self.items[name]]
        self.cleared[name] = missing[room:]

    @invariant()
    def lists_are_as_in_the_model(self) -> None:
        for name, things in self.items.items():
            found = self.store.lists.read(name)
            assert [SAID[item] for item in found] == things


class JournalMachine(Kept):
    @initialize()
    def begin_model(self) -> None:
        self.entries: list[dict[str, Any]] = []  # kept ones, oldest first
        self.keys: dict[str, str] = {}  # utterance key -> id, oldest first

    @rule(key=st.sampled_from("abcdefgh"), site=st.sampled_from(["kitchen", "office"]),
          count=st.integers(0, 3), first=st.booleans())
    def begin(self, key: str, site: str, count: int, first: bool) -> None:
        self.now += 1
        commands = [Intended(command=b"%d" % number) for number in range(count)]
        if key in self.keys and not first:
            with pytest.raises(AlreadyBegun) as refused:
                self.store.journal.begin(key, site, None, commands)
            entry = refused.value.entry
            assert (entry.id if entry else None) == self.known(key)
            return
        entry_id = self.store.journal.begin(key, site, None, commands, first_delivery=first)
        self.keys.pop(key, None)
        self.keys[key] = entry_id
        self.entries.append({"id": entry_id, "site": site, "sent": [None] * count,
                             "verdicts": [None] * count})
        del self.entries[:-ENTRIES]
        for old in list(self.keys)[:-ENTRIES]:
            del self.keys[old]

    @precondition(lambda self: any(entry["sent"] for entry in self.entries))
    @rule(data=st.data())
    def sent(self, data: st.DataObject) -> None:
        entry, index = self.command(data)
        self.now += 1
        self.store.journal.sent(entry["id"], index)
        entry["sent"][index] = entry["sent"][index] or self.now

    @precondition(lambda self: any(entry["sent"] for entry in self.entries))
    @rule(data=st.data(),
          verdict=st.sampled_from(["accepted", "confirmed", "refused", "unconfirmed"]))
    def settled(self, data: st.DataObject, verdict: Any) -> None:
        entry, index = self.command(data)
        self.store.journal.settled(entry["id"], index, verdict)
        entry["verdicts"][index] = verdict

    @invariant()
    def journal_is_as_in_the_model(self) -> None:
        for model in self.entries:
            entry = self.store.journal.entry(model["id"])
            assert entry is not None
            assert entry.site == model["site"]
            assert [step.sent_at for step in entry.steps] == model["sent"]
            assert [step.verdict for step in entry.steps] == model["verdicts"]
        assert [entry.id for entry in self.store.journal.open_entries()] == [
            model["id"] for model in self.entries if None in model["verdicts"]]
        for key in "abcdefgh":
            seen = self.store.journal.seen(key)
            assert (seen.id if seen else None) == self.known(key)
        for site in ("kitchen", "office"):
            done = [model["id"] for model in self.entries if model["site"] == site
                    and {*model["verdicts"]} - {None, "refused"}]
            last = self.store.journal.last_done(site)
            assert (last.id if last else None) == (done[-1] if done else None)

    def known(self, key: str) -> str | None:
        kept = {model["id"] for model in self.entries}
        entry_id = self.keys.get(key)
        return entry_id if entry_id in kept else None

    def command(self, data: st.DataObject) -> tuple[dict[str, Any], int]:
        entry = data.draw(st.sampled_from([each for each in self.entries if each["sent"]]))
        return entry, data.draw(st.integers(0, len(entry["sent"]) - 1))


TestLists = ListsMachine.TestCase
TestJournal = JournalMachine.TestCase
TestLists.settings = TestJournal.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None)
