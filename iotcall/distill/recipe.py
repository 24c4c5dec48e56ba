"""A student's recipe: what it is built of and how it is trained. Leaves out: doing it."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import msgspec

from iotcall.distill.noise import Noise

Architecture = Literal["qwen3", "gemma3", "lfm2", "opt"]
Count = Annotated[int, msgspec.Meta(ge=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]


class Mixture(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much of what; part of a recipe."""

    rules_share: float = 0.0
    """Of rules of speech, where there are written dialogues too."""
    off_topic: str = ""
    """File of ordinary talk, below the folder of public files."""
    off_topic_share: float = 0.0
    """Of dialogues that get a turn of it."""
    public: tuple[str, ...] = ()
    """Files of labelled dialogues, below that folder."""
    public_share: float = 0.0


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The settings of ``iotcall train``, also a TOML file in ``export/students/``."""

    architecture: Architecture = "qwen3"
    format: str = "compact"
    """Wire format, by name."""
    catalogue: str = "smart_home"
    """A folder of ``grammars/``, by name or path."""
    vocabulary: Annotated[int, msgspec.Meta(ge=300)] = 2048
    """Ids of the byte-level BPE, special tokens included."""
    warm_start: str = ""
    """An encoder whose layers and words an ``opt`` student begins with: a Python package that
    carries it, or its folder; empty: random weights."""
    layers: Count = 4
    width: Count = 256
    """Size of the hidden state."""
    heads: Count = 8
    key_value_heads: Count = 4
    inner_width: Count = 768
    """Size inside the feed-forward blocks."""
    dialogues: Count = 90_000
    """Synthetic dialogues, where no data file is given."""
    mixture: Mixture = Mixture()
    noise: Noise = Noise()
    epochs: Positive = 1.0
    batch_size: Count = 64
    """Sequences a step."""
    learning_rate: Positive = 2e-3
    weight_decay: Annotated[float, msgspec.Meta(ge=0)] = 0.05
    warmup_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.05
    """Share of all steps that warm up; a cosine leads down from there."""
    dropout: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    """Of an ``opt`` student."""
    bits: Literal[0, 4, 8] = 0
    """Of the weights it will be shipped with: it learns with them at the end; 0: with fp32."""
    rounded_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.25
    """Share of all steps, the last ones, with weights of so few bits."""
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] = 1

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"expected a width that heads divide, found width {self.width} and "
                             f"heads {self.heads}")
        if self.width // self.heads % 2:
            raise ValueError(f"expected an even width per head (its halves turn with the "
                             f"position), found {self.width} / {self.heads}")
        if self.heads % self.key_value_heads:
            raise ValueError(f"expected heads that key_value_heads divide, found heads "
                             f"{self.heads} and key_value_heads {self.key_value_heads}")
        if self.warm_start and self.architecture != "opt":
            raise ValueError("expected architecture opt, whose layers are an encoder's, for a "
                             f"warm_start; found {self.architecture}")
        if self.architecture == "lfm2" and self.layers < 2:
            raise ValueError("expected at least 2 layers of lfm2, whose second is the first with "
                             f"attention, found {self.layers}")
        for key in ("epochs", "learning_rate", "weight_decay", "warmup_share"):
            if not math.isfinite(getattr(self, key)):
                raise ValueError(f"expected a finite {key}, found {getattr(self, key)}")
