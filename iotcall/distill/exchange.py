"""Other words for a marked span: what may stand in its place. Leaves out: the rest of the sentence.

Words are exchanged within a role: a target for one of the same sort and number, a room for a room,
a file for a file; a number for another said in the same way; one value of the schema for another.
What a dialogue takes up again is exchanged everywhere in it, or nowhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any, Literal

import msgspec

from iotcall.catalogue import Boolean, Catalogue, Enumeration, Integer, Node, Number, Text
from iotcall.distill.house_names import HouseNames, Nouns
from iotcall.distill.invention import altered
from iotcall.distill.other_numbers import another, is_ambiguous, spoken_number, written
from iotcall.distill.restyle import name_like, number_like
from iotcall.distill.spans import (
    Facts,
    Key,
    Role,
    bare,
    beside,
    next_word,
    said_of,
    spoken_value,
    unmarked_of,
    value_of,
)
from iotcall.evaluate.marked import MarkedTurn, Span
from iotcall.speech import said_numbers

Sort = Literal["words", "choice", "number"]

_EXCHANGED = 0.8
"""Share of dialogues in which spans are exchanged."""
_FREQUENT = 8
"""Spans before the same next word, from which on that word is part of their role."""
_TRIES = 6
"""Draws of other words, until they are none that the dialogue has anyway."""
_LENGTH = re.compile(r"\b(second|sec|minute|min|hour|hr|half an)s?\b", re.IGNORECASE)
_DIGITS = re.compile(r"\^\[0-9\]\{(\d+)\}\$")
_THINGS = ("target", "except")


class ExchangeRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A catalogue's ``synthesis/exchange.toml``."""

    shared: tuple[str, ...] = ()
    """Arguments whose words may stand for the same argument of any tool."""
    kept: tuple[str, ...] = ()
    """Arguments whose words stay as written."""
    exact: tuple[str, ...] = ()
    """Arguments in which every sign counts: no slips, no change of case."""
    invented: float = 0.0
    """Share of exchanged words that are made up."""
    known: tuple[str, ...] = ()
    """Arguments whose words are never made up: by their sense one tells which argument they are."""
    small: tuple[str, ...] = ()
    """Arguments that are written in small letters, however they were said."""
    alone: bool = False
    """Every written dialogue stands for itself; otherwise several may follow each other."""


class Choice(msgspec.Struct, frozen=True):
    """What stands in a dialogue instead of what was written."""

    spans: dict[tuple[int, Span], str]
    """(turn, span) -> its words now."""
    words: dict[str, str]
    """A free text as written, in small letters -> as it is now."""
    values: dict[tuple[str, str], Any]
    """(argument, value as written) -> value of the schema now."""


