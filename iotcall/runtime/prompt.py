"""Utterance and earlier turns -> prompt tokens. Leaves out: the texts of the pieces (formats)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from tokenizers import Tokenizer

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.formats import Format, PromptPieces

UTTERANCE_LENGTH = 400
"""Characters of an utterance that are read; what follows is dropped."""


_SAID = ("a", "lamp", "Lights off", "7", "ö", "'")
"""Utterances that begin in different ways."""

UTTERANCE_TOKENS = 200
"""Tokens of an utterance that are read; only text in scripts that a student never saw has more."""


class PromptTokens:
    """Tokenises prompts piece by piece; text of a person can never become a special token."""

    def __init__(self, tokenizer: Tokenizer, format: Format, pieces: PromptPieces,
                 catalogue: Catalogue) -> None:
        self._tokenizer = tokenizer
        self._format = format
        self._pieces = pieces
        self._catalogue = catalogue
        self._added = sorted(
            {token.content for token in tokenizer.get_added_tokens_decoder().values()},
            key=len, reverse=True)

    def prefix(self) -> list[int]:
        """Tokens that every prompt begins with: system prompt and tools."""
        return self._encode(self._pieces.prefix)

    def opening(self) -> list[int]:
        """Tokens that every newest turn begins with, before what is said."""
        found = [self.open_turn(said) for said in _SAID]
        length = next((at for at, several in enumerate(zip(*found, strict=False))
                       if len(set(several)) > 1), 0)
        return found[0][:length]

    def past_turn(self, utterance: str, calls: Sequence[ToolCall]) -> list[int]:
        """Tokens of an earlier turn."""
        answer = self._format.render([self._harmless(call) for call in calls], self._catalogue)
        return self._encode(self._pieces.past_turn(self._fitting(utterance), answer))

    def open_turn(self, utterance: str) -> list[int]:
        """Tokens of the newest turn, up to where the student answers."""
        return self._encode(self._pieces.open_turn(self._fitting(utterance)))

    def clean(self, utterance: str) -> str:
        """The utterance without control characters and special tokens, spaces folded, capped."""
        text = "".join(" " if unicodedata.category(char)[0] in "CZ" else char
                       for char in utterance[:UTTERANCE_LENGTH])
        folded = ""
        while folded != text:
            # again: folding spaces may join the halves of a token that holds one
            folded, text = text, " ".join(self._without_special(text).split())
        return text

    def _fitting(self, utterance: str) -> str:
        """The cleaned utterance, cut where it would be more than `UTTERANCE_TOKENS`."""
        text = self.clean(utterance)
        while len(self._encode(text)) > UTTERANCE_TOKENS:
            text = text[:len(text) * 3 // 4]
        return text

    def _harmless(self, call: ToolCall) -> ToolCall:
        """The call without special tokens in its strings: an answer may have spelt one as text."""
        def clean(value: object) -> object:
            if isinstance(value, str):
                return self._without_special(value)
            if isinstance(value, list):
                return [clean(item) for item in value]
            if isinstance(value, dict):
                return {key: clean(item) for key, item in value.items()}
            return value

        return ToolCall(call.name, {key: clean(value) for key, value in call.arguments.items()})

    def _without_special(self, text: str) -> str:
        while any(token in text for token in self._added):
            # again and again: removing one may join the halves of another
            for token in self._added:
                text = text.replace(token, " ")
        return text

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids
