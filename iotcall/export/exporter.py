"""Checkpoint -> bundle, step by step, all or nothing. Leaves out: the steps themselves.

source -> parts (tokenizer, prompts, automata) -> skeleton -> graphs, stage by stage, each judged
against torch -> prefix states, certificate, record of golden calls -> signed bundle.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import iotcall
from iotcall.bundle import (
    Bundle,
    StudentInfo,
    TargetInfo,
    check_place,
    open_bundle,
    write_bundle,
)
from iotcall.bundle.bundle import DRAFT, GOLDEN
from iotcall.catalogue import Catalogue
from iotcall.checkpoint import HISTORY_TURNS
from iotcall.errors import BundleError, ExportError, IotcallError
from iotcall.export.drafts import Progress
from iotcall.export.graphs.weights import Weights, weights_hash
from iotcall.export.parity.certificate import PARITY, Certificate
from iotcall.export.parity.page import PAGE, certificate_page
from iotcall.export.stages import Stages
from iotcall.export.student.parts import as_json, labelled, read_parts
from iotcall.export.student.source import open_source
from iotcall.export.surroundings import scratch_folder
from iotcall.export.target import Target

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_TOOLS = ("onnx", "onnxruntime", "optimum", "optimum-onnx", "outlines-core", "tokenizers", "torch",
          "transformers", "accelerate", "num2words", "numpy", "onnx-ir", "safetensors", "peft")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a person may choose beside checkpoint, catalogue and target."""

    format_name: str | None = None
    """Wire format; None: the student's own."""
    golden: Path | None = None
    calibration: Path | None = None
    """Dialogues that ranges and vocabularies rest on; None: the golden ones."""
    base: str | None = None
    """Of an adapter."""
    revision: str | None = None
    replace: bool = False
    allow: bool = False
    """Write the bundle below the target's bar too, and say so in its manifest."""
    prefix_kv: bool = True
    draft: Path | None = None
    """Bundle of a much smaller student of the same tools, to guess what this one confirms."""


class ExportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an export made."""

    bundle: Path
    bytes: int
    """Of all files."""
    model_bytes: int
    """Of graphs and weights alone."""
    certificate: Certificate
    allowed: tuple[str, ...]
    """Where parity is below the bar."""
    notes: tuple[str, ...]


def export_student(
    checkpoint: str, grammar_folder: Path, catalogue: Catalogue, target_name: str, target: Target,
    out: Path, *, options: Options | None = None, sign_with: Ed25519PrivateKey | None = None,
    progress: Progress = lambda step, done, total: None,
) -> ExportReport:
    """Turn a checkpoint into a bundle at `out`, all or nothing.

    `grammar_folder` holds the catalogue's ``golden.jsonl`` and, if a hub is to use it,
    ``dialogue.toml``.

    Raises:
        ExportError: the checkpoint cannot be exported, or parity is not reached.
        BundleError: `out` is in the way.
        FileError: golden dialogues or settings cannot be read.
        IotcallError: a disk is full, or fails.
    """
    options = options or Options()
    draft = _draft(options.draft, catalogue) if options.draft else None
    check_place(out, replace=options.replace)
    for path in (options.golden or grammar_folder / GOLDEN, options.calibration):
        if path:
            labelled(path, catalogue)  # before anything is fetched or merged

    def step(name: str) -> None:
        progress(name, 0, 0)

    try:
        with open_source(checkpoint, base=options.base, revision=options.revision,
                         progress=step) as source, scratch_folder() as scratch, \
                Weights(source.folder) as weights:
            parts = read_parts(
                source, grammar_folder, catalogue, target.head, format_name=options.format_name,
                golden=options.golden, calibration=options.calibration, progress=step)
            student = StudentInfo(
                architecture=source.architecture, parameters=weights.count(),
                format=parts.format.name, history_turns=HISTORY_TURNS,
                checkpoint_sha256=weights_hash(source.folder))
            stages = Stages(source, weights, parts, target_name, target, student, scratch, progress,
                            draft)
            certificate = stages.run(prefix_kv=options.prefix_kv)
            notes = (*parts.notes, *stages.notes)
            allowed = _below(certificate, target)
            if allowed and not options.allow:
                raise ExportError(f"{allowed[0]}; choose a target of higher precision, or add "
                                  "--allow to export it all the same")
            info = TargetInfo(name=target_name, provider=target.provider.name,
                              precision=target.precision)
            step("writing the bundle")
            with write_bundle(out, name=out.name, catalogue=catalogue.name, student=student,
                              target=info, made_with=_made_with(), allowed=allowed,
                              replace=options.replace, sign_with=sign_with) as folder:
                stages.fill(folder)
                if draft:
                    shutil.copytree(draft.folder, folder / DRAFT)
                notes += _over_budget(folder, target)
                whole = msgspec.structs.replace(certificate, student=out.name, notes=notes,
                                                bar=target.parity.call_agreement, allowed=allowed)
                (folder / PARITY).write_bytes(as_json(whole))
                (folder / PAGE).write_text(certificate_page(whole), encoding="utf-8")
    except OSError as error:
        raise IotcallError(f"the export stopped: {_why(error)}; nothing was written to {out}. "
                           f"Scratch files go to TMPDIR ({tempfile.gettempdir()}), about the size "
                           "of the fp32 weights twice") from error
    return ExportReport(
        bundle=out, certificate=whole, allowed=allowed, notes=notes, model_bytes=_model_bytes(out),
        bytes=sum(path.stat().st_size for path in out.rglob("*") if path.is_file()))


def _draft(folder: Path, catalogue: Catalogue) -> Bundle:
    """The bundle of a draft student.

    Raises:
        BundleError: it is none, or one that cannot guess for this catalogue.
    """
    bundle = open_bundle(folder)
    if bundle.draft:
        raise BundleError(f"{folder} has a draft student itself; take that one, or export "
                          "it without")
    own, other = ({tool.name: tool.declaration for tool in each.tools}
                  for each in (catalogue, bundle.catalogue))
    if own != other:
        differing = sorted(name for name in own.keys() | other.keys()
                           if own.get(name) != other.get(name))
        raise BundleError(f"{folder} was made for other tools: {', '.join(differing[:5])} differ "
                          "from this catalogue's; export a draft student for this catalogue")
    return bundle


def _model_bytes(folder: Path) -> int:
    """Of graphs and weights; what was compiled from them is not counted."""
    return sum(path.stat().st_size for path in folder.iterdir()
               if path.suffix in (".onnx", ".data"))


def _over_budget(folder: Path, target: Target) -> tuple[str, ...]:
    size, budget = _model_bytes(folder), target.budget.bytes
    if budget is None or size <= budget:
        return ()
    return (f"the model takes {size / 1e6:.1f} MB, more than the target's budget of "
            f"{budget / 1e6:.1f} MB",)


def _below(certificate: Certificate, target: Target) -> tuple[str, ...]:
    """Where parity is below the target's bar; sentences."""
    found = []
    difference = certificate.prefill_difference
    if difference > target.parity.logit_difference:
        found.append(f"the fp32 graph differs from torch by {difference:.2g} in a logit, more than "
                     f"{target.parity.logit_difference:.2g}")
    for stage in certificate.stages[1:]:
        bar = 1.0 if "fp32" in stage.name else target.parity.call_agreement
        if stage.agreement < bar:
            found.append(
                f"the stage '{stage.name}' makes torch's calls on {stage.agreed} of "
                f"{stage.turns - stage.ties} golden turns ({stage.agreement:.1%}, {stage.ties} "
                f"ties left out), below {bar:.0%}")
    for variant in certificate.variants:
        share = variant.agreed / variant.turns
        if share < target.parity.call_agreement:
            found.append(f"decoded {variant.name} the bundle makes its usual calls on {share:.1%} "
                         f"of the golden turns, below {target.parity.call_agreement:.0%}")
    return tuple(found)


def _why(error: OSError) -> str:
    """What stopped a copy of many files, or a file, in words."""
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):
        return str(error.args[0][0][2])
    if error.errno is None and " requested and " in str(error):  # numpy's, of a short write
        return f"a file could not be written whole ({error}), the disk is probably full"
    return str(error)


def _made_with() -> dict[str, str]:
    versions = {"iotcall": iotcall.__version__, "python": platform.python_version()}
    return versions | {name: importlib.metadata.version(name) for name in _TOOLS}
