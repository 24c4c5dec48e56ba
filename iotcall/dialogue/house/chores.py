"""What the hub itself keeps for a home: timers and lists. Leaves out: keeping them (store).

A chore is described when it is understood and done when its plan is carried out, so that a
question in between holds it back too.
"""

from __future__ import annotations

from iotcall.catalogue import ToolCall
from iotcall.dialogue.house.settings import House
from iotcall.dialogue.outcomes import Chore, ListChore, Question, TimerChore
from iotcall.dialogue.words import words
from iotcall.speech.durations import duration


def chore_of(call: ToolCall, house: House) -> Chore | Question | None:
    """The chore of a call, or what must be asked first; None for the other tools."""
    arguments = {key: str(value) for key, value in call.arguments.items()}
    action, replies = arguments.get("action", ""), house.replies
    if call.name == "timer":
        said = arguments.get("duration", "")
        seconds = duration(said) if said else None
        if action == "start" and seconds is None:
            return Question(reply=replies.how_much["timer"])
        return TimerChore(action=action, name=arguments.get("name", ""),  # type: ignore[arg-type]
                          seconds=seconds)
    if call.name == "list":
        named = " ".join(words(arguments.get("name", "")))
        items = split_items(arguments.get("items", ""))
        if action in ("add", "remove") and not items:
            return Question(reply=replies.how_much["list"])
        return ListChore(action=action,  # type: ignore[arg-type]
                         list=house.lists.get(named, named) or house.lists[""], items=items)
    return None


def split_items(said: str) -> tuple[str, ...]:
    """"milk, eggs and two loaves of bread" -> its items; "mac and cheese" is the price."""
    text = said.replace(" plus ", ", ").replace(" & ", ", ")
    parts = [part for piece in text.split(",") for part in _split_and(piece)]
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


_TOGETHER = frozenset({("mac", "cheese"), ("fish", "chips"), ("salt", "vinegar"),
                       ("salt", "pepper"), ("bread", "butter"), ("gin", "tonic"),
                       ("half", "half"), ("ham", "cheese"), ("cheese", "onion")})


def _split_and(piece: str) -> list[str]:
    parts = piece.split(" and ")
    made = [parts[0]]
    for part in parts[1:]:
        before, after = made[-1].split(), part.split()
        if before and after and (before[-1].casefold(), after[0].casefold()) in _TOGETHER:
            made[-1] = f"{made[-1]} and {part}"
        else:
            made.append(part.removeprefix("and "))
    return made
