"""``iotcall distill lexicon``: the words by which slips of the finger are spelt right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from iotcall.cli.eval import progress
from iotcall.cli.output import JsonOption, bundle_folder, print_json
from iotcall.errors import FileError, InputError


def lexicon(
    recipe: Annotated[str, typer.Option(
        metavar="FILE|NAME", help="Of the student: what people say in its dialogues.")],
    public: Annotated[Path | None, typer.Option(
        help="Folder of public files, where the recipe learns from some.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write.")] = None,
    bundle: Annotated[str | None, typer.Option(
        metavar="DIR|NAME", help="Bundle to put it into, in place of the one that it has.")] = None,
    key: Annotated[Path | None, typer.Option(
        metavar="FILE", help="Private key to sign the bundle with.")] = None,
    json: JsonOption = False,
) -> None:
    """Make a student's lexicon, as its training does; its weights do not change with it."""
    from iotcall.bundle import check_signer, renew_files
    from iotcall.bundle.bundle import LEXICON
    from iotcall.cli.keys import signing_key
    from iotcall.distill.recipe import Recipe
    from iotcall.distill.training.lexicon import DIALOGUES, heard, lexicon_for, packed
    from iotcall.distill.training.warm_start import encoder_folder
    from iotcall.settings import read_toml
    from iotcall.shipped import find

    if (out is None) == (bundle is None):
        raise InputError("say where the lexicon belongs: --out FILE or --bundle DIR, one of them")
    if key and not bundle:
        raise InputError("--key signs a bundle: add --bundle DIR")
    wanted = read_toml(find("export/students", recipe, ".toml"), Recipe)
    if not wanted.warm_start:
        raise InputError(f"{recipe}: the student begins without an encoder and has no lexicon")
    encoder_folder(wanted.warm_start)  # before anybody waits
    if out and not out.parent.is_dir():
        raise FileError(out, "cannot be written: its folder is not there")
    signer = signing_key(key) if key else None
    folder = bundle_folder(bundle) if bundle else None
    if folder:
        check_signer(folder, signer)
    texts: list[str] = []
    with progress("listening", DIALOGUES, quiet=json) as told:
        for text in heard(wanted, find("grammars", wanted.catalogue), public):
            texts.append(text)
            told(len(texts))
    made = lexicon_for(wanted, texts)
    written = packed(made)
    if folder:
        renew_files(folder, {LEXICON: written}, sign_with=signer)
    elif out:
        try:
            out.write_bytes(written)
        except OSError as error:
            raise FileError(out, f"cannot be written: {error.strerror}") from error
    counted = {"usual": len(made.usual), "spared": len(made.spared),
               "pairs": sum(len(" ".join(some).split()) for some in made.pairs.values()),
               "bytes": len(written)}
    if json:
        print_json({"out": str(folder or out), **counted})
    else:
        typer.echo(f"{counted['usual']:,} usual words, {counted['spared']:,} others, "
                   f"{counted['pairs']:,} pairs in {folder or out}")
