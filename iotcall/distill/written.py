"""Draw dialogues from hand-written ones whose spans are marked. Leaves out: the writing.

A written dialogue says how people put a wish; which lamp it is about is chance. Marked spans
are exchanged for others that may stand there, the same in all turns; sentences are joined, and
dialogues follow each other; every sentence is roughened as people and recognisers write. Whatever
happens to a sentence happens to its arguments too: they are slices of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from random import Random
from typing import Any

import msgspec

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.distill.exchange import Exchange
from iotcall.distill.noise import USUAL, Noise
from iotcall.distill.slices import Sentence, roughened
from iotcall.errors import CallError, InputError
from iotcall.evaluate import Dialogue, LabelledTurn
from iotcall.evaluate.marked import MarkedTurn, Span
from iotcall.speech import said_numbers

_PIECES = (1, 2, 2, 3, 3, 4)
"""Written dialogues that follow each other in one drawn."""
_MOST_TURNS = 7
_JOINED = 0.18
"""Share of written single sentences that are joined with another."""
_THREE, _LISTED = 0.4, 0.7
"""Share of those that are joined with two; share of those with only a comma behind the first."""
_JOINTS = (" and ", " and ", " and then ", ", then ", ", and ", " then ", ", ", " and also ",
           " plus ", ". ", ". Also ", " while you're at it ")
_ALONE = frozenset({"off_topic", "unclear", "confirm", "cancel", "undo", "again"})
_WHOM = ("target", "room", "ref")
"""What says which thing a wish is about, the clearest first."""
_TOOL_EXPONENT = 0.6
_TRIES = 20


class Written:
    """A stream of dialogues; the same seed gives the same stream."""

    def __init__(self, catalogue: Catalogue, dialogues: Sequence[tuple[MarkedTurn, ...]],
                 exchange: Exchange, seed: int, noise: Noise = USUAL) -> None:
        self._catalogue, self._exchange, self._noise = catalogue, exchange, noise
        self._random = Random(seed)
        self._by_tool: dict[str, list[tuple[MarkedTurn, ...]]] = {}
        for dialogue in dialogues:
            self._by_tool.setdefault(dialogue[-1].calls[0].name, []).append(dialogue)
        self._tools = sorted(self._by_tool)
        self._weights = [len(self._by_tool[tool]) ** _TOOL_EXPONENT for tool in self._tools]

    def dialogues(self, count: int) -> Iterator[Dialogue]:
        """That many dialogues."""
        for _ in range(count):
            yield self._dialogue()

    def _dialogue(self) -> Dialogue:
        turns: list[LabelledTurn] = []
        pieces = 1 if self._exchange.rules.alone else self._random.choice(_PIECES)
        for _ in range(pieces):
            piece = self._piece()
            if turns and len(turns) + len(piece) > _MOST_TURNS:
                break
            before = [turn.calls for turn in turns]
            if any(self._leans(call, before) for call in piece[0].calls):
                continue
            turns += piece
        return Dialogue(tuple(turns))

    def _piece(self) -> list[LabelledTurn]:
        for _ in range(_TRIES):
            written = self._pick()
            if len(written) == 1 and self._random.random() < _JOINED:
                written = self._joined(written[0])
            if made := self._varied(written):
                return made
        raise InputError(f"nothing can be drawn from the written dialogues: of {_TRIES} in a row "
                         "no value could be exchanged for another; write more values of each "
                         "argument, or name it under `kept` in synthesis/exchange.toml")

    def _pick(self) -> tuple[MarkedTurn, ...]:
        tool = self._random.choices(self._tools, self._weights)[0]
        return self._random.choice(self._by_tool[tool])

    def _joined(self, first: MarkedTurn) -> tuple[MarkedTurn, ...]:
        """The sentence with another behind it, or two, where all can be done in one breath."""
        turns = [first]
        for _ in range(2 if self._random.random() < _THREE else 1):
            second = self._pick()
            calls = [call for turn in turns for call in turn.calls]
            if len(second) == 1 and len(calls) + len(second[0].calls) <= (
                    self._catalogue.max_calls) and not any(
                    call.name in _ALONE for call in (*calls, *second[0].calls)) and not any(
                    self._leans(call, [tuple(calls)], _WHOM[:2]) for call in second[0].calls):
                turns.append(second[0])
        return (_in_one_breath(turns, [
            ", " if at < len(turns) - 2 and self._random.random() < _LISTED
            else self._random.choice(_JOINTS) for at in range(len(turns) - 1)]),)

    def _varied(self, written: tuple[MarkedTurn, ...]) -> list[LabelledTurn] | None:
        """The dialogue with other names and values, roughened; None where a span got lost."""
        chosen = self._exchange.choose(written, self._random)
        turns: list[LabelledTurn] = []
        said: list[str] = []
        meant: dict[str, str] = {}  # free text as written -> as said now
        for number, turn in enumerate(written):
            spans = {span: words for (at, span), words in chosen.spans.items() if at == number}
            sentence = roughened(
                Sentence.of(turn, spans), self._random, self._noise, kept=self._kept(turn),
                breaks_off=turn.calls[0].name == "unclear")
            said.append(sentence.text)
            arguments = [dict(call.arguments) for call in turn.calls]
            for span in turn.spans:
                given, key = arguments[span.call], span.argument
                written_as = str(given[key])
                if self._exchange.sort(turn, span) != "words":
                    given[key] = chosen.values.get((key, written_as), given[key])
                    if self._exchange.sort(turn, span) == "number" and not _is_read(
                            given[key], sentence.text):
                        return None  # "the debit one nine two four nine"
                elif span.literal:
                    now = sentence.span(span)
                    given[key] = now.lower() if key in self._exchange.rules.small else now
                else:
                    given[key] = chosen.words.get(written_as.casefold(), given[key])
                meant[written_as.casefold()] = str(given[key])
            marked = {(span.call, span.argument) for span in turn.spans}
            for place, call in enumerate(turn.calls):
                for key, value in call.arguments.items():
                    if (place, key) in marked:
                        continue
                    if not self._exchange.is_words(call.name, key):
                        arguments[place][key] = chosen.values.get((key, str(value)), value)
                        continue
                    words = meant.get(str(value).casefold()) or _as_said(str(value), said)
                    if words is None and self._is_said(call.name, key):
                        return None
                    arguments[place][key] = words or value
            calls = tuple(ToolCall(call.name, given)
                          for call, given in zip(turn.calls, arguments, strict=True))
            if any(_doubled(now) and not _doubled(before)
                   for now, before in zip(calls, turn.calls, strict=True)):
                return None  # money moved from savings to savings
            if not all(map(self._is_valid, calls)):
                return None  # a name that has become too long
            turns.append(LabelledTurn(sentence.text, calls))
        return turns

    def _kept(self, turn: MarkedTurn) -> frozenset[Span]:
        """Spans in which every sign counts."""
        return frozenset(span for span in turn.spans if (
            span.argument in self._exchange.rules.exact
            or self._exchange.sort(turn, span) == "number"
            or (self._exchange.sort(turn, span) == "words" and not span.literal)))

    def _leans(self, call: ToolCall, before: Sequence[tuple[ToolCall, ...]],
               whom: Sequence[str] = _WHOM) -> bool:
        """Whether the call leaves out what it would take over from the turns before it: written as
        a dialogue's first it has less than it would have as a follow-up ("lamp on", "dimmer")."""
        known = {field.name for field in self._catalogue.tool(call.name).parameters.fields}
        if whom[0] in known:
            return call.arguments.keys().isdisjoint(whom) and any(
                not earlier.arguments.keys().isdisjoint(_WHOM) for calls in before
                for earlier in calls)
        return any(earlier.name == call.name and earlier.arguments.keys() - call.arguments.keys()
                   for calls in before[-1:] for earlier in calls)

    def _is_valid(self, call: ToolCall) -> bool:
        try:
            self._catalogue.check(call)
        except CallError:
            return False
        return True

    def _is_said(self, tool: str, key: str) -> bool:
        """Whether only what was said may stand there."""
        field = next(field for field in self._catalogue.tool(tool).parameters.fields
                     if field.name == key)
        source = getattr(field.node, "source", None)
        return source is not None and source.kind == "said"


