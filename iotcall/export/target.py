"""A target's recipe, a TOML file in ``export/targets/``. Leaves out: following it.

A chip's quirk is a line in such a file, with its source, and never an ``if`` in the code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from iotcall.errors import FileError, InputError
from iotcall.settings import read_toml
from iotcall.shipped import find, shipped

Layout = Literal["growing", "shared", "static"]

Verified = Literal["run", "emulated", "unverified"]
"""Run: on the chips it names; emulated: in the vendor's emulation on x86; unverified: a recipe from
the sources named, which nobody has run with iotcall."""


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The execution provider that runs the graph."""

    name: str
    """ORT's exact name, e.g. ``QNNExecutionProvider``."""
    packages: tuple[str, ...] = ()
    """What the board installs for it, as pip names it, e.g. ``onnxruntime-qnn==2.7.0``."""
    replaces_onnxruntime: bool = False
    """The packages bring their own onnxruntime and clash with the plain one."""
    plugin: str = ""
    """Python module that carries the provider as a plugin library; empty: it is built in."""
    options: dict[str, str] = {}
    """Provider options, as the provider documents them."""
    session: dict[str, str] = {}
    """Session configuration entries."""
    contexts_for: str = ""
    """Compile the graphs at export, for boards of this machine (``platform.machine()``); empty: the
    board compiles them when it opens them."""


