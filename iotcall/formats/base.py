"""What a wire format is, and how its pieces make a prompt. Leaves out: any one format.

A prompt is ``prefix``, then for every past turn ``user_open utterance user_close past_call_open
calls past_call_close``, then ``user_open utterance user_close call_open``; the student answers
with ``calls end``. Every piece between two utterances begins with a special token, so that turns
can be tokenised one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.formats.writing import Slots


class PromptPieces(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The texts of a prompt, from the format or from the student's own chat template."""

    prefix: str
    """System prompt and tool declarations, the same for every utterance; may be empty."""
    user_open: str
    user_close: str
    call_open: str
    """What stands between the newest utterance and the answer (the generation prompt)."""
    past_call_open: str
    """The same for earlier turns."""
    end: str
    """The special token that ends an answer."""
    past_call_close: str
    """What follows the calls of an earlier turn."""

    def past_turn(self, utterance: str, calls: str) -> str:
        """An earlier turn, `calls` as the format renders them."""
        return (self.user_open + utterance + self.user_close
                + self.past_call_open + calls + self.past_call_close)

    def open_turn(self, utterance: str) -> str:
        """The newest turn, up to where the student answers."""
        return self.user_open + utterance + self.user_close + self.call_open


class Format(Protocol):
    """One wire format."""

    @property
    def name(self) -> str: ...

    @property
    def markers(self) -> tuple[str, ...]:
        """Special tokens inside an answer, its end included: single ids that no text may spell."""

    @property
    def special_tokens(self) -> tuple[str, ...]:
        """All special tokens of prompt and answer, for a tokenizer that is trained here."""

    def pieces(self, catalogue: Catalogue) -> PromptPieces: ...

    def render(self, calls: Sequence[ToolCall], catalogue: Catalogue) -> str:
        """The answer's text for these calls, without the end."""

    def parse(self, text: str, catalogue: Catalogue) -> tuple[ToolCall, ...]:
        """The calls of an answer without its end, as written: `Catalogue.check` judges them.

        Raises:
            CallError: the text is no answer in this format.
        """

    def pattern(self, catalogue: Catalogue, slots: Slots) -> str:
        """Regular expression of every valid answer without the end.

        A marker is written as one private-use character, ``chr(MARKER_BASE + index)`` of
        `markers`, and what `slots` does not spell out as one of its placeholders.
        """