class Exchange:
    """What stands where in the written dialogues."""

    def __init__(self, catalogue: Catalogue, dialogues: Sequence[tuple[MarkedTurn, ...]],
                 nouns: Nouns, rules: ExchangeRules) -> None:
        self.rules = rules
        self._nodes: dict[tuple[str, str], Node] = {
            (tool.name, field.name): field.node
            for tool in catalogue.tools for field in tool.parameters.fields}
        self._names = HouseNames(nouns)
        spans = [(turn, span) for dialogue in dialogues for turn in dialogue for span in turn.spans]
        rooms = [said_of(turn, span) for turn, span in spans if span.argument == "room"]
        self._names.learn(
            (said_of(turn, span) for turn, span in spans if span.argument in _THINGS), rooms)
        following = Counter((self._base(turn, span), next_word(turn, span))
                            for turn, span in spans)
        self._before_nouns = {key for key, count in following.items()
                              if count >= _FREQUENT and key[1]}
        self._uses: dict[str, set[Role]] = {}
        for dialogue in dialogues:
            for words, uses in self._used(dialogue).items():
                self._uses.setdefault(words, set()).update(uses)
        places = {room.casefold() for room in rooms}
        pools: dict[Role, dict[str, None]] = {}
        choices: dict[Key, dict[str, None]] = {}
        for turn, span in spans:
            said, value = said_of(turn, span), str(value_of(turn, span))
            if self.sort(turn, span) == "choice":
                choices.setdefault((span.argument, value), {})[said] = None
            elif self.sort(turn, span) == "words" and not said.casefold().startswith(
                    ("my ", "our ", "your ", "the ")) and not (
                    span.argument in _THINGS and value.casefold() in places
                    and not self._names.ending(said)):
                pools.setdefault(self._role(turn, span), {})[value] = None
        self._pools = {role: list(words) for role, words in pools.items()}
        self._choices = {key: list(words) for key, words in choices.items()}
        texts: dict[str, set[str]] = {}
        for turn, span in spans:
            texts.setdefault(span.argument, set()).add(str(value_of(turn, span)).casefold())
        self._named_by = {
            argument: {key for (_, key), node in self._nodes.items()
                       if isinstance(node, Enumeration)
                       and {spoken_value(value) for value in node.values} <= found}
            for argument, found in texts.items()}

    def sort(self, turn: MarkedTurn, span: Span) -> Sort:
        """How the span's words stand for its value."""
        node = self._nodes[turn.calls[span.call].name, span.argument]
        if isinstance(node, Enumeration | Boolean):
            return "choice"
        if isinstance(node, Integer | Number) or (
                isinstance(node, Text) and node.pattern and _DIGITS.fullmatch(node.pattern)):
            return "number"
        return "words"

    def is_words(self, tool: str, argument: str) -> bool:
        """Whether the argument is free text."""
        return isinstance(self._nodes[tool, argument], Text)

    def choose(self, dialogue: tuple[MarkedTurn, ...], random: Random) -> Choice:
        """Other words for the dialogue's spans; what is not in the choice stays."""
        chosen = Choice({}, {}, {})
        if random.random() > _EXCHANGED:
            return chosen
        facts = self._facts(dialogue)
        refused: set[Key] = set()
        for number, turn in enumerate(dialogue):
            for span in turn.spans:
                key = self._key(turn, span)
                if key in refused:
                    continue
                words = None
                if span.argument not in self.rules.kept and len(
                        {self.sort(turn, each) for each in turn.spans
                         if each.start == span.start}) == 1:
                    words = self._other_words(turn, span, facts, chosen, random)
                if words is None:
                    refused.add(key)
                else:
                    chosen.spans[number, span] = words
        for name, value in refused:
            chosen.values.pop((name, value), None)
            if not name:
                chosen.words.pop(value, None)
        for number, span in [(number, span) for number, span in chosen.spans
                             if self._key(dialogue[number], span) in refused]:
            del chosen.spans[number, span]
        return chosen

    def _key(self, turn: MarkedTurn, span: Span) -> Key:
        value = str(value_of(turn, span))
        return ("", value.casefold()) if self.sort(turn, span) == "words" else (
            span.argument, value)

    def _facts(self, dialogue: tuple[MarkedTurn, ...]) -> Facts:
        text = " | ".join(beside(turn) for turn in dialogue)
        spans = [(turn, span, str(value_of(turn, span)))
                 for turn in dialogue for span in turn.spans]
        unmarked = tuple(unmarked_of(dialogue))
        taken = {value.casefold() for turn, span, value in spans
                 if self.sort(turn, span) == "words"}
        texts = [*taken, *(str(value).casefold() for tool, key, value in unmarked
                           if self.is_words(tool, key))]
        held = {spoken_value(value) for tool, key, value in unmarked
                if not self.is_words(tool, key)}  # a value names them
        marked = frozenset((span.argument, value) for _, span, value in spans)
        hidden = {key for tool, key, value in unmarked if not self.is_words(tool, key)
                  and (key, str(value)) not in marked and spoken_value(value) not in taken}
        held |= {value.casefold() for turn, span, value in spans  # "patio" where "back" is meant
                 if hidden & self._named_by[span.argument]}
        held |= {whole for whole in taken if any(  # a part of them is taken up later
            part != whole and f" {bare(part)} " in f" {bare(whole)} " for part in texts)}
        held |= {words for words in taken if len(  # a room that is a thing too
            {span.argument == "room" for _, span, value in spans if value.casefold() == words}) > 1}
        if any(isinstance(self._nodes[turn.calls[span.call].name, span.argument], Number)
               and is_ambiguous(said_of(turn, span), value) for turn, span, value in spans):
            held |= taken  # what "twelve fifty" is depends on what it is for
        return Facts(
            beside=f" {bare(text)} ", numbers=frozenset(each.value for each in said_numbers(text)),
            held=frozenset(held), taken=frozenset(taken), unmarked=unmarked,
            marked=marked, uses=self._used(dialogue))

    def _used(self, dialogue: tuple[MarkedTurn, ...]) -> dict[str, frozenset[Role]]:
        """What is done with the things that no noun tells, "it" taken for any of them."""
        found: dict[str, set[Role]] = {}
        for turn in dialogue:
            for call in turn.calls:
                use = (call.name, str(call.arguments.get("property", "")))
                for argument in _THINGS:
                    words = str(call.arguments.get(argument, "")).casefold()
                    if words and not self._names.ending(words):
                        found.setdefault(words, set()).add(use)
                if "ref" in call.arguments:
                    for uses in found.values():
                        uses.add(use)
        return {words: frozenset(uses) for words, uses in found.items()}

    def _other_words(self, turn: MarkedTurn, span: Span, facts: Facts, chosen: Choice,
                     random: Random) -> str | None:
        """What is said in the span's place; None where it has to stay."""
        said, value, key = said_of(turn, span), value_of(turn, span), self._key(turn, span)
        match self.sort(turn, span):
            case "words":
                if key[1] in facts.held or facts.says(said):
                    return None
                if key[1] not in chosen.words:
                    chosen.words[key[1]] = self._another_text(turn, span, facts, chosen, random)
                other = chosen.words[key[1]]
                return other if span.literal else name_like(said, str(value), other)
            case "choice":
                if key not in chosen.values:
                    if not (values := self._free_values(key, facts, chosen)):
                        return None
                    chosen.values[key] = random.choice(values)
                pool = self._choices[key[0], str(chosen.values[key])]
                return _cased(random.choice(pool), said)
            case "number":
                return self._another_number(turn, span, facts, chosen, random)

    def _another_text(self, turn: MarkedTurn, span: Span, facts: Facts, chosen: Choice,
                      random: Random) -> str:
        """Drawn until it is none that the dialogue says anyway ("not X, X"); else as written."""
        value = str(value_of(turn, span))
        taken = {*facts.taken, *map(str.casefold, chosen.words.values())}
        for _ in range(_TRIES):
            other = self._other(turn, span, value, facts, random)
            if other.casefold() not in taken and not facts.says(other):
                return other
        return value

    def _other(self, turn: MarkedTurn, span: Span, value: str, facts: Facts,
               random: Random) -> str:
        role = self._role(turn, span)
        if role[0] == "value" and (number := spoken_number(role[2], value, random)):
            return number
        if role[0] == "target" and (made := self._names.target(role[1], role[2], random)):
            return made
        if role[0] == "room" and (made := self._names.room(random)):
            return made
        pool = self._pools.get(role, [value])
        if uses := facts.uses.get(value.casefold()):
            pool = [words for words in pool
                    if uses <= self._uses.get(words.casefold(), uses)] or [value]
        other = random.choice(pool)
        if span.argument not in self.rules.known and random.random() < self.rules.invented:
            other = altered(other, pool, random)
        return other

    def _free_values(self, key: Key, facts: Facts, chosen: Choice) -> list[str]:
        """What the value may become; nothing where others hang on it."""
        for _, argument, other in facts.unmarked:
            if (argument == key[0] and (argument, str(other)) not in facts.marked) or (
                    argument != key[0] and str(other) == key[1]):
                return []
        taken = {str(new) for (argument, _), new in chosen.values.items() if argument == key[0]}
        taken |= {value for argument, value in facts.marked if argument == key[0]} - {key[1]}
        if any(map(facts.says, self._choices[key])):
            return []
        return [value for argument, value in self._choices if argument == key[0]
                and value not in taken and not any(map(facts.says, self._choices[argument, value]))]

    def _another_number(self, turn: MarkedTurn, span: Span, facts: Facts, chosen: Choice,
                        random: Random) -> str | None:
        said, old = said_of(turn, span), value_of(turn, span)
        key = (span.argument, str(old))
        if key not in chosen.values:
            if any(argument == span.argument and str(value) != str(old)
                   for _, argument, value in facts.unmarked):
                return None  # "double it": it hangs on what was said
            taken = {value for argument, value in facts.marked if argument == span.argument}
            taken |= {str(new) for (argument, _), new in chosen.values.items()
                      if argument == span.argument}
            node = self._nodes[turn.calls[span.call].name, span.argument]
            drawn = (another(node, old, random) for _ in range(_TRIES))
            new = next((each for each in drawn if str(each) not in taken
                        and Decimal(str(each)) not in facts.numbers), None)
            if new is None or Decimal(str(old)) in facts.numbers:
                return None
            chosen.values[key] = new
        new = chosen.values[key]
        words = number_like(said, written(old), written(new))
        if words is None or (not isinstance(old, str) and Decimal(str(new)) not in {
                each.value for each in said_numbers(words)}):
            return None
        return words

    def _base(self, turn: MarkedTurn, span: Span) -> Role:
        made, argument = turn.calls[span.call], span.argument
        if argument in self.rules.shared:
            return (argument,)
        return (argument, made.name, str(made.arguments.get("property", "")))

    def _role(self, turn: MarkedTurn, span: Span) -> Role:
        words, made = said_of(turn, span), turn.calls[span.call]
        if span.argument in _THINGS:
            ending = self._names.ending(words)
            if " and " in words or "," in words:
                return ("target", "several", made.name)
            if ending:
                return ("target", ending.sort, ending.number)
            return ("target", made.name, str(made.arguments.get("property", "")))
        if span.argument == "room":
            # a door's place is none of a lamp's
            return ("room", str(made.arguments.get("device_type", "")))
        base, following = self._base(turn, span), next_word(turn, span)
        shape = "length" if _LENGTH.search(words) else ""
        return (*base, shape, following if (base, following) in self._before_nouns else "")



def _cased(words: str, like: str) -> str:
    return words[:1].upper() + words[1:] if like[:1].isupper() else words
