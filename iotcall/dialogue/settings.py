"""A catalogue's dialogue.toml: words, questions and replies. Leaves out: the home.

It ties a catalogue's tools to kinds of devices, so that another catalogue needs no code.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from iotcall.catalogue import Catalogue, Enumeration
from iotcall.devices import Command, Device, Kind, Value
from iotcall.dialogue.house.settings import House
from iotcall.dialogue.words import words

Unit = Literal["celsius", "fahrenheit"]


class Slot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which property an argument of a call sets."""

    property: str
    """Property of the tool's kind of device."""
    values: dict[str, str] = {}
    """Argument -> normalised word; empty: the argument is a number."""
    unit: Unit | None = None
    """Of a temperature."""


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which argument says where."""

    slot: str
    """Names a room or, like `door`, a device."""
    ask: str
    """Asked when the place cannot be known; {options} may stand in it."""


class SetTool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tool that sets devices of one kind."""

    kind: Kind
    slots: dict[str, Slot]
    """Argument -> what it sets, applied in this order; one of them must be said."""
    ask: str
    """Asked when none is."""
    place: Place | None = None
    """Absent: the catalogue has no word for the place."""
    everywhere: tuple[str, ...] = ()
    """More words that mean all devices, for this tool."""


class StatusTool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tool that asks what devices are like."""

    slot: str
    values: dict[str, Kind | Literal[""]]
    """Argument -> kind; empty: every kind."""
    place: str
    """Argument that names a room or a device."""
    ask: str
    """Asked when neither is said."""


class SceneTool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tool that sets a scene of the home."""

    slot: str
    ask: str
    """{options} may stand in it."""
    done: str
    missing: str
    """Said when the home has no such scene."""


class UnclearTool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tool by which the student says that it cannot help."""

    slot: str
    ask: dict[str, str]
    """Reason -> question that goes on with the dialogue."""
    refuse: dict[str, str]
    """Reason -> reply that ends it."""
    otherwise: str
    """Reply without a reason."""


class Confirm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command that is asked about before it is done."""

    kind: Kind
    property: str
    value: Value = ""
    above: float | None = None
    """Instead of one value: every number above it."""
    label: tuple[str, ...] = ()
    """Only of devices that are called so by their ecosystem, or whose name says such a word."""
    ask: str

    def concerns(self, told: Command) -> bool:
        """Whether the command is such a one, to a group's member as well."""
        return any(self._concerns(each, told) for each in (told.device, *told.device.members))

    def _concerns(self, device: Device, told: Command) -> bool:
        if (device.kind, told.property) != (self.kind, self.property):
            return False
        if self.above is None:
            if told.value != self.value:
                return False
        elif isinstance(told.value, str) or told.value <= self.above:
            return False
        said = {word for name in (device.name, device.label, *device.aliases)
                for word in words(name)}
        return not self.label or bool(said & set(self.label))


