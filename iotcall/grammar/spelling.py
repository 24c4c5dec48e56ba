"""Text of an answer -> its tokens along an automaton. Leaves out: what said slots were bound to.

Between slots an answer has one splitting; a slot's content is split by itself, as it is when a
student writes it.
"""

from __future__ import annotations

from tokenizers import Tokenizer

from iotcall.grammar.automaton import SLOT_TOKEN, Automaton
from iotcall.grammar.vocabulary import Vocabulary


class Speller:
    """Follows texts through one automaton."""

    def __init__(self, automaton: Automaton, tokenizer: Tokenizer) -> None:
        self._automaton = automaton
        self._tokenizer = tokenizer
        ordinary = set(automaton.tokens[automaton.tokens < SLOT_TOKEN].tolist())
        self._bytes = Vocabulary(tokenizer).bytes_of(ordinary)

    def spell(self, text: str) -> list[int] | None:
        """Tokens of a whole answer, the text of its end included; None where it is no answer.

        A slot takes whatever its machine takes.
        """
        parts = self.parts(text)
        if parts is None:
            return None
        contents = iter(self._tokenizer.encode_batch_fast(
            [part for part in parts if isinstance(part, str)], add_special_tokens=False))
        tokens: list[int] = []
        for part in parts:
            tokens += [part] if isinstance(part, int) else next(contents).ids
        return tokens

    def parts(self, text: str) -> list[int | str] | None:
        """Tokens between slots, and the contents of slots as text; None where it is no answer."""
        written = text.encode()
        dead: set[tuple[int, int]] = set()
        path: list[int | str] = []

        def follow(state: int, place: int) -> bool:
            if self._automaton.is_final(state):
                return place == len(written)
            if (state, place) in dead:
                return False
            for token, target in self._automaton.row(state).items():
                for part, end in self._ways(token, written, place):
                    path.append(part)
                    if follow(target, end):
                        return True
                    path.pop()
            dead.add((state, place))
            return False

        return path if follow(self._automaton.start, 0) else None

    def _ways(self, token: int, written: bytes, place: int) -> list[tuple[int | str, int]]:
        """How an edge can be taken from here: what it writes, and where that ends."""
        if token < SLOT_TOKEN:
            spelt = self._bytes[token]
            return [(token, place + len(spelt))] if written.startswith(spelt, place) else []
        machine = self._automaton.machines[token - SLOT_TOKEN]
        found: list[tuple[int | str, int]] = []
        state, used = 0, 0
        for end in range(place, len(written) + 1):
            if machine.is_done(state, used):
                found.append((written[place:end].decode(), end))
            if end < len(written):
                state, counted = machine.step(state, written[end])
                if state < 0:
                    break
                used += counted
        return found
