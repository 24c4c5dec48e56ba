"""What the hub says and asks for the `home` catalogue: ``[house]`` in its dialogue.toml.

Leaves out: what it has in common with closed catalogues (`iotcall.dialogue.settings`).
"""

from __future__ import annotations

import msgspec

from iotcall.dialogue.house.nouns import Noun

HOUSE_TOOLS = frozenset({
    "turn", "set", "adjust", "set_color", "set_white", "set_mode", "cover", "lock", "media",
    "vacuum", "scene", "query", "timer", "list", "confirm", "cancel", "undo", "again", "off_topic",
    "unclear"})
"""Tools of the `home` catalogue; the resolver knows what each of them means."""
HOUSE_PLACEHOLDERS: dict[str, tuple[str, ...]] = {
    "which_one": ("options",), "which_room": (), "which_scene": ("options",), "none_left": (),
    "scene": ("name",), "unknown_device": ("name",), "unknown_scene": ("name",),
    "none_there": ("name", "place"), "cannot": ("subject",), "knows": ("subject", "options"),
    "range": ("subject", "low", "high", "unit"), "unread_value": ("value", "subject"),
    "unknown_state": ("subject",), "nothing_measured": ("property", "place"), "undone": (),
    "nothing_to_undo": (), "nothing_to_repeat": (), "off_topic": (), "unclear": (),
    "nothing_open": (), "timer_started": ("name", "duration"), "timer_cancelled": ("name",),
    "timer_left": ("name", "duration"), "timer_over": ("name",), "no_timer": (),
    "which_timer": ("options",), "list_added": ("items", "list"), "list_had": ("items", "list"),
    "list_removed": ("items", "list"), "list_without": ("items", "list"),
    "list_read": ("items", "list"), "list_empty": ("list",), "list_cleared": ("list",),
    "list_full": ("list",), "not_kept": ()}
"""Reply -> what may stand in it."""


class Replies(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said, with the {placeholders} that may stand in it."""

    which_one: str
    """{options}"""
    which_room: str
    which_scene: str
    """{options}"""
    which_what: dict[str, str]
    """Tool -> question where nothing was said of which device; {action}"""
    how_much: dict[str, str]
    """Property, or tool -> question where no value was said"""
    unknown_device: str
    """{name}"""
    unknown_scene: str
    """{name}"""
    none_there: str
    """{name} {place}"""
    cannot: str
    """{subject}: has no such ability"""
    knows: str
    """{subject} {options}: knows these words only"""
    range: str
    """{subject} {low} {high} {unit}"""
    unread_value: str
    """{value}: no number, colour, time or mode that could be read"""
    unknown_state: str
    """{subject}: asked for more or less of what was never heard"""
    none_left: str
    """All devices that were meant are spared"""
    scene: str
    """{name}: is set"""
    nothing_measured: str
    """{property} {place}"""
    undone: str
    nothing_to_undo: str
    nothing_to_repeat: str
    off_topic: str
    unclear: str
    nothing_open: str
    """Answers a yes or a no to which nothing was asked"""
    timer_started: str
    """{name} {duration}"""
    timer_cancelled: str
    """{name}"""
    timer_left: str
    """{name} {duration}"""
    timer_over: str
    """{name}"""
    no_timer: str
    which_timer: str
    """{options}"""
    list_added: str
    """{items} {list}"""
    list_had: str
    """{items} {list}: stood there already"""
    list_removed: str
    """{items} {list}"""
    list_without: str
    """{items} {list}: did not stand there"""
    list_read: str
    """{items} {list}"""
    list_empty: str
    """{list}"""
    list_cleared: str
    """{list}"""
    list_full: str
    """{list}"""
    not_kept: str
    """A timer or list could not be kept"""


class House(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table ``[house]``."""

    nouns: tuple[Noun, ...]
    """Words for sorts of devices; the first that fits the end of a phrase longest counts."""
    steps: dict[str, float]
    """Property -> what "a bit more" is, in its unit."""
    modes: dict[str, str]
    """Word that people say -> mode or preset: heating -> heat."""
    units: dict[str, str]
    """Property -> its unit as it is said."""
    properties: dict[str, str]
    """Property -> what it is called."""
    property_words: dict[str, tuple[str, ...]]
    """Property -> words by which a person names it: one that was not named is a guess, which gives
    way to the only one that the device has."""
    states: dict[str, dict[str, str]]
    """Property -> normalised word -> what is said after "is"."""
    done: dict[str, str]
    """Property, or property.word -> what is said after "is" of a command; {value}; a property that
    is absent is said as its state is."""
    lists: dict[str, str]
    """Words for a list -> the list: groceries -> shopping; "" -> where no list was named."""
    replies: Replies
    scene_words: tuple[str, ...] = ()
    """What may stand beside a scene's name where nothing else is said: "movie time now"."""
    complaints: dict[str, tuple[str, str]] = {}
    """What is complained of where nothing else is said -> property and way of the remedy: "too
    bright" -> brightness, down."""
    complaint_words: tuple[str, ...] = ()
    """What may stand beside a complaint: "it's", "in here"."""
    verbs: tuple[str, ...] = ()
    """Words with which a command begins, by which several in one breath are told apart."""
