"""Which fields of an object may stand together, as a small propositional formula.

``dependencies``, ``not: {required}``, ``minProperties`` and alternatives that differ only in what
they require become one. Leaves out: what the fields hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec


class Has(msgspec.Struct, frozen=True, tag=True):
    """The field is there."""

    name: str


class Not(msgspec.Struct, frozen=True, tag=True):
    inner: Rule


class Count(msgspec.Struct, frozen=True, tag=True):
    """Between `low` and `high` of the rules hold."""

    rules: tuple[Rule, ...]
    low: int
    high: int


Rule = Has | Not | Count
Presence = bool | Rule
"""True: anything goes; False: no object can fit."""


def all_of(rules: Iterable[Presence]) -> Presence:
    """Every rule holds."""
    kept = list(rules)
    return _count(kept, len(kept), len(kept))


def any_of(rules: Iterable[Presence]) -> Presence:
    """At least one rule holds."""
    kept = list(rules)
    return _count(kept, 1, len(kept))


def one_of(rules: Iterable[Presence]) -> Presence:
    """Exactly one rule holds."""
    return _count(list(rules), 1, 1)


def negation(rule: Presence) -> Presence:
    """The rule does not hold."""
    if isinstance(rule, bool):
        return not rule
    return rule.inner if isinstance(rule, Not) else Not(rule)


def count_of(names: Iterable[str], low: int, high: int) -> Presence:
    """Between `low` and `high` of the fields are there."""
    return _count([Has(name) for name in names], low, high)


def decide(rule: Presence, name: str, present: bool) -> Presence:
    """What is left of the rule once it is known whether the field is there."""
    return _simplify(rule, lambda found: present if found == name else Has(found))


def holds(rule: Presence, names: Iterable[str]) -> bool:
    """Whether the rule holds where exactly these fields are there."""
    there = set(names)
    return _simplify(rule, lambda found: found in there) is True


def _simplify(rule: Presence, known: Callable[[str], Presence]) -> Presence:
    match rule:
        case Has(name):
            return known(name)
        case Not(inner):
            return negation(_simplify(inner, known))
        case Count(rules, low, high):
            return _count([_simplify(inner, known) for inner in rules], low, high)
        case _:
            return rule


def _count(rules: list[Presence], low: int, high: int) -> Presence:
    sure = sum(rule is True for rule in rules)
    open_rules = tuple(rule for rule in rules if not isinstance(rule, bool))
    low, high = max(0, low - sure), high - sure
    if high < 0 or low > len(open_rules):
        return False
    if low == 0 and high >= len(open_rules):
        return True
    if len(open_rules) == 1:  # exactly it, or exactly not it
        return open_rules[0] if low else negation(open_rules[0])
    return Count(open_rules, low, min(high, len(open_rules)))
