"""The engines under one interface: read a vocabulary, compile, step along an answer.

A step is what a decode loop does for a chosen token: take it and say what may follow, as the engine
says it (a bit mask over the vocabulary; iotcall: the ids). Leaves out: taking times (see measure).
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from iotcall.formats import MARKER_BASE
from iotcall.grammar.vocabulary import Vocabulary
from tests.benchmarks.expressions import ebnf, lark
from tests.benchmarks.material import Material

Mask = NDArray[np.int32]
NAMES = ("iotcall", "outlines-core", "llguidance", "xgrammar")


class Cursor(Protocol):
    """Where an answer has come to."""

    step: Callable[[int], object]
    """Take a token and work out what may follow."""

    def follow(self) -> None:
        """Work out what may follow, before the first token."""

    def allowed(self) -> int:
        """How many ids may follow."""

    def jump(self, rest: Sequence[int]) -> int:
        """How many of the answer's next tokens the engine gives without a decision, by its own
        means (-1: it has none besides its mask)."""

    def accepts(self, tokens: Sequence[int]) -> bool:
        """Whether these tokens are a whole answer; from a fresh cursor only."""


class Engine(Protocol):
    def read(self, material: Material) -> Any:
        """The vocabulary as the engine wants it."""

    def grammar(self, material: Material) -> Any:
        """What is compiled, as a text; writing it is not timed."""

    def compile(self, vocabulary: Any, grammar: Any) -> Any: ...

    def begin(self, compiled: Any) -> Cursor: ...

    def size(self, compiled: Any) -> dict[str, int]:
        """What is known of states and bytes."""


def engine_named(name: str) -> Engine:
    """The engine; its library is imported here."""
    return {"iotcall": Iotcall, "outlines-core": Outlines, "llguidance": Llguidance,
            "xgrammar": Xgrammar}[name]()


class _MaskCursor:
    """What may follow, as one bit per id."""

    def __init__(self, size: int) -> None:
        self._mask: Mask = np.zeros((1, (size + 31) // 32), dtype=np.int32)

    def allowed(self) -> int:
        return int(np.bitwise_count(self._mask.view(np.uint32)).sum())

    def jump(self, rest: Sequence[int]) -> int:
        return -1


def _spelt(material: Material) -> tuple[Vocabulary, dict[int, bytes]]:
    """Bytes of every id; special tokens of the format as their stand-ins."""
    vocabulary = Vocabulary(material.tokenizer)
    spelt = vocabulary.all_bytes()
    for index, marker in enumerate(material.markers):
        spelt[vocabulary.special(marker)] = chr(MARKER_BASE + index).encode()
    return vocabulary, spelt


# ------------------------------------------------------------------ iotcall

class Iotcall:
    def read(self, material: Material) -> Any:
        return Vocabulary(material.tokenizer)

    def grammar(self, material: Material) -> Any:
        return material

    def compile(self, vocabulary: Any, grammar: Any) -> Any:
        from iotcall.grammar.compiler import answers_of, compile_answers

        end = grammar.format.pieces(grammar.catalogue).end
        return compile_answers(answers_of(grammar.catalogue, grammar.format, end), vocabulary)

    def begin(self, compiled: Any) -> Cursor:
        return WalkCursor(compiled)  # a Walk: see measure

    def size(self, compiled: Any) -> dict[str, int]:
        stats = compiled.stats()
        return {"states": stats.states, "shipped_bytes": compiled.file_bytes(),
                "live_ids": stats.live_tokens, "slots": stats.slots}


class WalkCursor:
    def __init__(self, walk: Any) -> None:
        self._walk = walk
        self._place = walk.start

    def step(self, token: int) -> object:
        self._place = self._walk.step(self._place, token)
        return self._walk.allowed(self._place)

    def follow(self) -> None:
        self._walk.allowed(self._place)

    def allowed(self) -> int:
        return len(self._walk.allowed(self._place))

    def jump(self, rest: Sequence[int]) -> int:
        return len(self._walk.forced_run(self._place)[0])

    def in_slot(self) -> bool:
        return not isinstance(self._place, int)

    def accepts(self, tokens: Sequence[int]) -> bool:
        return bool(self._walk.accepts(tokens))


# ------------------------------------------------------------------ outlines-core

class Outlines:
    def __init__(self) -> None:
        import outlines_core

        self._library = outlines_core

    def read(self, material: Material) -> Any:
        vocabulary, spelt = _spelt(material)
        ids: dict[bytes, list[int]] = {}
        for id, text in spelt.items():
            ids.setdefault(text, []).append(id)
        return self._library.Vocabulary(vocabulary.size, ids), vocabulary.size

    def grammar(self, material: Material) -> Any:
        return material.expression

    def compile(self, vocabulary: Any, grammar: Any) -> Any:
        return self._library.Index(grammar, vocabulary[0]), vocabulary[1]

    def begin(self, compiled: Any) -> Cursor:
        return _OutlinesCursor(self._library.Guide(compiled[0]), compiled[1])

    def size(self, compiled: Any) -> dict[str, int]:
        return {"shipped_bytes": len(pickle.dumps(compiled[0])),
                "states": len(compiled[0].get_transitions())}


class _OutlinesCursor(_MaskCursor):
    def __init__(self, guide: Any, size: int) -> None:
        super().__init__(size + 1)  # its end of text is one above all ids
        self._guide = guide
        self._pointer, self._words = self._mask.ctypes.data, self._mask.size

    def step(self, token: int) -> object:
        self._guide.advance(token, return_tokens=False)
        self._guide.write_mask_into(self._pointer, self._words, 4)
        return None

    def follow(self) -> None:
        self._guide.write_mask_into(self._pointer, self._words, 4)

    def accepts(self, tokens: Sequence[int]) -> bool:
        if not self._guide.accepts_tokens(list(tokens)):
            return False
        for token in tokens:
            self._guide.advance(token, return_tokens=False)
        return bool(self._guide.is_finished())


# ------------------------------------------------------------------ llguidance

class Llguidance:
    def __init__(self) -> None:
        import llguidance
        import llguidance.numpy

        self._library = llguidance

    def read(self, material: Material) -> Any:
        # the end is part of the grammar, so that its own end of text is a token without a use
        used = {material.tokenizer.token_to_id(marker) for marker in material.markers}
        unused = min(set(material.tokenizer.get_added_tokens_decoder()) - used)
        return self._library.LLTokenizer(str(material.tokenizer_path), eos_token=unused)

    def grammar(self, material: Material) -> Any:
        return lark(material.expression, [material.tokenizer.token_to_id(marker)
                                          for marker in material.markers])

    def compile(self, vocabulary: Any, grammar: Any) -> Any:
        matcher = self._library.LLMatcher(vocabulary, grammar)
        if matcher.is_error():
            raise RuntimeError(matcher.get_error())
        return matcher, vocabulary.vocab_size

    def begin(self, compiled: Any) -> Cursor:
        return _LlguidanceCursor(compiled[0].deep_copy(), compiled[1],
                                 self._library.numpy.fill_next_token_bitmask)

    def size(self, compiled: Any) -> dict[str, int]:
        return {}


class _LlguidanceCursor(_MaskCursor):
    def __init__(self, matcher: Any, size: int, fill: Callable[..., None]) -> None:
        super().__init__(size)
        self._matcher = matcher
        self._fill = fill

    def step(self, token: int) -> object:
        self._matcher.consume_token(token)
        self._fill(self._matcher, self._mask)
        return None

    def follow(self) -> None:
        self._fill(self._matcher, self._mask)

    def jump(self, rest: Sequence[int]) -> int:
        tokens = self._matcher.compute_ff_tokens()
        return sum(1 for _ in _alike(tokens, rest))

    def accepts(self, tokens: Sequence[int]) -> bool:
        return self._matcher.try_consume_tokens(list(tokens)) == len(tokens) and bool(
            self._matcher.is_accepting())


def _alike(tokens: Sequence[int], rest: Sequence[int]) -> Sequence[int]:
    count = 0
    while count < min(len(tokens), len(rest)) and tokens[count] == rest[count]:
        count += 1
    return tokens[:count]


# ------------------------------------------------------------------ xgrammar

class Xgrammar:
    def __init__(self) -> None:
        import xgrammar

        self._library = xgrammar

    def read(self, material: Material) -> Any:
        vocabulary, spelt = _spelt(material)
        # an empty text makes an id special: never allowed
        texts = [spelt.get(id, b"") for id in range(vocabulary.size)]
        return self._library.TokenizerInfo(texts, vocab_size=vocabulary.size, stop_token_ids=[])

    def grammar(self, material: Material) -> Any:
        self.texts = _spelt(material)[1]
        return ebnf(material.expression)

    def compile(self, vocabulary: Any, grammar: Any) -> Any:
        compiler = self._library.GrammarCompiler(
            vocabulary, max_threads=os.cpu_count() or 1, cache_enabled=False)
        return compiler.compile_grammar(grammar), vocabulary.vocab_size

    def begin(self, compiled: Any) -> Cursor:
        return _XgrammarCursor(self._library.GrammarMatcher(
            compiled[0], terminate_without_stop_token=True),
            self._library.allocate_token_bitmask(1, compiled[1]), self.texts)

    def size(self, compiled: Any) -> dict[str, int]:
        return {"held_bytes": int(compiled[0].memory_size_bytes)}


class _XgrammarCursor:
    def __init__(self, matcher: Any, mask: Any, texts: dict[int, bytes]) -> None:
        self._matcher = matcher
        self._mask = mask  # a tensor (1, words) int32
        self._texts = texts

    def step(self, token: int) -> object:
        self._matcher.accept_token(token)
        if not self._matcher.is_terminated():
            self._matcher.fill_next_token_bitmask(self._mask)
        return None

    def follow(self) -> None:
        self._mask.fill_(-1)  # it writes nothing where all is allowed
        self._matcher.fill_next_token_bitmask(self._mask)

    def allowed(self) -> int:
        return int(np.bitwise_count(self._mask.numpy().view(np.uint32)).sum())

    def jump(self, rest: Sequence[int]) -> int:
        text = self._matcher.find_jump_forward_string().encode()
        count = 0
        while count < len(rest) and (spelt := self._texts[rest[count]]) and text.startswith(spelt):
            text, count = text[len(spelt):], count + 1
        return count

    def accepts(self, tokens: Sequence[int]) -> bool:
        for token in tokens:
            if self._matcher.is_terminated() or not self._matcher.accept_token(token):
                return False
        return bool(self._matcher.is_terminated())
