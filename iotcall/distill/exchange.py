"""Other words for a marked span: what may stand in its place. Leaves out: the rest of the sentence.

Words are exchanged within a role: a target for one of the same sort and number, a room for a room,
a file for a file; a number for another said in the same way; one value of the schema for another.
What a dialogue takes up again is exchanged everywhere in it, or nowhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from random import Random
from typing import Any, Literal

import msgspec

from iotcall.catalogue import Boolean, Catalogue, Enumeration, Integer, Node, Number, Text
from iotcall.distill.house_names import HouseNames, Nouns
from iotcall.distill.invention import altered
from iotcall.distill.restyle import name_like, number_like
from iotcall.evaluate.marked import MarkedTurn, Span
from iotcall.speech import said_numbers

Role = tuple[str, ...]
Sort = Literal["words", "choice", "number"]

_EXCHANGED = 0.8
"""Share of dialogues in which spans are exchanged."""
_FREQUENT = 8
"""Spans before the same next word, from which on that word is part of their role."""
_NUMBERS = {"brightness": (1, 100), "volume": (0, 100), "position": (0, 100), "speed": (1, 100),
            "temperature": (5, 30)}
"""Of spoken values whose schema is free text: by the property that is set."""
_MOST = 5000
"""Largest number drawn, where the schema has no smaller limit."""
_LENGTH = re.compile(r"\b(second|sec|minute|min|hour|hr|half an)s?\b", re.IGNORECASE)
_DIGITS = re.compile(r"\^\[0-9\]\{(\d+)\}\$")


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
                 nouns: Nouns, rules: ExchangeRules = ExchangeRules()) -> None:
        self.rules = rules
        self._nodes: dict[tuple[str, str], Node] = {
            (tool.name, field.name): field.node
            for tool in catalogue.tools for field in tool.parameters.fields}
        self._names = HouseNames(nouns)
        spans = [(turn, span) for dialogue in dialogues for turn in dialogue for span in turn.spans]
        self._names.learn(
            (_said(turn, span) for turn, span in spans if span.argument in ("target", "except")),
            (_said(turn, span) for turn, span in spans if span.argument == "room"))
        following = Counter((self._base(turn, span), _next_word(turn, span))
                            for turn, span in spans)
        self._before_nouns = {key for key, count in following.items()
                              if count >= _FREQUENT and key[1]}
        pools: dict[Role, dict[str, None]] = {}
        choices: dict[tuple[str, str], dict[str, None]] = {}
        for turn, span in spans:
            said, value = _said(turn, span), _value(turn, span)
            if self.sort(turn, span) == "choice":
                choices.setdefault((span.argument, str(value)), {})[said] = None
            elif self.sort(turn, span) == "words" and not said.casefold().startswith(
                    ("my ", "our ", "your ", "the ")):
                pools.setdefault(self._role(turn, span), {})[str(value)] = None
        self._pools = {role: list(words) for role, words in pools.items()}
        self._choices = {key: list(words) for key, words in choices.items()}

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
        places = [(number, span) for number, turn in enumerate(dialogue) for span in turn.spans]
        unmarked = list(_unmarked(dialogue))
        held = self._held(dialogue, unmarked)
        refused: set[str] = set()
        for number, span in places:
            turn = dialogue[number]
            said, value = _said(turn, span), _value(turn, span)
            if span.argument in self.rules.kept or (
                    len({self.sort(turn, each) for each in turn.spans
                         if each.start == span.start}) > 1):
                continue
            match self.sort(turn, span):
                case "words":
                    if str(value).casefold() not in held:
                        self._words(turn, span, chosen, number, random)
                case "choice":
                    self._choice(span, value, dialogue, chosen, random)
                    new = chosen.values.get((span.argument, str(value)))
                    if new is not None:
                        pool = self._choices[span.argument, str(new)]
                        chosen.spans[number, span] = _cased(random.choice(pool), said)
                case "number":
                    if f"{span.argument} {value}" in refused:
                        continue
                    if not self._number(turn, span, unmarked, chosen, number, random):
                        refused.add(f"{span.argument} {value}")
        for key in [key for key in chosen.values if f"{key[0]} {key[1]}" in refused]:
            del chosen.values[key]
            for place in [(number, span) for number, span in chosen.spans
                          if (span.argument, str(_value(dialogue[number], span))) == key]:
                del chosen.spans[place]
        return chosen

    def _held(self, dialogue: tuple[MarkedTurn, ...],
              unmarked: Sequence[tuple[str, str, Any]]) -> set[str]:
        """Free texts that must stay: a part of them is taken up later, or a value names them."""
        texts = [str(value).casefold() for tool, key, value in unmarked
                 if self.is_words(tool, key)]
        texts += [str(_value(turn, span)).casefold() for turn in dialogue for span in turn.spans
                  if self.sort(turn, span) == "words"]
        named = {str(value).replace("_", " ").casefold() for tool, key, value in unmarked
                 if not self.is_words(tool, key)}
        return named | {text for text in texts
                        if any(part != text and part in text for part in texts)}

    def _words(self, turn: MarkedTurn, span: Span, chosen: Choice, number: int,
               random: Random) -> None:
        said, value = _said(turn, span), str(_value(turn, span))
        key = value.casefold()
        if key not in chosen.words:
            chosen.words[key] = self._other(turn, span, value, random)
        other = chosen.words[key]
        now = name_like(said, value, other) if not span.literal else other
        if now is None:
            chosen.words[key] = value
        elif other != value:
            chosen.spans[number, span] = now

    def _other(self, turn: MarkedTurn, span: Span, value: str, random: Random) -> str:
        role = self._role(turn, span)
        if role[0] == "value" and (number := _spoken_number(role, value, random)):
            return number
        if role[0] == "target" and (made := self._names.target(role[1], role[2], random)):
            return made
        if role[0] == "room" and (made := self._names.room(random)):
            return made
        pool = self._pools.get(role, [value])
        other = random.choice(pool)
        if random.random() < self.rules.invented:
            other = altered(other, pool, random)
        return other

    def _choice(self, span: Span, value: Any, dialogue: tuple[MarkedTurn, ...], chosen: Choice,
                random: Random) -> None:
        """Decide once in a dialogue what the value becomes; it stays where others hang on it."""
        key = (span.argument, str(value))
        if key in chosen.values:
            return
        marked = {(each.argument, str(_value(turn, each))) for turn in dialogue
                  for each in turn.spans}
        others = [(argument, str(other)) for _, argument, other in _unmarked(dialogue)]
        if any(argument == key[0] and (argument, other) not in marked or (
                argument != key[0] and other == key[1]) for argument, other in others):
            return
        taken = {str(new) for (argument, _), new in chosen.values.items() if argument == key[0]}
        taken |= {other for argument, other in marked if other != key[1]}
        values = [other for argument, other in self._choices if argument == key[0]
                  and other not in taken]
        if values:
            chosen.values[key] = random.choice(values)

    def _number(self, turn: MarkedTurn, span: Span, unmarked: Sequence[tuple[str, str, Any]],
                chosen: Choice, number: int, random: Random) -> bool:
        said, old = _said(turn, span), _value(turn, span)
        key = (span.argument, str(old))
        node = self._nodes[turn.calls[span.call].name, span.argument]
        if key not in chosen.values:
            if any(argument == span.argument and str(value) != str(old)
                   for _, argument, value in unmarked):
                return False  # "double it": it hangs on what was said
            chosen.values[key] = _another(node, old, random)
        new = chosen.values[key]
        words = number_like(said, _digits(old), _digits(new))
        if words is None or (not isinstance(old, str) and Decimal(str(new)) not in {
                each.value for each in said_numbers(words)}):
            return False
        chosen.spans[number, span] = words
        return True

    def _base(self, turn: MarkedTurn, span: Span) -> Role:
        made, argument = turn.calls[span.call], span.argument
        if argument in self.rules.shared:
            return (argument,)
        return (argument, made.name, str(made.arguments.get("property", "")))

    def _role(self, turn: MarkedTurn, span: Span) -> Role:
        words, made = _said(turn, span), turn.calls[span.call]
        if span.argument in ("target", "except"):
            ending = self._names.ending(words)
            if " and " in words or "," in words:
                return ("target", "several", made.name)
            if ending:
                return ("target", ending.sort, ending.number)
            return ("target", made.name, str(made.arguments.get("property", "")))
        if span.argument == "room":
            return ("room",)
        base, following = self._base(turn, span), _next_word(turn, span)
        shape = "length" if _LENGTH.search(words) else ""
        return (*base, shape, following if (base, following) in self._before_nouns else "")


def _said(turn: MarkedTurn, span: Span) -> str:
    return turn.utterance[span.start:span.end]


def _value(turn: MarkedTurn, span: Span) -> Any:
    return turn.calls[span.call].arguments[span.argument]


def _next_word(turn: MarkedTurn, span: Span) -> str:
    found = re.match(r" (\w+)", turn.utterance[span.end:])
    return found[1].casefold() if found else ""


def _unmarked(dialogue: tuple[MarkedTurn, ...]) -> Iterator[tuple[str, str, Any]]:
    """(tool, argument, value) of all arguments that no span stands for."""
    for turn in dialogue:
        marked = {(span.call, span.argument) for span in turn.spans}
        for place, call in enumerate(turn.calls):
            for key, value in call.arguments.items():
                if (place, key) not in marked:
                    yield call.name, key, value


def _cased(words: str, like: str) -> str:
    return words[:1].upper() + words[1:] if like[:1].isupper() else words


def _digits(value: Any) -> str:
    return value if isinstance(value, str) else format(Decimal(str(value)), "f")


def _another(node: Node, old: Any, random: Random) -> Any:
    """Another number of the schema, of about the same size and as many places."""
    if isinstance(old, str):
        return "".join(str(random.randrange(10)) for _ in old)
    assert isinstance(node, Integer | Number)
    low, high = Decimal(str(node.minimum)), Decimal(str(node.maximum))
    if high - low <= 200 and isinstance(node, Integer):
        return random.randint(int(low), int(high))
    most = min(int(high), _MOST, max(20, int(old) * 4))
    whole = random.randint(max(1, int(low)), most)
    if old == int(old):
        return whole - whole % random.choice((1, 1, 5, 10, 50)) or whole
    return round(whole % 200 + random.randint(1, 99) / 100, 2)


def _spoken_number(role: Role, words: str, random: Random) -> str | None:
    """Another number in the same style: "40 percent" -> "65 percent", "twenty" -> "eleven"."""
    limits = _NUMBERS.get(role[2])
    if limits is None:
        return None
    found = re.search(r"\d+", words)
    old = found[0] if found else next(
        (str(int(each.value)) for each in said_numbers(words) if each.value == int(each.value)), "")
    if not old or random.random() < 0.2:
        return None
    return number_like(words, old, str(random.randint(*limits)))
