"""Which nodes a target claims, and which run elsewhere. Leaves out: running them (see selftest)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence

import msgspec

from iotcall.errors import InputError
from iotcall.runtime.sessions import CPU, Placement
from iotcall.shipped import shipped

_NAMED = 3


class _Provider(msgspec.Struct, frozen=True):
    name: str
    options: dict[str, str] = {}
    packages: tuple[str, ...] = ()
    plugin: str = ""


class _Rules(msgspec.Struct, frozen=True):
    on_cpu: tuple[str, ...] = ()
    partitions: int | None = None


class _Target(msgspec.Struct, frozen=True):
    """The part of a target's recipe that is about placement."""

    provider: _Provider
    rules: _Rules = _Rules()


class TargetClaims(msgspec.Struct, frozen=True):
    """Where a target says that nodes run."""

    provider: str
    on_cpu: frozenset[str] = frozenset()
    """Operators that may run on the CPU provider besides."""
    options: dict[str, str] = {}
    """Of the provider: which chip it compiles for, among others."""
    partitions: int | None = None
    """Pieces that the provider may cut a graph into; None: any number."""
    plugin: str = ""
    """Python module of a provider that is loaded into onnxruntime; empty: it is built in."""
    packages: tuple[str, ...] = ()
    """Of the provider, as pip names them."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Of one graph."""

    graph: str
    elsewhere: int
    """Nodes that run neither on the provider nor, allowed, on the CPU provider; a graph whose
    placement nobody knows has one."""
    pieces: int
    """That the provider runs it in; each border between two costs a copy."""
    told: str


def target_claims(name: str, provider: str = "") -> TargetClaims:
    """Of a shipped target; of one that is not shipped only the provider, where it is given.

    Raises:
        InputError: it is not shipped and no provider is given.
    """
    path = shipped("export") / "targets" / f"{name}.toml"
    if not path.is_file():
        if provider:
            return TargetClaims(provider)
        raise InputError(f"no target is called {name!r}; 'iotcall targets' lists them")
    found = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Target)
    provided, rules = found.provider, found.rules
    return TargetClaims(provided.name, frozenset(rules.on_cpu), provided.options, rules.partitions,
                        provided.plugin, provided.packages)


def other_options(options: Mapping[str, str], wanted: TargetClaims) -> list[str]:
    """Options of a bundle's provider that are not the target's, as ``name = found, not wanted``.

    subtle: a graph may be taken whole all the same: onnxruntime-qnn takes a chip's name for an
    unknown chip, with a warning and memory that the real one lacks (measured).
    """
    return [f"{key} = {options.get(key, 'missing')}, not {wanted.options.get(key, 'given')}"
            for key in sorted({*options, *wanted.options})
            if options.get(key) != wanted.options.get(key)]


def claims_of(placements: Sequence[Placement | None], graphs: Sequence[str],
              wanted: TargetClaims) -> list[Claim]:
    """What is where it should not be, graph by graph."""
    names = [*graphs, *("" for _ in placements)]
    return [_claim(placement, name or f"graph {place}", wanted)
            for place, (placement, name) in enumerate(zip(placements, names, strict=False))]


def _claim(placement: Placement | None, graph: str, wanted: TargetClaims) -> Claim:
    if placement is None or not placement.parts:
        return Claim(graph=graph, elsewhere=1, pieces=0,
                     told=f"{graph}: this onnxruntime cannot say which provider runs which node "
                          "(1.24 can)")
    stray = [f"{operator} {name}" for operator, name in placement.on_cpu
             if wanted.provider != CPU and operator not in wanted.on_cpu]
    others = sum(part.nodes for part in placement.parts
                 if part.provider not in (wanted.provider, CPU))
    elsewhere = len(stray) + others
    absent = not placement.nodes(wanted.provider)
    if absent:
        elsewhere = sum(part.nodes for part in placement.parts)
    named = f": {', '.join(stray[:_NAMED])}{' ...' if len(stray) > _NAMED else ''}" if stray else ""
    return Claim(graph=graph, elsewhere=elsewhere, pieces=placement.subgraphs(wanted.provider),
                 told=f"{graph}: {placement}; {elsewhere} elsewhere than {wanted.provider} and its "
                      f"exceptions{named}")
