"""Automaton over bytes x vocabulary -> automaton over tokens that keeps canonical ones only.

A text has many splittings into tokens, and a student writes one of them: the tokenizer's own. An
edge is kept where the tokenizer, given the last token and the next, splits their text just so
(Vieira et al., arXiv 2506.07956). Special tokens and slots are boundaries: none reaches across.
Leaves out: the flat arrays (see automaton), slots' contents (see machine).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from tokenizers import Tokenizer

from iotcall.errors import InputError
from iotcall.grammar.expression import MARKER, Dfa, Edges

Chunk = tuple[int, ...]
"""Tokens that together end between two characters."""
_ROUNDS = 4
_LONGEST_TEXT = 300
"""Bytes of a text that the tokenizer is asked about as a whole."""


class SortedVocabulary:
    """Tokens by their bytes, for walking along an automaton."""

    def __init__(self, spelt: dict[int, bytes]) -> None:
        ordered = sorted((text, id) for id, text in spelt.items())
        self._texts = [text for text, _ in ordered]
        self._ids = [id for _, id in ordered]
        self._ranges: dict[bytes, tuple[int, int]] = {b"": (0, len(ordered))}

    def tokens_from(self, dfa: Dfa, start: int) -> Iterator[tuple[int, int]]:
        """Tokens that can be walked from a state, each with where it leads."""
        stack = [(b"", start)]
        while stack:
            prefix, state = stack.pop()
            for label, target in dfa.edges.get(state, {}).items():
                if label >= MARKER:
                    continue
                longer = prefix + bytes((label,))
                low, high = self._range(prefix, longer)
                if low == high:
                    continue
                for place in range(low, high):
                    if len(self._texts[place]) > len(longer):
                        break
                    yield self._ids[place], target
                if len(self._texts[high - 1]) > len(longer):
                    stack.append((longer, target))

    def _range(self, prefix: bytes, longer: bytes) -> tuple[int, int]:
        """Places of the tokens that begin so."""
        found = self._ranges.get(longer)
        if found is None:
            low, high = self._ranges[prefix]
            first = bisect_left(self._texts, longer, low, high)
            last = longer[:-1] + bytes((longer[-1] + 1,)) if longer[-1] < 255 else None
            end = bisect_left(self._texts, last, first, high) if last else high
            found = self._ranges[longer] = (first, end)
        return found


class Canonical:
    """Knows which neighbours the tokenizer itself would write."""

    def __init__(self, tokenizer: Tokenizer, spelt: dict[int, bytes]) -> None:
        self._tokenizer = tokenizer
        self._spelt = spelt
        self._known: dict[tuple[Chunk, Chunk], bool] = {}
        self._open: dict[Chunk, bool] = {}

    def allows(self, before: Chunk, chunk: Chunk) -> bool:
        return self._known[before, chunk]

    def is_open(self, chunk: Chunk) -> bool:
        """Whether the tokens end inside a character."""
        found = self._open.get(chunk)
        if found is None:
            try:
                self._text(chunk)
                found = False
            except UnicodeDecodeError:
                found = True
            self._open[chunk] = found
        return found

    def look_up(self, pairs: Iterable[tuple[Chunk, Chunk]]) -> None:
        """Ask the tokenizer for those that are not known yet, all at once."""
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._known]
        texts = [self._text(before + chunk) for before, chunk in new]
        for pair, encoding in zip(new, self._encode(texts), strict=True):
            self._known[pair] = tuple(encoding) == pair[0] + pair[1]

    def learn(self, segments: Iterable[tuple[int, ...]]) -> int:
        """Take in what the tokenizer writes for whole texts; how many pairs were new."""
        new = 0
        for tokens in segments:
            chunks = self._chunks(tokens)
            for pair in zip([(), *chunks], chunks, strict=False):
                if self._known.get(pair) is not True:
                    self._known[pair] = True
                    new += 1
        return new

    def encode(self, texts: list[str]) -> list[tuple[int, ...]]:
        return [tuple(ids) for ids in self._encode(texts)]

    def _chunks(self, tokens: tuple[int, ...]) -> list[Chunk]:
        chunks: list[Chunk] = []
        pending: Chunk = ()
        for token in tokens:
            pending = (*pending, token)
            if not self.is_open(pending):
                chunks.append(pending)
                pending = ()
        return chunks

    def _text(self, tokens: Chunk) -> str:
        return b"".join(self._spelt.get(token, b"\xff") for token in tokens).decode()

    def _encode(self, texts: list[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(
            texts, add_special_tokens=False)]


State = tuple[int, Chunk, Chunk]
"""State over bytes, last chunk, tokens of an unfinished character."""


def token_edges(dfa: Dfa, spelt: dict[int, bytes], tokenizer: Tokenizer) -> tuple[int, int, Edges]:
    """Start, end and edges of the automaton over tokens; labels from `MARKER` on stay negative.

    Labels of special tokens and slots are ``-label``, so that they do not meet token ids. The end
    is the one state that is accepting and has no way on.

    Raises:
        InputError: an answer cannot be spelt with the vocabulary.
    """
    vocabulary = SortedVocabulary(spelt)
    canonical = Canonical(tokenizer, spelt)
    steps: dict[int, list[tuple[int, int]]] = {}
    covered: set[str] = set()
    for _ in range(_ROUNDS):
        numbers, edges = _product(dfa, vocabulary, canonical, steps)
        start = numbers[dfa.start, (), ()]
        ends = [number for (state, _, pending), number in numbers.items()
                if state in dfa.accepting and not pending]
        # what the tokenizer writes for whole texts decides where a pair alone misleads
        texts = [text for text in dict.fromkeys(_covering(dfa)) if text not in covered]
        covered.update(texts)
        if not canonical.learn(canonical.encode(texts)):
            break
    if len(ends) != 1:
        raise InputError("expected one end of all answers; put a special token behind them")
    return start, ends[0], edges


def _product(dfa: Dfa, vocabulary: SortedVocabulary, canonical: Canonical,
             steps: dict[int, list[tuple[int, int]]]) -> tuple[dict[State, int], Edges]:
    first: State = (dfa.start, (), ())
    numbers: dict[State, int] = {first: 0}
    edges: Edges = {}
    frontier = [first]
    while frontier:
        # one level at a time, so that the tokenizer is asked in batches
        candidates = []
        for state, last, pending in frontier:
            if state not in steps:
                steps[state] = sorted(vocabulary.tokens_from(dfa, state))
            for token, target in steps[state]:
                chunk = (*pending, token)
                candidates.append(((state, last, pending), token, target, chunk,
                                   canonical.is_open(chunk)))
        canonical.look_up((source[1], chunk) for source, _, _, chunk, is_open in candidates
                          if not is_open)
        following: list[State] = []

        def add(source: State, label: int, target: State, following: list[State] = following,
                ) -> None:
            if target not in numbers:
                numbers[target] = len(numbers)
                following.append(target)
            edges.setdefault(numbers[source], {})[label] = numbers[target]

        for source, token, target, chunk, is_open in candidates:
            if is_open:
                add(source, token, (target, source[1], chunk))
            elif canonical.allows(source[1], chunk):
                add(source, token, (target, chunk, ()))
        for source in frontier:
            if not source[2]:
                for label, target in dfa.edges.get(source[0], {}).items():
                    if label >= MARKER:
                        add(source, -label, (target, (), ()))
        frontier = following
    return numbers, edges


def _covering(dfa: Dfa) -> Iterator[str]:
    """Texts between boundaries that together go along every edge over bytes."""
    before = _shortest_from(dfa)
    after = _shortest_to_boundary(dfa)
    for state, row in dfa.edges.items():
        for label, target in row.items():
            if label < MARKER and state in before and target in after:
                text = before[state] + bytes((label,)) + after[target]
                if len(text) > _LONGEST_TEXT:
                    continue  # pairs are learnt for every place: nearer places have taught them
                try:
                    yield text.decode()
                except UnicodeDecodeError:
                    continue  # another edge of the same character covers it


def _shortest_from(dfa: Dfa) -> dict[int, bytes]:
    """Shortest text from the last boundary to each state."""
    found = {dfa.start: b""}
    waiting = [dfa.start]
    for row in dfa.edges.values():
        for label, target in row.items():
            if label >= MARKER and target not in found:
                found[target] = b""
                waiting.append(target)
    for state in waiting:
        for label, target in sorted(dfa.edges.get(state, {}).items()):
            if label < MARKER and target not in found:
                found[target] = found[state] + bytes((label,))
                waiting.append(target)
    return found


def _shortest_to_boundary(dfa: Dfa) -> dict[int, bytes]:
    sources: dict[int, list[tuple[int, int]]] = {}
    found: dict[int, bytes] = dict.fromkeys(dfa.accepting, b"")
    for state, row in dfa.edges.items():
        for label, target in row.items():
            if label >= MARKER:
                found[state] = b""
            else:
                sources.setdefault(target, []).append((state, label))
    waiting = list(found)
    for target in waiting:
        for state, label in sources.get(target, ()):
            if state not in found:
                found[state] = bytes((label,)) + found[target]
                waiting.append(state)
    return found