def _in_one_breath(turns: Sequence[MarkedTurn], joints: Sequence[str]) -> MarkedTurn:
    """Sentences as one, a joint between each two."""
    said = ""
    calls: list[ToolCall] = []
    spans: list[Span] = []
    for turn, joint in zip(turns, ("", *joints), strict=True):
        text = turn.utterance
        if said and text[:1].isupper() and text[1:2].islower():
            text = text[:1].lower() + text[1:]
        said = f"{said.rstrip('.!? ')}{joint}" if said else ""
        spans += [msgspec.structs.replace(span, start=span.start + len(said),
                                          end=span.end + len(said), call=span.call + len(calls))
                  for span in turn.spans]
        said += text
        calls += turn.calls
    return MarkedTurn(said, tuple(calls), tuple(spans))


def _is_read(value: Any, text: str) -> bool:
    """Whether the number, or the digits, can be told from the text."""
    found = said_numbers(text)
    if isinstance(value, str):
        return value in text or any(each.digits == value for each in found)
    return any(each.value == Decimal(str(value)) for each in found)


def _doubled(call: ToolCall) -> bool:
    values = [value for value in call.arguments.values() if isinstance(value, str)]
    return len(set(values)) < len(values)


def _as_said(words: str, said: Sequence[str]) -> str | None:
    """Words of an earlier turn as they stand there now, whatever became of case and signs."""
    pattern = r"\W+".join(re.escape(word) for word in re.findall(r"[\w']+", words))
    for text in reversed(said):
        if found := re.search(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE):
            return found[0]
    return None
