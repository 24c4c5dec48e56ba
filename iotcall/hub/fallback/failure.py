"""Why asking a bigger model came to nothing. Leaves out: what is said about it."""

from __future__ import annotations

from typing import Literal

import msgspec

Reason = Literal[
    "no_text", "no_time", "open",
    "unreachable", "untrusted", "too_slow", "refused", "redirected", "too_large", "unreadable",
    "no_calls", "only_text", "too_many_calls", "invalid_call", "not_grounded",
]
"""Before asking. no_text: nothing was said; no_time: the deadline is too near; open: the breaker
holds it back.

The service. unreachable: no connection, or it ended early; untrusted: its certificate is not
trusted; too_slow: no whole answer before the deadline; refused: an HTTP status other than 200;
redirected: it names another address, which is not followed; too_large: more bytes than an answer
has; unreadable: no answer of the OpenAI shape.

The model. no_calls: neither calls nor words that can be said; only_text: words, and the settings
say that none are spoken; too_many_calls: more than the catalogue allows; invalid_call: no call of
the catalogue; not_grounded: calls that the bundle's grammar does not admit after what was said."""

OF_THE_SERVICE: frozenset[Reason] = frozenset({
    "unreachable", "untrusted", "too_slow", "refused", "redirected", "too_large", "unreadable"})
"""Reasons for which asking again at once is no use: the breaker counts these."""


class Failed(msgspec.Struct, frozen=True):
    """No answer."""

    reason: Reason
    detail: str = ""
    """For the owner. Of reasons of the model it may quote what was said; never the API key."""