class Replies(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said, with the {placeholders} that may stand in it."""

    done: str
    """{subject} {is} {said}"""
    unconfirmed: str
    """{subject}: did not report what was commanded in time"""
    offline: str
    """{subject}: did not report and is known to be offline"""
    rest_done: str
    """Follows the two above when other devices have confirmed."""
    status: str
    """{subject} {is} {said}"""
    unknown_state: str
    """{subject}"""
    no_device: str
    """{kind} {place}"""
    no_device_at_all: str
    """{kind}"""
    unknown_place: str
    """{place}"""
    out_of_range: str
    """{subject} {low} {high}"""
    dropped: str
    """Answers a no."""
    not_understood: str
    refused: str = "{subject} did not take it."
    """{subject}: it, or its bridge, refused the command"""
    never: str = "I must not do that with {subject} by voice."
    """{subject}: the home's file says so"""
    never_here: str = "I must not do that with {subject} from here."
    """{subject}: the home's file says so of this satellite"""
    quiet: str = "I must not do that with {subject} before {time}."
    """{subject} {time}: the end of the home's quiet hours, 6:00"""
    too_many: str = "That is more than I may do in a minute. Please try again later."
    too_soon: str = "{subject} was told something just now. Please wait a moment."
    """{subject}"""
    gone: str = "{subject} is not there any more."
    """{subject}: vanished since it was asked about"""
    changed: str = "{subject} is not what it was when I asked. Please say that again."
    """{subject}: was described anew since it was asked about"""
    not_alone: str = "I left {subject} as it is: please say yes and nothing else."
    """{subject}: a yes stood beside another wish"""
    pin_enter: str = "Please enter the PIN."
    """Follows what is asked; never answered by voice"""
    pin_by_voice: str = "Please enter the PIN at the keypad. I do not take it by voice."
    pin_wrong: str = "That PIN is wrong."
    pin_locked: str = "After so many wrong PINs I take none for {minutes} minutes."
    """{minutes}: rounded up, 2 at least"""
    no_pin: str = "That needs a PIN, and this home has none."
    done_before: str = "That was done already."
    """Answers an utterance that comes again after the hub has ended"""
    interrupted: str = "I was interrupted, and I cannot tell whether all of that was done."
    """The same, where it is not known whether it was done"""
    not_kept: str = "My memory is full, so I leave out what must not be done twice."
    """The journal cannot be written"""


ASKS = {
    "lock.unlocked": "Should I unlock {subject}?", "lock.locked": "Should I lock {subject}?",
    "movement.open": "Should I open {subject}?", "movement.close": "Should I close {subject}?",
    "movement.stop": "Should I stop {subject}?", "state.on": "Should I switch on {subject}?",
    "state.off": "Should I switch off {subject}?",
    "position": "Should I move {subject} to {value}?", "": "Should I set {subject} to {value}?"}
"""Property.word or property -> how it is asked back; "": any other."""


class DialogueSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    history_turns: int
    """Earlier turns that the student sees, 0..16."""
    session_seconds: float
    """Silence after which a site's dialogue is forgotten."""
    confirm_seconds: float
    """How long a question of ours waits for its answer."""
    fallback_below: float
    """Confidence, 0..1, under which a call counts as not understood."""
    wish_from: float = 0.0
    """P(something is wanted at all), 0..1, under which a call counts as not understood: talk that
    sounds like a wish."""
    degrees: Unit
    """In which temperatures are said."""
    yes: tuple[str, ...]
    no: tuple[str, ...]
    polite: tuple[str, ...] = ()
    """May stand beside a yes or a no."""
    fillers: tuple[str, ...] = ()
    """Add nothing to the answer of a question."""
    everywhere: tuple[str, ...] = ()
    """Mean all devices where no place was said."""
    idioms: tuple[str, ...] = ()
    """Hold an `everywhere` word and do not mean it."""
    kinds: dict[Kind, tuple[str, str]]
    """Kind -> what one and several are called."""
    phrases: dict[Kind, dict[str, str]]
    """Kind -> property -> what is said after "is"; {value}."""
    replies: Replies
    confirm: tuple[Confirm, ...] = ()
    asks: dict[str, str] = {}
    """Property.word or property -> how it is asked back where no `confirm` says it, with {subject}
    and {value}; what is absent is asked as in `ASKS`."""
    set: dict[str, SetTool] = {}
    """Tools by name; every tool of the catalogue is in one of these four tables."""
    status: dict[str, StatusTool] = {}
    scene: dict[str, SceneTool] = {}
    unclear: dict[str, UnclearTool] = {}
    house: House | None = None
    """Words and replies of the `home` catalogue, whose tools are in none of the four tables."""


def options(catalogue: Catalogue, tool: str, slot: str) -> tuple[str, ...]:
    """The words that the catalogue allows for an argument; empty: any text or number."""
    for field in catalogue.tool(tool).parameters.fields:
        if field.name == slot and isinstance(field.node, Enumeration):
            return tuple(value for value in field.node.values if isinstance(value, str))
    return ()
