"""A student's recipe: what it is built of and how it is trained. Leaves out: doing it."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import msgspec

from iotcall.distill.noise import Noise

Architecture = Literal["qwen3", "gemma3", "lfm2", "opt"]
Count = Annotated[int, msgspec.Meta(ge=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]

RATES = {"scratch": 2e-3, "base": 5e-5, "lora": 2e-4}
"""Learning rates where a recipe names none."""
SCRATCH = ("architecture", "vocabulary", "warm_start", "begins_as", "layers", "width", "heads",
           "key_value_heads", "inner_width", "dropout", "attention")
"""What says how a student from scratch is built."""


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


class Lora(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a base is adapted by updates of low rank (Hu et al. 2021, arXiv:2106.09685); part of a
    recipe."""

    rank: Count = 16
    alpha: Positive = 32.0
    """The update counts alpha / rank times."""
    dropout: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    targets: tuple[str, ...] = ()
    """Linear layers that are adapted, by the end of their names; empty: all of the family's."""
    merged: bool = True
    """Whether the base is written with its update; otherwise the update alone is, an adapter."""


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The settings of ``iotcall train``, also a TOML file in ``export/students/``."""

    base: str = ""
    """A checkpoint that is fine-tuned, a folder or a model hub's id; empty: a student of the
    architecture and sizes below, from scratch."""
    lora: Lora | None = None
    """None: every weight of the base learns."""
    architecture: Architecture = "qwen3"
    format: str = ""
    """Wire format, by name; empty: a base's own, compact from scratch."""
    catalogue: str = "smart_home"
    """A folder of ``grammars/``, by name or path."""
    vocabulary: Annotated[int, msgspec.Meta(ge=300)] = 2048
    """Ids of the byte-level BPE, special tokens included."""
    warm_start: str = ""
    """An encoder whose layers and words an ``opt`` student begins with: a Python package that
    carries it, or its folder; empty: random weights."""
    begins_as: str = ""
    """A trained ``opt`` student of these sizes, of whatever catalogue, whose layers and words it
    begins with: a bundle by name, or the folder of a bundle or checkpoint; words that this one has
    not are the encoder's."""
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
    passes: Count = 1
    """That a step's sequences are spread over: more take less memory and give the same student."""
    learning_rate: Positive | None = None
    """None: 2e-3 from scratch, 5e-5 of a base, 2e-4 of its low-rank update."""
    weight_decay: Annotated[float, msgspec.Meta(ge=0)] = 0.05
    warmup_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.05
    """Share of all steps that warm up; a cosine leads down from there."""
    dropout: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    """Of an ``opt`` student."""
    attention: Literal["causal", "prefix"] = "causal"
    """prefix: an ``opt`` student reads each utterance both ways (see `prefix_attention`)."""
    splits: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    """Share of an utterance's tokens that it learns from in two or more pieces, so that it knows
    words that are spelt in unusual ones (after Provilkov et al. 2020, arXiv:1910.13267)."""
    bits: Literal[0, 4, 8] = 0
    """Of the weights it will be shipped with: it learns with them at the end; 0: with fp32."""
    rounded_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.25
    """Share of all steps, the last ones, with weights of so few bits."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Of products; auto: bf16 where the machine has it natively. Weights stay fp32."""
    dev: tuple[str, ...] = ()
    """Files of development dialogues in the catalogue's folder; the student that does best on them
    is kept."""
    judge_every: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Steps between two judgements on them; 0: after every epoch. The last step is judged too."""
    patience: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Judgements without a better one after which training ends early; 0: it never does."""
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] = 1

    @property
    def rate(self) -> float:
        """The learning rate, as given or by what learns."""
        if self.learning_rate is not None:
            return self.learning_rate
        return RATES["lora" if self.lora else "base" if self.base else "scratch"]

    def __post_init__(self) -> None:
        self._check_base()
        if self.width % self.heads:
            raise ValueError(f"expected a width that heads divide, found width {self.width} and "
                             f"heads {self.heads}")
        if self.width // self.heads % 2:
            raise ValueError(f"expected an even width per head (its halves turn with the "
                             f"position), found {self.width} / {self.heads}")
        if self.heads % self.key_value_heads:
            raise ValueError(f"expected heads that key_value_heads divide, found heads "
                             f"{self.heads} and key_value_heads {self.key_value_heads}")
        if self.begins_as and self.architecture != "opt":
            raise ValueError(f"expected architecture opt for begins_as; found {self.architecture}")
        if self.warm_start and self.architecture != "opt":
            raise ValueError("expected architecture opt, whose layers are an encoder's, for a "
                             f"warm_start; found {self.architecture}")
        if self.attention == "prefix" and self.architecture != "opt":
            raise ValueError("expected architecture opt for attention = 'prefix'; found "
                             f"{self.architecture}")
        if self.architecture == "lfm2" and self.layers < 2:
            raise ValueError("expected at least 2 layers of lfm2, whose second is the first with "
                             f"attention, found {self.layers}")
        if self.batch_size % self.passes:
            raise ValueError(f"expected a batch_size that passes divide, found batch_size "
                             f"{self.batch_size} and passes {self.passes}")
        for key in ("epochs", "rate", "weight_decay", "warmup_share"):
            if not math.isfinite(getattr(self, key)):
                raise ValueError(f"expected a finite {key.replace('rate', 'learning_rate')}, "
                                 f"found {getattr(self, key)}")

    def _check_base(self) -> None:
        if self.lora and not self.base:
            raise ValueError("expected a base for lora to adapt, found none")
        if self.lora and self.bits:
            raise ValueError("expected bits with every weight learning, found lora: its base's "
                             "weights stay as they are; leave bits out, the export rounds them")
        usual = dict(zip(self.__struct_fields__[-len(self.__struct_defaults__):],
                         self.__struct_defaults__, strict=True))
        given = [key for key in SCRATCH if getattr(self, key) != usual[key]]
        if self.base and given:
            raise ValueError(f"expected no {given[0]} beside a base, which has its own; found "
                             f"{getattr(self, given[0])!r}")
