"""Print for people or, with --json, for machines. Leaves out: what is printed."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from iotcall.errors import InputError
from iotcall.shipped import find

DEFAULT_BUNDLE = "smart_home"
DEFAULT_BOARD = "host"

BundleOption = Annotated[str, typer.Option(
    "--bundle", "-b", metavar="DIR|NAME", help="A bundle's folder, or the name of a shipped one.")]
BoardOption = Annotated[str, typer.Option(
    "--board", metavar="FILE|NAME", help="How to use this machine: a file of devices/boards/.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def refuse_nan(**options: float | None) -> None:
    """Nothing if each of the options is a number: what checks their range lets nan pass.

    Raises:
        InputError: one is nan.
    """
    for name, given in options.items():
        if given is not None and math.isnan(given):
            raise InputError(f"--{name.replace('_', '-')}: nan is no number; "
                             "see --help for its range")


def print_json(value: Any) -> None:
    """The value as one JSON document on standard output."""
    from iotcall.catalogue import without_surrogates

    plain = without_surrogates(msgspec.to_builtins(value, enc_hook=str))  # paths; their odd bytes
    text = msgspec.json.format(msgspec.json.encode(plain), indent=2)
    sys.stdout.write(text.decode() + "\n")


def bundle_folder(given: str) -> Path:
    """The folder of a bundle given as a path or a shipped name."""
    return find("bundles", given)
