"""Do what the hub does itself: timers and lists, and say what came of it. Leaves out: keeping them.

Lists and timers are in the store; what was understood is a `Chore`.
"""

from __future__ import annotations

import re

import structlog

from iotcall.dialogue.house.settings import Replies
from iotcall.dialogue.outcomes import Chore, ListChore, TimerChore
from iotcall.dialogue.phrasing import joined, sentence
from iotcall.errors import InputError, LimitError, StoreError
from iotcall.store import Due, Lists, Store, Timer, Timers

_log = structlog.get_logger(__name__)


def do_chore(chore: Chore, store: Store, replies: Replies, *, site: str, key: str) -> str:
    """What to say of it. `key` is the utterance's: one that comes twice starts one timer."""
    try:
        with store.lock():  # they are the whole home's
            if isinstance(chore, TimerChore):
                return sentence(_timer(chore, store.timers, replies, site, key))
            return sentence(_list(chore, store.lists, replies))
    except (StoreError, LimitError, InputError) as error:
        _log.error("chore.failed", reason=str(error))
        return replies.not_kept


def rung(due: Due, replies: Replies) -> str:
    """What is said of a timer that has run out."""
    return sentence(replies.timer_over.format(name=_name(due.timer)))


def _timer(chore: TimerChore, timers: Timers, replies: Replies, site: str, key: str) -> str:
    match chore.action:
        case "start":
            assert chore.seconds is not None
            timer = timers.start(chore.seconds, name=chore.name, site=site, key=key)
            return replies.timer_started.format(name=_name(timer),
                                                duration=spoken_duration(chore.seconds))
        case "cancel":
            gone = timers.cancel(name=chore.name, duration_seconds=chore.seconds, site=site)
            if gone.timer:
                return replies.timer_cancelled.format(name=_name(gone.timer))
            return _which(gone.candidates, replies)
    found = timers.running(name=chore.name, duration_seconds=chore.seconds, site=site)
    if not found:
        return replies.no_timer
    return " ".join(sentence(replies.timer_left.format(
        name=_name(timer), duration=spoken_duration(timer.remaining_seconds)))
        for timer in found)


def _which(candidates: tuple[Timer, ...], replies: Replies) -> str:
    if not candidates:
        return replies.no_timer
    names = [f"the {_name(timer)}" for timer in candidates]
    return replies.which_timer.format(options=joined(names, "or"))


def _list(chore: ListChore, lists: Lists, replies: Replies) -> str:
    name = chore.list
    match chore.action:
        case "add":
            found = lists.add(name, chore.items)
            said = [text.format(items=joined(items, "and"), list=name)
                    for text, items in ((replies.list_added, found.added),
                                        (replies.list_had, found.already),
                                        (replies.list_full, found.refused)) if items]
            return " ".join(map(sentence, said))
        case "remove":
            gone = {item: lists.remove(name, item).item for item in chore.items}
            removed = [found for found in gone.values() if found]
            missed = [item for item, found in gone.items() if not found]
            said = [text.format(items=joined(items, "and"), list=name)
                    for text, items in ((replies.list_removed, removed),
                                        (replies.list_without, missed)) if items]
            return " ".join(map(sentence, said))
        case "clear":
            lists.clear(name)
            return replies.list_cleared.format(list=name)
    items = lists.read(name)
    if not items:
        return replies.list_empty.format(list=name)
    return replies.list_read.format(items=joined(items, "and"), list=name)


def _name(timer: Timer) -> str:
    """ "pasta timer", or "10 minute timer" where it has no name."""
    length = re.sub(r"(day|hour|minute|second)s\b", r"\1", spoken_duration(timer.duration_seconds))
    return f"{timer.name or length} timer"


def spoken_duration(seconds: float) -> str:
    """An hour and a half as "1 hour and 30 minutes"; two parts at most."""
    left = max(0, round(seconds))
    parts = []
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}{'s' * (count > 1)}")
    return joined(parts[:2], "and") or "0 seconds"
