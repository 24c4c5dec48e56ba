"""A student's recipe: what it is built of and how it is trained. Leaves out: doing it."""

from __future__ import annotations

from typing import Literal

import msgspec

Architecture = Literal["qwen3", "gemma3", "lfm2"]


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The settings of ``iotcall train``, also a TOML file in ``export/students/``."""

    architecture: Architecture = "qwen3"
    format: str = "compact"
    """Wire format, by name."""
    catalogue: str = "smart_home"
    """A folder of ``grammars/``, by name or path."""
    vocabulary: int = 2048
    """Ids of the byte-level BPE, special tokens included."""
    layers: int = 4
    width: int = 256
    """Size of the hidden state."""
    heads: int = 8
    key_value_heads: int = 4
    inner_width: int = 768
    """Size inside the feed-forward blocks."""
    dialogues: int = 90_000
    """Synthetic dialogues, where no data file is given."""
    epochs: float = 1.0
    batch_size: int = 64
    """Sequences a step."""
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup_share: float = 0.05
    """Share of all steps that warm up; a cosine leads down from there."""
    seed: int = 1

