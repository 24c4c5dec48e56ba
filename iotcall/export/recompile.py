"""Compile a bundle's grammar again, all else kept. Leaves out: everything about its weights."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from pathlib import Path

import msgspec
from tokenizers import Tokenizer

import iotcall
from iotcall.bundle import verify_bundle, write_bundle
from iotcall.bundle.bundle import AUTOMATON, CATALOGUE, PROMPT, SKILLS, TOKENIZER
from iotcall.catalogue import catalogue_from_json
from iotcall.formats import PromptPieces, format_named
from iotcall.grammar import Automaton
from iotcall.grammar.compiler import compile_automaton


def recompile_grammar(folder: Path) -> Automaton:
    """Write the bundle in `folder` anew with an automaton of this version; return the automaton.

    Raises:
        BundleError: the bundle is not whole.
    """
    manifest = verify_bundle(folder, full=True)
    catalogue = catalogue_from_json(json.loads((folder / CATALOGUE).read_bytes()),
                                    manifest.catalogue)
    pieces = msgspec.json.decode((folder / PROMPT).read_bytes(), type=PromptPieces)
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    format = format_named(manifest.student.format)
    automaton = compile_automaton(catalogue.router() if catalogue.skills else catalogue, format,
                                  pieces, tokenizer)
    fresh_automata = {AUTOMATON: automaton}
    for skill in catalogue.skills:
        own = msgspec.json.decode((folder / SKILLS / skill.name / PROMPT).read_bytes(),
                                  type=PromptPieces)
        fresh_automata[f"{SKILLS}/{skill.name}/{AUTOMATON}"] = compile_automaton(
            catalogue.of_skill(skill), format, own, tokenizer)
    made_with = {**manifest.made_with, "iotcall": iotcall.__version__, **{
        name: importlib.metadata.version(name) for name in ("outlines-core", "tokenizers")}}
    with write_bundle(folder, name=manifest.name, catalogue=manifest.catalogue,
                      student=manifest.student, target=manifest.target, made_with=made_with,
                      allowed=manifest.allowed, replace=True) as fresh:
        for name in manifest.files:
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            if name in fresh_automata:
                fresh_automata[name].save(fresh / name)
            elif name == TOKENIZER:  # bundles of earlier versions hold it with much white space
                (fresh / name).write_text(tokenizer.to_str(), encoding="utf-8")
            else:
                shutil.copyfile(folder / name, fresh / name)
    return automaton
