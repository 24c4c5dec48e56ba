"""Which automaton a ``iotcall grammar`` command is about. Leaves out: what is done with it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from iotcall.cli.output import DEFAULT_BUNDLE, bundle_folder
from iotcall.errors import InputError
from iotcall.shipped import find

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from iotcall.catalogue import Catalogue
    from iotcall.formats import Format
    from iotcall.grammar import Automaton

BundleChoice = Annotated[str | None, typer.Option(
    "--bundle", "-b", metavar="DIR|NAME", help="A bundle's own automaton (default: the starter).")]
CatalogueOption = Annotated[str | None, typer.Option(
    "--catalogue", metavar="DIR|NAME", help="Compile this catalogue instead.")]
FormatOption = Annotated[str | None, typer.Option(
    "--format", "-f", help="Wire format: compact, functiongemma, hermes, lfm2, lfm2.5.")]
TokenizerOption = Annotated[Path | None, typer.Option(
    "--tokenizer", metavar="FILE", help="tokenizer.json of the student (default: the starter's, "
    "with the special tokens of the format added).")]
SkillOption = Annotated[str | None, typer.Option(
    "--skill", help="Of a catalogue with skills: this one's tools, or 'router' for the first "
                    "decision.")]


class Source(msgspec.Struct, frozen=True):
    """An automaton with what it was made of."""

    catalogue: Catalogue
    format: Format
    tokenizer: Tokenizer
    automaton: Automaton
    folder: Path | None
    """Folder with the catalogue's golden dialogues."""
    compile_ms: float | None
    """Reading the vocabulary included; None where the automaton was loaded."""


def source_of(bundle: str | None, catalogue: str | None, format: str | None,
              tokenizer: Path | None, skill: str | None = None) -> Source:
    """The automaton of a bundle, or of a catalogue compiled now.

    Raises:
        InputError: the options do not go together, or name nothing that is there.
    """
    if catalogue is None:
        if format or tokenizer or skill:
            raise InputError("--format, --tokenizer and --skill go with --catalogue; a bundle has "
                             "its own")
        return _of_bundle(bundle or DEFAULT_BUNDLE)
    if bundle is not None:
        raise InputError("give --bundle or --catalogue, not both")
    from iotcall.catalogue import load_catalogue
    from iotcall.formats import format_named
    from iotcall.grammar.compiler import compile_automaton

    folder = find("grammars", catalogue)
    loaded = load_catalogue(folder)
    if skill is not None:
        known = {each.name: each for each in loaded.skills}
        if (skill != "router" and skill not in known) or not known:
            raise InputError(f"{catalogue} has no skill {skill!r}; expected one of "
                             f"{', '.join(['router', *known]) if known else 'none'}")
        loaded = loaded.router() if skill == "router" else loaded.of_skill(known[skill])
    chosen = format_named(format or "compact")
    read = tokenizer_for(chosen, tokenizer)
    began = time.perf_counter()
    automaton = compile_automaton(loaded, chosen, chosen.pieces(loaded), read)
    return Source(loaded, chosen, read, automaton, folder if folder.is_dir() else None,
                  1000 * (time.perf_counter() - began))


def tokenizer_for(format: Format, path: Path | None) -> Tokenizer:
    """The tokenizer in a file; without one the starter's, with the format's special tokens."""
    from tokenizers import Tokenizer

    from iotcall.bundle.bundle import TOKENIZER

    if path is not None:
        try:
            return Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises bare exceptions
            raise InputError(f"{path} is no tokenizer.json: {error}") from error
    read = Tokenizer.from_file(str(bundle_folder(DEFAULT_BUNDLE) / TOKENIZER))
    read.add_special_tokens(list(format.special_tokens))
    return read


def _of_bundle(name: str) -> Source:
    from tokenizers import Tokenizer

    from iotcall.bundle import open_bundle

    folder = bundle_folder(name)
    opened = open_bundle(folder)
    return Source(opened.catalogue, opened.format,
                  Tokenizer.from_file(str(opened.tokenizer_path)), opened.automaton, folder, None)
