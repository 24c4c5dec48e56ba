"""Draw dialogues from rules, seeded. Leaves out: transcription noise (see noise)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from num2words import num2words

from iotcall.catalogue import Catalogue, Enumeration, Integer, Node, ToolCall
from iotcall.distill.noise import USUAL, Noise
from iotcall.distill.rules import Lexicon, ParsedAround, ParsedRule, Pattern
from iotcall.distill.slices import Sentence, roughened
from iotcall.errors import InputError
from iotcall.evaluate import Dialogue, LabelledTurn

_LENGTHS = (1, 1, 2, 2, 2, 3, 3, 3, 4, 5)
"""User turns of a dialogue, drawn evenly."""
_FOLLOW_UP = 0.5
"""Share of later turns that lean on the call before."""
_TOOL_EXPONENT = 0.15
_RULE_EXPONENT = 0.75
_TRIES = 100
"""Draws for a turn that stands alone, before the dialogue ends there."""
_SURROUNDED = 0.12
"""Share of sentences with something before them, and with something behind."""
_DEFAULT_SPOKEN = 0.7
"""Share of values that are spoken the commonest way."""


class Synthesis:
    """A stream of dialogues; the same seed gives the same stream."""

    def __init__(self, catalogue: Catalogue, rules: Sequence[ParsedRule], lexicon: Lexicon,
                 seed: int, around: Sequence[ParsedAround] = (), noise: Noise = USUAL) -> None:
        self._nodes = {(tool.name, field.name): field.node
                       for tool in catalogue.tools for field in tool.parameters.fields}
        self._catalogue = catalogue
        self._lexicon = lexicon
        self._around, self._noise = around, noise
        self._random = Random(seed)
        self._opening: dict[str, list[ParsedRule]] = {}
        self._following: dict[str, list[ParsedRule]] = {}
        for rule in rules:
            if rule.after:
                self._following.setdefault(rule.after.tool, []).append(rule)
            else:
                self._opening.setdefault(rule.call.tool, []).append(rule)
        missing = [tool.name for tool in catalogue.tools if tool.name not in self._opening]
        if missing:
            raise InputError(f"no rule without 'after' makes a call of {', '.join(missing)}")

    def dialogues(self, count: int) -> Iterator[Dialogue]:
        """That many dialogues."""
        for _ in range(count):
            yield self._dialogue()

    def _dialogue(self) -> Dialogue:
        turns: list[LabelledTurn] = []
        for _ in range(self._random.choice(_LENGTHS)):
            turn = self._follow_up(turns) or self._open(turns)
            if turn is None:
                break
            turns.append(turn)
        return Dialogue(tuple(turns))

    def _open(self, turns: Sequence[LabelledTurn]) -> LabelledTurn | None:
        """A turn that leans on nothing, or None where every try would be ambiguous here."""
        for _ in range(_TRIES):
            rule = self._pick(self._opening)
            turn = self._turn(rule, {}, {})
            # subtle: "set it to 70" after "heat to 74" may keep the mode or not: nobody can say
            if not turns or not (rule.alone or _says_less(turn.calls[0], turns[-1].calls[0])):
                return turn
        return None

    def _follow_up(self, turns: Sequence[LabelledTurn]) -> LabelledTurn | None:
        if not turns or self._random.random() > _FOLLOW_UP:
            return None
        before = turns[-1].calls[0]
        fitting: dict[str, list[ParsedRule]] = {}
        for rule in self._following.get(before.name, []):
            # a literal that repeats the value before makes "no, the kitchen" of the kitchen
            if _match(_after(rule), before) is not None and not _repeats(rule, before):
                fitting.setdefault(rule.call.tool, []).append(rule)
        if not fitting:
            return None
        rule = self._pick(fitting)
        return self._turn(rule, _match(_after(rule), before) or {}, before.arguments)

    def _pick(self, by_tool: dict[str, list[ParsedRule]]) -> ParsedRule:
        """A rule, first by tool: a tool with many sentences must not drown the others."""
        tools = sorted(by_tool)
        weights = [sum(len(rule.says) for rule in by_tool[tool]) ** _TOOL_EXPONENT
                   for tool in tools]
        rules = by_tool[self._random.choices(tools, weights)[0]]
        return self._random.choices(rules, [len(rule.says) ** _RULE_EXPONENT for rule in rules])[0]

    def _turn(self, rule: ParsedRule, bound: dict[str, Any],
              before: dict[str, Any]) -> LabelledTurn:
        arguments: dict[str, Any] = {}
        spoken: dict[str, str] = {}
        for key, value in rule.call.literals.items():
            arguments[key] = _typed(self._nodes[rule.call.tool, key], value)
        for key, variable in rule.call.variables.items():
            if variable in bound:
                value = bound[variable]
            else:
                value = self._draw(rule.call.tool, key, arguments, avoid=before.get(key))
            arguments[key] = value
            spoken[variable] = self._spoken(key, variable, value)
        call = ToolCall(rule.call.tool, arguments)
        self._catalogue.check(call)  # a value of the lexicon, or carried over, may not fit
        sentence = self._random.choice(rule.says)
        for variable, text in spoken.items():
            sentence = sentence.replace(f"{{{variable}}}", text)
        if not rule.breaks_off:
            sentence = self._surrounded(sentence, call)
        said = roughened(Sentence([(sentence, ())]), self._random, self._noise,
                         breaks_off=rule.breaks_off)
        return LabelledTurn(said.text, (call,))

    def _surrounded(self, sentence: str, call: ToolCall) -> str:
        """The sentence with what people say before and behind such a call, now and then."""
        before = self._random.random() < _SURROUNDED
        behind = self._random.random() < _SURROUNDED and sentence[-1:].isalnum()
        fitting = [item for item in self._around if _fits(item.call, call)]
        for item in self._random.sample(fitting, 1) if fitting and (before or behind) else ():
            if before and item.before:
                sentence = f"{self._random.choice(item.before)} {sentence}"
            if behind and item.behind:
                sentence += self._random.choice(item.behind)
        return sentence

    def _draw(self, tool: str, key: str, arguments: dict[str, Any], avoid: Any) -> Any:
        """A fresh value, another than the one said before."""
        node = self._nodes[tool, key]
        match node:
            case Enumeration(values):
                choices: Sequence[Any] = values
            case Integer(low, high, step):
                choices = range(low, high + 1, step)
            case _:
                # free text: the lexicon lists its values, by the other arguments where it must
                which = "_".join(str(value) for value in arguments.values())
                name = f"{key}_{which}" if f"{key}_{which}" in self._lexicon else key
                choices = sorted(self._lexicon.get(name, {}))
        choices = [value for value in choices if value != avoid]
        if not choices:
            raise InputError(f"nothing to say for {tool}.{key}: give lexicon.toml a table [{key}]")
        return self._random.choice(choices)

    def _spoken(self, key: str, variable: str, value: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            form = self._random.random()
            words = num2words(value)
            return str(value) if form < 0.75 else words if form < 0.85 else words.replace("-", " ")
        for table in (key, *(name for name in self._lexicon if name.startswith(f"{key}_"))):
            ways = self._lexicon.get(table, {}).get(str(value))
            if ways:
                usual = self._random.random() < _DEFAULT_SPOKEN
                return ways[0] if usual else self._random.choice(ways)
        return str(value).replace("_", " ")


def _match(pattern: Pattern, call: ToolCall) -> dict[str, Any] | None:
    """Bindings of the pattern's variables, or None where the call does not fit it."""
    named = pattern.literals.keys() | pattern.variables.keys()
    if pattern.tool != call.name or named != call.arguments.keys():
        return None
    if any(str(call.arguments[key]) != value for key, value in pattern.literals.items()):
        return None
    return {name: call.arguments[key] for key, name in pattern.variables.items() if name}


def _fits(pattern: Pattern, call: ToolCall) -> bool:
    """Whether the call is of the tool and has the literals; its other arguments are free."""
    return pattern.tool == call.name and all(
        str(call.arguments.get(key)) == value for key, value in pattern.literals.items())


def _says_less(call: ToolCall, before: ToolCall) -> bool:
    """Whether the call names only some of the arguments that the same tool was just given."""
    return call.name == before.name and call.arguments.keys() < before.arguments.keys()


def _repeats(rule: ParsedRule, before: ToolCall) -> bool:
    """Whether the rule would say again, as news, just what was said before."""
    return any(name == "" and rule.call.literals.get(key) == str(before.arguments[key])
               for key, name in _after(rule).variables.items())


def _after(rule: ParsedRule) -> Pattern:
    assert rule.after, "only rules that follow a call are asked for it"
    return rule.after


def _typed(node: Node, value: str) -> Any:
    if isinstance(node, Integer):
        return int(value)
    if isinstance(node, Enumeration):
        return next(item for item in node.values if str(item) == value)
    return value
