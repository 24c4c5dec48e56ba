"""Whether calls are an answer that the bundle's own student could have given after what was said.

The calls are written in the student's format and followed through the bundle's automaton, its slots
bound to the dialogue and the home as they are for the student: a grounded value must be words that
were said, a registry's name must be there. Leaves out: running the student, and the gate.
"""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Tokenizer, pre_tokenizers

from iotcall.bundle import Bundle
from iotcall.catalogue import Catalogue, ToolCall, equivalent_all
from iotcall.errors import CallError
from iotcall.formats import Format
from iotcall.grammar import Place, Walk
from iotcall.runtime import Turn
from iotcall.runtime.part import Part, Parts

_LONGEST_TOKEN = 64
"""Bytes of a token that is looked for: longer ones are runs of spaces."""


class Grounding:
    """Of one bundle. It uses the student's parts: for the thread that uses the student."""

    def __init__(self, catalogue: Catalogue, format: Format, end: str, parts: Parts,
                 tokenizer: Tokenizer, *, history_turns: int) -> None:
        """`end`: the special token that ends an answer; the rest as the bundle has it."""
        self.catalogue = catalogue
        self._format, self._end, self._parts = format, end, parts
        self._spelling = Spelling(tokenizer)
        self._history_turns = history_turns

    @classmethod
    def of(cls, bundle: Bundle, parts: Parts, tokenizer: Tokenizer) -> Grounding:
        """With the parts and the tokenizer of the bundle's opened student."""
        return cls(bundle.catalogue, bundle.format, bundle.pieces.end, parts, tokenizer,
                   history_turns=bundle.manifest.student.history_turns)

    def shown(self, history: Sequence[Turn]) -> Sequence[Turn]:
        """The newest turns, as many as the student sees."""
        return history[-self._history_turns:] if self._history_turns else ()

    def admitted(self, calls: Sequence[ToolCall], history: Sequence[Turn], utterance: str
                 ) -> tuple[ToolCall, ...] | None:
        """The calls as the student would have given them; None where it could not have.

        Equal values become one: 70.0 is 70, arguments stand in the order of the schema.
        """
        shown, parts = self.shown(history), self._parts
        picks = parts.calls_for(parts.main, calls)
        found = self._of_part(parts.main, picks, shown, utterance)
        if not parts.skills or found is None:
            return found
        read: dict[str, list[ToolCall]] = {}  # tool -> its calls; each tool is in one skill
        for pick in picks:
            part = parts.skills[pick.name]
            found = self._of_part(part, parts.calls_for(part, calls), shown, utterance)
            if found is None:
                return None
            for call in found:
                read.setdefault(call.name, []).append(call)
        return tuple(read[call.name].pop(0) for call in calls)

    def _of_part(self, part: Part, calls: tuple[ToolCall, ...], history: Sequence[Turn],
                 utterance: str) -> tuple[ToolCall, ...] | None:
        """The part's calls, read back from how they are written."""
        walk = part.walk(history, utterance)  # of turns, it looks at what was said only
        if walk is None or walk.is_empty or not calls:
            return None
        try:
            text = self._format.render(calls, part.catalogue)
        except CallError:
            return None
        found = part.read(text)
        # subtle: read back first: a value must not end its own quotation and begin something else
        if found is None or not equivalent_all(found, calls):
            return None
        return found if self._spelling.leads_through(walk, text + self._end) else None


class Spelling:
    """Follows texts along walks, whatever way they are split into tokens."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        decoder = tokenizer.decoder.__getstate__() if tokenizer.decoder else b""
        self._byte_level = b'"ByteLevel"' in decoder
        self._alphabet = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)

    def leads_through(self, walk: Walk, text: str) -> bool:
        """Whether some way of splitting the text into tokens is one whole answer.

        Every way is tried, as a slot's content may be split otherwise than the text around it.
        """
        written = text.encode()
        # byte-level: a character of GPT-2's alphabet for each byte, as the vocabulary has it
        named = "".join(piece for piece, _ in self._alphabet.pre_tokenize_str(text))
        tokens: dict[int, list[tuple[int, int]]] = {}  # place in the text -> (id, its end)
        waiting: list[tuple[Place, int]] = [(walk.start, 0)]
        seen = set(waiting)
        while waiting:
            place, at = waiting.pop()
            if at == len(written):
                if walk.is_final(place):
                    return True
                continue
            if at not in tokens:
                tokens[at] = self._beginning(written, named, at)
            for token, end in tokens[at]:
                after = walk.step(place, token)
                if after is not None and (after, end) not in seen:
                    seen.add((after, end))
                    waiting.append((after, end))
        return False

    def _beginning(self, written: bytes, named: str, at: int) -> list[tuple[int, int]]:
        """(id, end) of every token that the text may go on with from here, the longest last."""
        found = dict.fromkeys(
            (id, end) for end in range(at + 1, min(len(written), at + _LONGEST_TOKEN) + 1)
            for name in self._names(written[at:end], named[at:end])
            if (id := self._tokenizer.token_to_id(name)) is not None)
        return list(found)

    def _names(self, written: bytes, named: str) -> list[str]:
        """What the vocabulary may call these bytes: in GPT-2's alphabet (byte-level), or as they
        are, spaces marked, and single bytes as ``<0xNN>`` (byte fallback, SentencePiece).

        Special tokens are plain ASCII without spaces, which is the same in both.
        """
        if self._byte_level:
            return [named]
        names = [f"<0x{written[0]:02X}>"] if len(written) == 1 else []
        try:
            text = written.decode()
        except UnicodeDecodeError:
            return names
        return names if "\u2581" in text else [*names, text.replace(" ", "\u2581")]
