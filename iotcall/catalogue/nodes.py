"""What a parameter may hold: a small tree of nodes, each a set of JSON values.

Leaves out: JSON Schema (see schema), any text form (see formats).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import msgspec

from iotcall.catalogue.presence import Presence


class Source(msgspec.Struct, frozen=True):
    """Where a value must come from, when an utterance is answered."""

    kind: Literal["said", "registry"]
    """said: from the dialogue's own words; registry: a name of the home."""
    name: str = ""
    """Which names of the registry: areas, devices, scenes, aliases, or a home's own list."""
    derived: tuple[tuple[str, int | float | str], ...] = ()
    """Phrases that stand for a value when they are said: ``("half", 50)``."""


class Enumeration(msgspec.Struct, frozen=True, tag=True):
    """One of some given JSON values (enum, const)."""

    values: tuple[Any, ...]


class Integer(msgspec.Struct, frozen=True, tag=True):
    minimum: int
    """Inclusive, a multiple of `step`."""
    maximum: int
    """Inclusive, a multiple of `step`."""
    step: int = 1
    source: Source | None = None


class Number(msgspec.Struct, frozen=True, tag=True):
    """A decimal that is a multiple of `step`; integers are numbers too."""

    minimum: Decimal
    """Inclusive, a multiple of `step`."""
    maximum: Decimal
    """Inclusive, a multiple of `step`."""
    step: Decimal
    """0.01 for amounts in cents."""
    source: Source | None = None

    @property
    def digits(self) -> int:
        """Digits after the point, at most."""
        return decimal_places(self.step)


class Boolean(msgspec.Struct, frozen=True, tag=True):
    pass


class Null(msgspec.Struct, frozen=True, tag=True):
    pass


class Text(msgspec.Struct, frozen=True, tag=True):
    min_length: int
    """Unicode characters."""
    max_length: int
    """Unicode characters."""
    pattern: str | None = None
    """Regular expression of JSON Schema: matches anywhere unless it is anchored."""
    format: str | None = None
    """A key of `iotcall.catalogue.text_formats.FORMATS`."""
    source: Source | None = None


class Array(msgspec.Struct, frozen=True, tag=True):
    items: Node
    min_items: int
    max_items: int


class Field(msgspec.Struct, frozen=True):
    name: str
    node: Node
    required: bool


class Object(msgspec.Struct, frozen=True, tag=True):
    """An object that is closed: only declared fields, in declared order."""

    fields: tuple[Field, ...]
    presence: Presence = True
    """Which fields may stand together, besides `Field.required`."""


class Mapping(msgspec.Struct, frozen=True, tag=True):
    """An object without declared fields: at most one entry under a name of the student's own.

    One, since no finite automaton keeps several free names apart.
    """

    values: Node
    min_entries: int
    """0 or 1."""


class Union(msgspec.Struct, frozen=True, tag=True):
    """A value of any of the options; it may fit several."""

    options: tuple[Node, ...]


Node = (Enumeration | Integer | Number | Boolean | Null | Text | Array | Object | Mapping | Union)

MAPPING_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,31}"
"""What a mapping's entry may be called: what every wire format can write."""


def weight(node: Node) -> int:
    """How many values, one by one, it takes to write the node out once with all its repetitions."""
    match node:
        case Enumeration(values):
            return len(values)
        case Array(items, _, high):
            return 1 + high * weight(items)
        case _:
            return 1 + sum(map(weight, children(node)))


def decimal_places(number: Decimal) -> int:
    """Digits after the point that it takes to write the number: 2 of 0.25."""
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly inside."""
    match node:
        case Array(items):
            return (items,)
        case Object(fields):
            return tuple(field.node for field in fields)
        case Mapping(values):
            return (values,)
        case Union(options):
            return options
        case _:
            return ()
