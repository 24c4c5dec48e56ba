"""A sentence that keeps its spans whatever is done to it. Leaves out: what the spans mean."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import msgspec

from iotcall.distill.noise import AFTER, BEFORE, slip
from iotcall.evaluate.marked import MarkedTurn, Span


class Sentence(msgspec.Struct):
    """Pieces of text in order; some are spans, some of which overlap no other."""

    pieces: list[tuple[str, tuple[Span, ...]]]

    @classmethod
    def of(cls, turn: MarkedTurn, chosen: Mapping[str, str]) -> Sentence:
        """The turn's sentence, with the words of spans exchanged where `chosen` has others."""
        pieces: list[tuple[str, tuple[Span, ...]]] = []
        at = 0
        by_place: dict[tuple[int, int], list[Span]] = {}
        for span in turn.spans:
            by_place.setdefault((span.start, span.end), []).append(span)
        for (start, end), spans in sorted(by_place.items()):
            words = turn.utterance[start:end]
            other = chosen.get(words.casefold(), words)
            before = turn.utterance[at:start]
            if other != words:
                before = _article(before, other)
            pieces += [(before, ()), (other, tuple(spans))]
            at = end
        pieces.append((turn.utterance[at:], ()))
        return cls([piece for piece in pieces if piece[0]])

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.pieces)

    def span(self, wanted: Span) -> str:
        """The words of a span as they stand now."""
        return next(text for text, spans in self.pieces if wanted in spans)


def roughened(sentence: Sentence, random: Random, *, breaks_off: bool = False) -> Sentence:
    """With the case, punctuation, padding and slips of real input."""
    pieces = list(sentence.pieces)
    if random.random() < 0.06:
        pieces.insert(0, (f"{random.choice(BEFORE)}{random.choice(('', '', ','))} ", ()))
    if not breaks_off and random.random() < 0.05 and pieces[-1][0][-1:] not in "?.!":
        pieces.append((f"{random.choice(('', '', ','))} {random.choice(AFTER)}", ()))
    style = random.random()
    if style < 0.3:  # a recogniser's transcript
        pieces = _plain(pieces)
    elif style < 0.6:
        first, spans = pieces[0]
        pieces[0] = first[:1].upper() + first[1:], spans
        if not breaks_off and random.random() < 0.4 and pieces[-1][0][-1:].isalnum():
            pieces.append((random.choice((".", ".", "!")), ()))
    if random.random() < 0.05:
        at = random.randrange(len(pieces))
        text, spans = pieces[at]
        pieces[at] = slip(text, random), spans
    return Sentence(pieces)


def _plain(pieces: list[tuple[str, tuple[Span, ...]]]) -> list[tuple[str, tuple[Span, ...]]]:
    """Small letters without signs, single spaces."""
    made: list[tuple[str, tuple[Span, ...]]] = []
    for text, spans in pieces:
        kept = "".join(each if each.isalnum() or each in "'" else " " for each in text.lower())
        left, right = kept[:1].isspace(), kept[-1:].isspace()
        kept = " ".join(kept.split())
        if not spans:
            kept = f"{' ' * left}{kept}{' ' * right}" if kept else " "
        if made and made[-1][0].endswith(" "):
            kept = kept.lstrip(" ") if not spans else kept
        made.append((kept, spans))
    if made and not made[0][1]:
        made[0] = made[0][0].lstrip(), ()
    if made and not made[-1][1]:
        made[-1] = made[-1][0].rstrip(), ()
    return [piece for piece in made if piece[0]]


def _article(before: str, word: str) -> str:
    """ "a " in front of a vowel becomes "an ", and the other way round."""
    vowel = word[:1].lower() in "aeiou"
    for article, fits in (("a ", not vowel), ("an ", vowel)):
        if before.endswith((f" {article}",)) or before == article:
            if fits:
                return before
            return before[:-len(article)] + ("an " if vowel else "a ")
    return before