class Emulation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the provider runs on an x86 machine without the chip."""

    options: dict[str, str]
    """Provider options in place of the board's."""
    session: dict[str, str] = {}
    """Session configuration entries in place of the board's."""
    same_device: bool
    """The emulation models the chip itself; False: another device of the same provider."""
    turns: int = 0
    """Golden turns that an export decodes in it, at most; 0: all."""


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Weights in blocks along the inner dimension (onnxruntime's MatMulNBits), symmetric."""

    bits: Literal[4, 8]
    block_size: int = 32
    """Weights that share a scale."""
    accuracy_level: Literal[0, 4] = 0
    """0 computes in fp32, 4 in int8, which differs between instruction sets."""


class Activations(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """QDQ: activations and weights of fixed point, calibrated on the catalogue's dialogues."""

    bits: Literal[8, 16]
    weight_bits: Literal[8] = 8
    """Per output column, symmetric."""
    samples: int = 64
    """Golden or calibration turns that the ranges rest on, at most."""
    fixed_ranges: dict[str, tuple[float, float]] = {}
    """Operators whose output has this range (smallest, largest) whatever it was calibrated to,
    because the chip computes with no other."""


class Shapes(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a graph takes its tokens and keeps its past."""

    layout: Layout
    """growing: primitive operators, each pass returns a longer past; shared: fused attention that
    writes into a buffer of fixed capacity; static: two graphs of fixed shapes, a prompt chunk and a
    single step, that return the new states only and get positions and masks from the host."""
    capacity: int = 0
    """Tokens that the past may hold: of the buffer (shared), or of the graph at most (static, where
    a bundle gets what its golden prompts need and some room)."""
    chunk: int = 0
    """Tokens of a static prompt chunk."""
    positions: int = 8
    """Of a static prompt chunk, whose logits are given: as many decisions can be looked at in one
    pass."""
    mask: float = -50.0
    """Added to the scores of what must not be attended to, in static graphs."""


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which rows of embedding and head a bundle ships, and which it computes."""

    rows: Literal["all", "asked", "live"] = "all"
    """all: every pass computes every logit; asked: those of the tokens that the grammar allows,
    gathered from the packed table; live: only rows that a closed catalogue can reach are
    shipped."""
    trim: bool = False
    """Ship a smaller vocabulary: what the catalogue and its scripts need."""
    scripts: tuple[str, ...] = ("Latin",)
    """Scripts whose tokens a trimmed vocabulary keeps."""
    most: int | None = None
    """Rows that a trimmed vocabulary keeps at most."""
    outside: int = 256
    """Rows shipped or asked beside the allowed ones, so that the first decision can tell how much
    the student would rather say something else."""


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is known to fail on the target; checked on the graph, before any board sees it."""

    operators: tuple[str, ...] = ()
    """The only operators that it takes, with their domain unless it is ONNX's; empty: any."""
    forbidden: tuple[str, ...] = ()
    """Operators that it does not take."""
    static_shapes: bool = False
    """Every tensor of the graph has a fixed shape."""
    least_constant: float | None = None
    """No constant lies below this (masks of -3e38 fail on HTP)."""
    on_cpu: tuple[str, ...] = ()
    """Operators that may run on the CPU provider; any other node there fails the export."""
    partitions: int | None = None
    """Most pieces that the provider may cut the graph into."""


class ParityBounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an export must reach to become a bundle."""

    logit_difference: float = 1e-4
    """Largest absolute difference of an fp32 graph's logits to torch's."""
    call_agreement: float = 0.99
    """Share of golden turns on which the bundle's calls equal torch's, ties not counted."""
    tie: float = 0.05
    """A turn whose two best branches lie closer than this, in log-probability, at the decision
    where the calls part is a tie."""


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the bundle may take; the export says where it is passed."""

    bytes: int | None = None
    """Of the files, without the prefix KV."""


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    summary: str
    """Chips and boards it is for; one line."""
    provider: Provider
    precision: Literal["fp32", "int8", "int4", "a16w8", "a8w8"]
    opset: int = 18
    shapes: Shapes
    head: Head = Head()
    weights: Weights | None = None
    activations: Activations | None = None
    rules: Rules = Rules()
    parity: ParityBounds = ParityBounds()
    budget: Budget = Budget()
    emulation: Emulation | None = None
    verified: Verified
    verified_with: str
    """What it was run with: the command, versions and machine; or why it was not."""
    sources: tuple[str, ...] = ()
    """Where each quirk is from: vendor's document or our own measurement."""


class Unserved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name that people ask for and that ONNX Runtime cannot serve well here."""

    reason: str
    instead: str


def load_target(given: str) -> tuple[str, Target]:
    """Name and recipe of a target, by the name of a shipped one or by path.

    Raises:
        InputError: there is none of that name (lists the shipped ones), or it is one that cannot
            be served (says why, and what to use).
        FileError: the file does not fit.
    """
    unserved = load_unserved().get(given.lower())
    if unserved:
        raise InputError(f"{given} is not a target: {unserved.reason}; use {unserved.instead}")
    path = find("export/targets", given, ".toml")
    target = read_toml(path, Target)
    _check(path, target)
    return path.stem, target


def shipped_targets() -> dict[str, Target]:
    """Every recipe in ``export/targets/``, by name, sorted."""
    names = sorted(path.stem for path in shipped("export/targets").glob("*.toml"))
    return {name: load_target(name)[1] for name in names}


def load_unserved() -> dict[str, Unserved]:
    """What cannot be served, by name."""
    return read_toml(shipped("export") / "unserved.toml", dict[str, Unserved])


def _check(path: Path, target: Target) -> None:
    """What the types cannot say."""
    def wrong(place: str, message: str) -> FileError:
        return FileError(path, message, place=place)

    if target.weights and target.activations:
        raise wrong("weights", "expected [weights] or [activations], found both")
    if target.weights:
        expected = f"int{target.weights.bits}"
    elif target.activations:
        expected = f"a{target.activations.bits}w{target.activations.weight_bits}"
    else:
        expected = "fp32"
    if target.precision != expected:
        raise wrong("precision", f"expected {expected!r}, as its quantisation says, found "
                                 f"{target.precision!r}")
    if target.weights and (target.weights.block_size < 16
                           or target.weights.block_size & (target.weights.block_size - 1)):
        raise wrong("weights.block_size", "expected a power of two from 16 on, found "
                                          f"{target.weights.block_size}")
    shapes = target.shapes
    if shapes.layout != "growing" and shapes.capacity < 64:
        raise wrong("shapes.capacity", f"expected 64 tokens or more, found {shapes.capacity}")
    if shapes.layout == "static" and not 1 < shapes.chunk < shapes.capacity:
        raise wrong("shapes.chunk", f"expected a chunk of 2 to {shapes.capacity - 1} tokens, found "
                                    f"{shapes.chunk}")
    if target.activations and shapes.layout != "static":
        raise wrong("activations", f"expected static shapes with it, found {shapes.layout}")
    if target.head.rows == "live" and not (target.weights or target.activations):
        raise wrong("head.rows", "expected quantised weights with 'live', found fp32")
    if target.head.rows == "asked" and not (target.weights and shapes.layout == "shared"):
        raise wrong("head.rows", "'asked' gathers from packed weights in a graph of shared layout")
