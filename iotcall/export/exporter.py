"""Checkpoint -> bundle: trace, quantise, compile the grammar, prove parity, write.

Leaves out: the steps themselves (graph, quantise, template, parity).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import platform
import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec
from tokenizers import Tokenizer

import iotcall
from iotcall.bundle import (
    Bundle,
    StudentInfo,
    TargetInfo,
    check_place,
    open_bundle,
    write_bundle,
)
from iotcall.bundle.bundle import (
    AUTOMATON,
    CATALOGUE,
    DIALOGUE,
    GOLDEN,
    MODEL,
    PROMPT,
    SKILLS,
    TOKENIZER,
)
from iotcall.catalogue import Catalogue
from iotcall.checkpoint import CheckpointNote, read_note
from iotcall.dialogue import read_dialogue
from iotcall.errors import ExportError, FileError
from iotcall.evaluate import Dialogue, read_dialogues
from iotcall.export.graph import (
    DecoderGraph,
    compare_with_torch,
    export_decoder,
    read_architecture,
)
from iotcall.export.parity import Parity, compare_calls
from iotcall.export.quantise import quantise_weights
from iotcall.export.target import Target
from iotcall.export.template import template_pieces
from iotcall.formats import Format, format_named
from iotcall.grammar.compiler import compile_automaton
from iotcall.runtime import Student

PARITY = "parity.json"
TRAINING = "training.json"
HISTORY_TURNS = 4
"""Earlier turns that a bundle's student is shown: what the students here are trained with."""
FAMILY_FORMATS = {"qwen3": "hermes", "gemma3_text": "functiongemma", "lfm2": "lfm2"}
"""The wire format of a published student by its architecture."""

_TOOLS = ("onnx", "onnxruntime", "optimum", "optimum-onnx", "outlines-core", "tokenizers", "torch",
          "transformers", "accelerate", "num2words", "numpy", "onnx-ir", "safetensors")


class ExportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an export made."""

    bundle: Path
    bytes: int
    parity: Parity
    notes: tuple[str, ...]


def export_student(
    checkpoint: Path, grammar_folder: Path, catalogue: Catalogue, target_name: str, target: Target,
    out: Path, *, format_name: str | None = None, replace: bool = False,
    progress: Callable[[str], None] = lambda step: None,
) -> ExportReport:
    """Turn a checkpoint's folder into a bundle at `out`, all or nothing.

    `grammar_folder` holds the catalogue's ``golden.jsonl`` and, if a hub is to use it,
    ``dialogue.toml``; `progress` is told the name of each step.

    Raises:
        ExportError: the checkpoint cannot be exported, or parity is not reached.
        BundleError: `out` is in the way.
    """
    check_place(out, replace=replace)
    architecture = read_architecture(checkpoint)
    note = _note(checkpoint, format_name)
    format = _format(architecture, format_name or (note.format if note else None))
    golden, dialogue = grammar_folder / GOLDEN, grammar_folder / DIALOGUE
    if dialogue.is_file():
        read_dialogue(dialogue.read_text(encoding="utf-8"), catalogue, dialogue)
    dialogues = read_dialogues(golden)
    tokenizer_path = checkpoint / TOKENIZER
    if not tokenizer_path.is_file():
        raise ExportError(f"{checkpoint} holds no {TOKENIZER}: save the student with its fast "
                          "tokenizer")
    student = StudentInfo(
        architecture=architecture, parameters=_parameters(checkpoint), format=format.name,
        history_turns=HISTORY_TURNS, checkpoint_sha256=_weights_hash(checkpoint))
    first = catalogue.router() if catalogue.skills else catalogue
    pieces, notes = template_pieces(checkpoint, format, first)
    tokenizer = _tokenizer(tokenizer_path)
    progress("compiling the grammar")
    automaton = compile_automaton(first, format, pieces, tokenizer)
    skills = {}
    for skill in catalogue.skills:
        part = catalogue.of_skill(skill)
        own = template_pieces(checkpoint, format, part)[0]
        skills[skill.name] = own, compile_automaton(part, format, own, tokenizer)

    def fill(folder: Path) -> None:
        """Everything but the graph."""
        tokenizer.save(str(folder / TOKENIZER))
        automaton.save(folder / AUTOMATON)
        (folder / PROMPT).write_bytes(_json(pieces))
        for name, (own, part) in skills.items():
            (folder / SKILLS / name).mkdir(parents=True)
            (folder / SKILLS / name / PROMPT).write_bytes(_json(own))
            part.save(folder / SKILLS / name / AUTOMATON)
        (folder / CATALOGUE).write_text(
            json.dumps(catalogue.to_json(), indent=2, ensure_ascii=False) + "\n")
        shutil.copyfile(golden, folder / GOLDEN)
        if note:
            (folder / TRAINING).write_bytes(_json(note))
        if dialogue.is_file():
            shutil.copyfile(dialogue, folder / DIALOGUE)

    def bundle_at(folder: Path, name: str, recipe: Target,
                  replace: bool = False) -> AbstractContextManager[Path]:
        return write_bundle(folder, name=out.name, catalogue=catalogue.name, student=student,
                            target=_target_info(name, recipe), made_with=_made_with(),
                            replace=replace)

    with tempfile.TemporaryDirectory(prefix="iotcall-export-") as scratch:
        progress("tracing the graph")
        graph = export_decoder(checkpoint, Path(scratch) / "fp32", opset=target.opset)
        progress("comparing logits with torch")
        ids = tokenizer.encode(pieces.prefix + pieces.open_turn(dialogues[0].turns[0].utterance),
                               add_special_tokens=False).ids
        difference = _logit_difference(checkpoint, graph, ids, target)
        reference = Path(scratch) / "reference"
        with bundle_at(reference, "cpu-fp32", Target(provider="CPUExecutionProvider",
                                                     precision="fp32")) as folder:
            fill(folder)
            shutil.copytree(graph.path.parent, folder, dirs_exist_ok=True)
        with bundle_at(out, target_name, target, replace) as folder:
            fill(folder)
            if target.quantisation:
                progress("quantising")
                quantise_weights(graph.path, folder / MODEL, bits=target.quantisation.bits,
                                 block_size=target.quantisation.block_size,
                                 accuracy_level=target.quantisation.accuracy_level)
            else:
                shutil.copytree(graph.path.parent, folder, dirs_exist_ok=True)
            progress("comparing calls")
            fp32 = open_bundle(reference)
            # subtle: the candidate has no manifest yet, so it is fp32's with another folder
            quantised = msgspec.structs.replace(
                fp32, folder=folder, manifest=msgspec.structs.replace(
                    fp32.manifest, target=_target_info(target_name, target)))
            parity = _parity(fp32, quantised, dialogues, difference, target)
            (folder / PARITY).write_bytes(_json(parity))
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return ExportReport(bundle=out, bytes=size, parity=parity, notes=notes + graph.notes)


def _note(checkpoint: Path, format_name: str | None) -> CheckpointNote | None:
    """The checkpoint's note; a broken one is none where the format was given."""
    try:
        return read_note(checkpoint)
    except FileError:
        if format_name is None:
            raise
        return None


