"""Where passes may end and pasts be cut. Leaves out: running them.

A student that reads an utterance both ways (`DecoderLayout.prefix_tokens`) must see all of it in
one pass, and what it remembers of half an utterance is worth nothing; other students may be
interrupted anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Around = tuple[int, int] | None
"""Tokens before and behind an utterance that is read both ways; None: there is none such."""


def whole(ids: Sequence[int], most: int, around: Around) -> int:
    """The longest beginning of at most so many tokens that does not end inside an utterance.

    `ids` may begin inside of one. 0 where even the first utterance is longer.
    """
    most = min(most, len(ids))
    if around is None or most == len(ids):
        return most
    opening, closing = around
    following = next((token for token in ids[most:] if token in around), opening)
    if following == closing:
        while most and ids[most - 1] != opening:
            most -= 1
    return most


def in_passes(ids: Sequence[int], most: int, around: Around) -> Iterator[list[int]]:
    """The tokens in passes of at most so many, or of one utterance that is longer."""
    start = 0
    while start < len(ids):
        rest = ids[start:]
        size = whole(rest, most, around)
        if not size:
            assert around is not None  # else a pass is never empty
            size = next(at for at in range(most, len(rest)) if rest[at] == around[1]) + 1
        yield list(rest[:size])
        start += size
