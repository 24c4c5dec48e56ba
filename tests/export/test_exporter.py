"""Checkpoint -> bundle, for trained students of three architectures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch
from transformers import AutoModelForCausalLM

from iotcall.bundle import Bundle, verify_bundle
from iotcall.catalogue import load_catalogue
from iotcall.errors import BundleError, ExportError, InputError
from iotcall.evaluate import evaluate, read_dialogues
from iotcall.export.exporter import export_student
from iotcall.export.target import ParityBounds, load_target
from iotcall.runtime import Student
from tests.lamp import FOLDER, STUDENTS

ARCHITECTURES = sorted(STUDENTS)


def _export(checkpoint: Path, out: Path, target: str = "cpu-int8", **options: object) -> None:
    export_student(checkpoint, FOLDER, load_catalogue(FOLDER), *load_target(target), out,
                   **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_trained_student_keeps_its_calls(
        architecture: str, bundle_of: Callable[[str], Bundle]) -> None:
    bundle = bundle_of(architecture)
    assert bundle.format.name == STUDENTS[architecture]
    with Student.open(bundle) as student:
        found = evaluate(student, read_dialogues(FOLDER / "golden.jsonl"))
    assert found.tool_call_equivalence >= 0.8
    assert found.invalid_calls == 0


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_bundle_answers_as_torch_does_where_the_grammar_is_not_needed(
        architecture: str, bundle_of: Callable[[str], Bundle],
        checkpoint_of: Callable[[str], Path]) -> None:
    bundle = bundle_of(architecture)
    model = AutoModelForCausalLM.from_pretrained(checkpoint_of(architecture)).eval()
    with Student.open(bundle) as student:
        for dialogue in read_dialogues(FOLDER / "golden.jsonl"):
            utterance = dialogue.turns[0].utterance
            tokenizer = student._tokenizer
            ids = tokenizer.encode(bundle.pieces.prefix + bundle.pieces.open_turn(utterance)).ids
            end = tokenizer.token_to_id(bundle.pieces.end)
            with torch.no_grad():
                written = model.generate(torch.tensor([ids]), max_new_tokens=60, do_sample=False,
                                         eos_token_id=end, pad_token_id=0)[0, len(ids):-1]
            torch_text = tokenizer.decode(written.tolist(), skip_special_tokens=False)
            assert student.decode([], utterance).text == torch_text


def test_the_same_checkpoint_gives_the_same_bytes(
        tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    manifests = []
    for run in ("a", "b"):
        _export(checkpoint_of("qwen3"), tmp_path / run / "same")
        manifests.append((tmp_path / run / "same" / "manifest.json").read_bytes())
    assert manifests[0] == manifests[1]


def test_the_manifest_says_what_made_it_and_what_it_holds(
        bundle_of: Callable[[str], Bundle]) -> None:
    manifest = verify_bundle(bundle_of("lfm2").folder, full=True)
    assert manifest.student.architecture == "lfm2"
    assert manifest.target.provider == "CPUExecutionProvider"
    assert {"iotcall", "optimum", "optimum-onnx", "torch", "onnxruntime"} <= set(
        manifest.made_with)
    parity = json.loads((bundle_of("lfm2").folder / "parity.json").read_text())
    assert parity["logit_difference"] <= 1e-4
    assert parity["call_agreement"] >= 0.99


def test_a_checkpoint_without_tokenizer_is_refused(
        tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    shutil.copytree(checkpoint_of("qwen3"), tmp_path / "student")
    (tmp_path / "student" / "tokenizer.json").unlink()
    with pytest.raises(ExportError, match=r"holds no tokenizer\.json"):
        _export(tmp_path / "student", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_format_of_another_family_is_refused(
        tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match="has no token"):
        _export(checkpoint_of("qwen3"), tmp_path / "out", format_name="functiongemma")


def test_a_bundle_in_the_way_is_kept_unless_it_may_be_replaced(
        tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    out = tmp_path / "bundle"
    _export(checkpoint_of("qwen3"), out, "cpu-fp32")
    with pytest.raises(BundleError, match="--replace"):
        _export(checkpoint_of("qwen3"), out)
    assert verify_bundle(out, full=True).target.name == "cpu-fp32"
    _export(checkpoint_of("qwen3"), out, replace=True)
    assert verify_bundle(out, full=True).target.name == "cpu-int8"


def test_parity_that_is_not_reached_leaves_nothing_behind(
        tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    name, target = load_target("cpu-int8")
    impossible = msgspec.structs.replace(target, parity=ParityBounds(logit_difference=0.0))
    with pytest.raises(ExportError, match="differs from torch"):
        export_student(checkpoint_of("qwen3"), FOLDER, load_catalogue(FOLDER), name, impossible,
                       tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
