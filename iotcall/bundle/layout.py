"""How a bundle's graphs are fed: ``decoder.json``. Leaves out: feeding them (see runtime)."""

from __future__ import annotations

from typing import Literal

import msgspec

DECODER = "decoder.json"
ROWS = "rows.npy"
OUTSIDE = "outside.npy"


class ProviderSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How to open a graph on an execution provider."""

    name: str = "CPUExecutionProvider"
    """ORT's exact name, e.g. ``QNNExecutionProvider``."""
    packages: tuple[str, ...] = ()
    """What brings it, as pip names it; for messages."""
    plugin: str = ""
    """Python module that carries the provider as a plugin library; empty: it is built in."""
    options: dict[str, str] = {}
    """Provider options, as the provider documents them."""
    session: dict[str, str] = {}
    """Session configuration entries."""
    arena: bool = True
    """Whether the memory of a pass is kept for the next."""


class RotaryLayout(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rotary embedding whose cosines and sines the host feeds (static graphs)."""

    name: str
    frequencies: tuple[float, ...]
    """Radians per position, one for each pair."""
    scaling: float = 1.0


class Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a pass must read and compute at least."""

    pass_bytes: int
    """Weights that every pass reads, whatever its tokens."""
    token_macs: int
    """Multiplications of weights for each token, those of the head left out."""
    context_macs: int
    """Multiplications for each token and each earlier token that it attends to."""
    past_bytes: int
    """Keys and values of an earlier token, which a pass reads."""


ASKED = ("asked", "asked_or_all")
"""Kinds of rows that a graph is fed tokens for."""


class DecoderLayout(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the runtime must know beside the graph's own inputs and outputs."""

    layout: Literal["growing", "shared", "static"]
    """growing: each pass returns a longer past; shared: it writes into a buffer of `capacity`
    tokens; static: graphs of fixed shapes that return the new states only."""
    graphs: tuple[str, ...]
    """Files: one graph, or the prompt chunk and the single step."""
    provider: ProviderSettings
    vocabulary: int
    """Token ids that the student knows: 0 .. vocabulary - 1."""
    rows: Literal["all", "asked", "asked_or_all", "live"] = "all"
    """all: logits of every token; asked: of those fed as ``logit_tokens``; asked_or_all: of every
    token where none is fed (free text allows most of a vocabulary); live: of the tokens in
    ``rows.npy``. ``outside.npy`` names tokens that are asked for beside the allowed ones at the
    first decision."""
    capacity: int = 0
    """Tokens of the past at most; 0: no bound."""
    chunk: int = 0
    """Tokens of the prompt chunk."""
    positions: int = 1
    """Whose logits a pass of the prompt chunk gives (static)."""
    mask: float = 0.0
    """Added to the scores of what must not be attended to."""
    prefix_tokens: tuple[int, int] | None = None
    """Tokens before and behind an utterance that is read both ways: no pass ends inside of it, and
    no past is cut there. None: every token sees what stands before it."""
    rotaries: tuple[RotaryLayout, ...] = ()
    contexts: tuple[str, ...] = ()
    """The graphs as the provider compiled them for the exact chip, opened in place of `graphs`;
    they share weights, hence in order and in one process."""
    cost: Cost | None = None
    """Of the graph, where it is known."""
    machine: str = ""
    """Machine that `contexts` are for, as ``platform.machine()`` names it."""
