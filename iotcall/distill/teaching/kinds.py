"""What a teacher is asked to write, and in whose voice. Leaves out: the request around it."""

from __future__ import annotations

from difflib import get_close_matches

import msgspec

from iotcall.errors import InputError


class Kind(msgspec.Struct, frozen=True):
    """One way in which dialogues differ."""

    name: str
    says: str
    """The instruction."""
    keeps: bool = False
    """Whether the calls of the dialogue that it starts from stay as they are."""


KINDS = (
    Kind("paraphrase", "Say every turn of the dialogue in other words: other verbs, another order, "
         "another length. What is wanted stays exactly the same, and so do the calls.", True),
    Kind("indirect", "Say the wish of the dialogue indirectly: as a remark about how things are, "
         "a question, a complaint or a hint, so that the wish can still be told without doubt. "
         "The calls stay the same.", True),
    Kind("noise", "Say every turn as a speech recogniser writes it down: no punctuation, no "
         "capitals, words that sound alike in each other's place, a word dropped or doubled. A "
         "listener must still be able to tell what is meant. The calls stay the same.", True),
    Kind("filler", "Say every turn as people talk: politeness, false starts, ums, a reason before "
         "or behind that asks for nothing. The calls stay the same.", True),
    Kind("other_values", "Write a dialogue of the same shape about other things: other places, "
         "names, numbers and states, as the tools allow them."),
    Kind("follow_up", "Write a dialogue of two to four turns in which each later turn leans on the "
         "ones before it: \"the other one too\", \"a bit more\", \"and there?\"."),
    Kind("pronoun", "Write a dialogue of two or three turns in which later turns name what was "
         "named before by \"it\", \"them\", \"that one\", \"there\" only."),
    Kind("ellipsis", "Write a dialogue of two or three turns in which later turns leave out all "
         "that can be understood from before: one to three words each."),
    Kind("correction", "Write a dialogue in which the person takes something back: within one "
         "sentence (\"the left, no, the right one\") or in the next turn (\"I meant ten\"). The "
         "calls do what was meant in the end."),
    Kind("slot_filling", "Write a dialogue in which the person first leaves out something that "
         "matters and gives it in the turns that follow. Each call holds what is known by then."),
    Kind("several", "Write turns in which two or more things are wanted in one breath, as far as "
         "one answer may hold several calls."),
    Kind("ambiguous", "Write a turn that can be understood in two ways, so that nobody could tell "
         "which. It is answered as the tools provide for unclear wishes."),
    Kind("off_topic", "Write a turn that asks for nothing the tools do: chat, a question about the "
         "world, words meant for somebody else in the room. It is answered as the tools provide."),
    Kind("unsupported", "Write a turn that asks for something near to what the tools do, which "
         "none of them can do. It is answered as the tools provide."),
)

VOICES = (
    "a teenager of few words", "a grandfather who tells why he asks", "somebody in a hurry",
    "somebody who learnt the language late and translates word for word",
    "a child of seven", "somebody with a hoarse voice and short breath",
    "somebody who is very polite", "somebody who swears mildly at appliances",
    "an engineer who names things exactly", "somebody half asleep",
    "somebody calling from the next room", "somebody who types with two thumbs and fixes nothing",
    "somebody from the countryside, with the turns of phrase of the place",
    "somebody who thinks aloud and comes to the point last", "a host with guests at the table",
    "somebody who speaks in headlines",
)


def kinds_named(names: str) -> tuple[Kind, ...]:
    """The kinds of a list of names between commas; all where it is empty.

    Raises:
        InputError: there is none of that name; lists them.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    known = {kind.name: kind for kind in KINDS}
    for name in wanted:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise InputError(f"--kinds: there is no kind {name!r}; " + (
                f"did you mean {near[0]!r}?" if near else f"expected some of {', '.join(known)}"))
    return tuple(known[name] for name in dict.fromkeys(wanted)) or KINDS
