"""A sentence that keeps its spans whatever is done to it. Leaves out: what the spans mean."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from random import Random

import msgspec

from iotcall.distill.noise import AFTER, BEFORE, USUAL, Noise, mishear, shout, slip
from iotcall.evaluate.marked import MarkedTurn, Span
from iotcall.speech import is_number_word, numbers

Pieces = list[tuple[str, tuple[Span, ...]]]
"""Text, and the spans that it is."""
_VOWEL = re.compile(r"[aeio]|u(?!ni|s[be]|ti)|hour|8", re.IGNORECASE)


class Sentence(msgspec.Struct):
    """Pieces of text in order; some are spans, some of which overlap no other."""

    pieces: Pieces

    @classmethod
    def of(cls, turn: MarkedTurn, chosen: Mapping[Span, str]) -> Sentence:
        """The turn's sentence, with the words of spans exchanged where `chosen` has others."""
        pieces: Pieces = []
        at = 0
        by_place: dict[tuple[int, int], list[Span]] = {}
        for span in turn.spans:
            by_place.setdefault((span.start, span.end), []).append(span)
        for (start, end), spans in sorted(by_place.items()):
            words = turn.utterance[start:end]
            other = next((chosen[span] for span in spans if span in chosen), words)
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


def roughened(sentence: Sentence, random: Random, noise: Noise = USUAL, *,
              kept: Collection[Span] = (), breaks_off: bool = False) -> Sentence:
    """With the case, punctuation, padding and slips of real input.

    Pieces of `kept` spans stay as they are, but for the case of words.
    """
    pieces = list(sentence.pieces)
    if random.random() < noise.padded:
        pieces.insert(0, (f"{random.choice(BEFORE)}{random.choice(('', '', ','))} ", ()))
    if not breaks_off and random.random() < noise.padded and pieces[-1][0][-1:] not in "?.!":
        pieces.append((f"{random.choice(('', '', ','))} {random.choice(AFTER)}", ()))
    style = random.random()
    if style < 0.3:  # a recogniser's transcript
        pieces = _plain(pieces, kept)
    elif style < 0.6:
        first, spans = pieces[0]
        if not any(span in kept for span in spans):
            pieces[0] = first[:1].upper() + first[1:], spans
        if not breaks_off and random.random() < 0.4 and pieces[-1][0][-1:].isalnum():
            pieces.append((random.choice((".", ".", "!")), ()))
    for share, change in (
            (noise.slips, slip), (noise.slips / 6, slip),
            (noise.misheard, mishear), (noise.misheard * noise.again, mishear)):
        if random.random() < share:
            pieces = _changed(pieces, kept, change, random)
    if random.random() < noise.shouted:
        if random.random() < 0.4:
            pieces = [(text if any(span in kept for span in spans) else text.upper(), spans)
                      for text, spans in pieces]
        else:
            pieces = _changed(pieces, kept, shout, random)
    return Sentence(pieces)


def _changed(pieces: Pieces, kept: Collection[Span], change: Callable[[str, Random], str],
             random: Random) -> Pieces:
    """One piece changed, the longer the likelier; not where a number would become another with the
    words beside it ("thirty" "to" -> "thirty two")."""
    free = [at for at, (text, spans) in enumerate(pieces)
            if text.strip() and not any(span in kept for span in spans)]
    if not free:
        return pieces
    at = random.choices(free, [len(pieces[each][0]) for each in free])[0]
    text, spans = pieces[at]
    other = change(text.strip() if spans else text, random)
    before: Pieces = []
    behind: Pieces = []
    if spans and other.startswith(f"{text} "):  # a filler beside a name is no part of it
        other, behind = text, [(other[len(text):], ())]
    elif spans and other.endswith(f" {text}"):
        other, before = text, [(other[:-len(text)], ())]
    changed = [*pieces[:at], *before, (other, spans), *behind, *pieces[at + 1:]]
    if changed != pieces and Counter(_numbers(pieces)) - Counter(_numbers(changed)):
        return pieces
    return changed


def _numbers(pieces: Pieces) -> tuple[float, ...]:
    text = "".join(text for text, _ in pieces)
    said = any(sign.isdigit() for sign in text) or any(
        map(is_number_word, text.casefold().split()))
    return numbers(text) if said else ()


def _plain(pieces: Pieces, kept: Collection[Span]) -> Pieces:
    """Small letters without signs, single spaces."""
    made: Pieces = []
    for text, spans in pieces:
        if any(span in kept for span in spans):
            made.append((text.lower() if text.replace(" ", "").isalpha() and not any(
                span.literal for span in spans) else text, spans))
            continue
        bare = "".join(each if each.isalnum() or each in "'" else " " for each in text.lower())
        left, right = bare[:1].isspace(), bare[-1:].isspace()
        bare = " ".join(bare.split())
        if not spans:
            bare = f"{' ' * left}{bare}{' ' * right}" if bare else " "
        bare = bare or text  # a span of signs only stays one
        if made and made[-1][0].endswith(" "):
            bare = bare.lstrip(" ") if not spans else bare
        made.append((bare, spans))
    if made and not made[0][1]:
        made[0] = made[0][0].lstrip(), ()
    if made and not made[-1][1]:
        made[-1] = made[-1][0].rstrip(), ()
    return [piece for piece in made if piece[0]]


def _article(before: str, word: str) -> str:
    """ "a " in front of a vowel becomes "an ", and the other way round."""
    vowel = _VOWEL.match(word) is not None
    found = re.search(r"(?<!\w)(a)n? $", before, re.IGNORECASE)
    if not found:
        return before
    return before[:found.start()] + found[1] + ("n " if vowel else " ")