def _format(architecture: str, given: str | None) -> Format:
    """As given, or the family's."""
    given = given or FAMILY_FORMATS.get(architecture)
    if given is None:
        raise ExportError(f"no wire format is known for {architecture}; give --format")
    return format_named(given)


def _target_info(name: str, target: Target) -> TargetInfo:
    return TargetInfo(name=name, provider=target.provider, precision=target.precision)


def _logit_difference(checkpoint: Path, graph: DecoderGraph, ids: list[int],
                      target: Target) -> float:
    """Of a prompt in chunks: a prefill, single steps, then several tokens with a past."""
    ids = (ids * (20 // len(ids) + 1))[:max(len(ids), 20)]
    found = compare_with_torch(graph, checkpoint, ids, [len(ids) - 12, 1, 1, 1, 1, 5, 3])
    if not found <= target.parity.logit_difference:
        raise ExportError(f"the graph differs from torch by {found:.2g} in a logit, more than "
                          f"{target.parity.logit_difference:.2g}; this architecture is not "
                          "exported rightly by these versions")
    return found


def _parity(reference: Bundle, candidate: Bundle, dialogues: list[Dialogue], difference: float,
            target: Target) -> Parity:
    with Student.open(reference) as expected, Student.open(candidate) as found:
        parity = compare_calls(expected, found, dialogues, difference)
    if parity.call_agreement < target.parity.call_agreement:
        raise ExportError(
            f"the quantised student agrees with the unquantised one on "
            f"{parity.call_agreement:.1%} of {parity.turns} golden turns, below "
            f"{target.parity.call_agreement:.1%}; choose a target of higher precision")
    return parity


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _tokenizer(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare exceptions
        raise ExportError(f"{path} is no tokenizer: {error}") from error


def _parameters(checkpoint: Path) -> int:
    from safetensors import SafetensorError, safe_open

    total = 0
    for path in sorted(checkpoint.glob("*.safetensors")):
        try:
            with safe_open(path, framework="numpy") as tensors:
                total += sum(math.prod(tensors.get_slice(key).get_shape())
                             for key in tensors.keys())  # noqa: SIM118, not a dict
        except SafetensorError as error:
            raise ExportError(f"{path} cannot be read: {error}; copy the checkpoint "
                              "again") from error
    return total


def _weights_hash(checkpoint: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(checkpoint.glob("*.safetensors")):
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _made_with() -> dict[str, str]:
    versions = {"iotcall": iotcall.__version__, "python": platform.python_version()}
    return versions | {name: importlib.metadata.version(name) for name in _TOOLS}
