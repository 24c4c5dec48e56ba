"""Checkpoint -> bundle, for trained students of three architectures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from iotcall.bundle import (
    Bundle,
    ProviderSettings,
    generate_key,
    open_bundle,
    verify_bundle,
    verify_signature,
)
from iotcall.catalogue import load_catalogue
from iotcall.errors import BundleError, ExportError, InputError
from iotcall.evaluate import evaluate, read_dialogues, selftest
from iotcall.export.exporter import ExportReport, Options, export_student
from iotcall.export.parity.certificate import Certificate
from iotcall.export.target import Budget, Head, ParityBounds, Target, load_target
from iotcall.runtime import Modes, Student
from tests.export.providers import provided
from tests.lamp import FOLDER, STUDENTS

ARCHITECTURES = sorted(STUDENTS)


def _export(checkpoint: Path, out: Path, target: str | Target = "cpu-int8",
            **options: object) -> ExportReport:
    name, recipe = load_target(target) if isinstance(target, str) else ("own", target)
    return export_student(str(checkpoint), FOLDER, load_catalogue(FOLDER), name, recipe, out,
                          options=Options(**options))  # type: ignore[arg-type]


def _certificate(folder: Path) -> Certificate:
    return msgspec.json.decode((folder / "parity.json").read_bytes(), type=Certificate)


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
            tokenizer = student.tokenizer
            ids = tokenizer.encode(bundle.pieces.prefix + bundle.pieces.open_turn(utterance)).ids
            end = tokenizer.token_to_id(bundle.pieces.end)
            with torch.no_grad():
                written = model.generate(torch.tensor([ids]), max_new_tokens=60, do_sample=False,
                                         eos_token_id=end, pad_token_id=0)[0, len(ids):-1]
            torch_text = tokenizer.decode(written.tolist(), skip_special_tokens=False)
            assert student.decode([], utterance).text == torch_text


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_certificate_compares_every_stage_with_torch(
        architecture: str, bundle_of: Callable[[str], Bundle]) -> None:
    certificate = _certificate(bundle_of(architecture).folder)
    assert [stage.name for stage in certificate.stages] == [
        "torch, fp32", "traced graph, fp32", "fused graph, fp32", "weights of 8 bits"]
    assert certificate.prefill_difference < 1e-4
    assert all(stage.logit_difference < 1e-4 for stage in certificate.stages[:3])
    assert 1e-3 < certificate.stages[3].logit_difference < 2
    assert all(stage.agreement == 1 for stage in certificate.stages)
    assert {variant.agreed for variant in certificate.variants} == {14}
    assert len(certificate.variants) == 4
    assert certificate.prefix_tokens > 100
    assert certificate.grammar_mass_difference < 0.01
    assert any("200" in note for note in certificate.notes)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_four_bits_with_asked_rows_keep_the_calls_too(
        architecture: str, tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    report = _export(checkpoint_of(architecture), tmp_path / "out", "cpu-int4")
    assert report.certificate.stages[-1].agreement >= 0.99
    assert report.certificate.grammar_mass_difference < 0.05
    bundle = open_bundle(tmp_path / "out")
    assert bundle.layout.rows == "asked_or_all"
    with Student.open(bundle) as student:
        found = selftest(bundle, student)
    assert found.passed
    assert found.same_as_export == found.turns == 14


def test_a_trimmed_vocabulary_makes_the_bundle_smaller_and_keeps_the_calls(
        tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    _, target = load_target("cpu-int4")
    trimmed = msgspec.structs.replace(target, head=Head(rows="asked", trim=True, most=0))
    small = _export(checkpoint_of("lfm2"), tmp_path / "small", trimmed)
    whole = _export(checkpoint_of("lfm2"), tmp_path / "whole", target)
    kept = open_bundle(tmp_path / "small").layout.vocabulary
    assert kept < open_bundle(tmp_path / "whole").layout.vocabulary
    assert small.model_bytes < whole.model_bytes
    assert small.certificate.stages[-1].agreement == 1
    assert small.certificate.retokenised == 0
    assert any(str(kept) in note for note in small.notes)


def test_only_live_rows_are_shipped_where_the_catalogue_is_closed(
        tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    closed = tmp_path / "closed"
    shutil.copytree(FOLDER, closed)
    tools = json.loads((closed / "tools.json").read_text())
    listed = tools["tools"] if isinstance(tools, dict) else tools
    listed[:] = [tool for tool in listed if tool["function"]["name"] != "note"]
    (closed / "tools.json").write_text(json.dumps(tools))
    golden = [line for line in (FOLDER / "golden.jsonl").read_text().splitlines()
              if "note" not in line]
    (closed / "golden.jsonl").write_text("\n".join(golden))
    _, target = load_target("cpu-int8")
    live = msgspec.structs.replace(target, head=Head(rows="live", outside=16))
    report = export_student(str(checkpoint_of("gemma3")), closed, load_catalogue(closed), "own",
                            live, tmp_path / "out", options=Options(allow=True))
    bundle = open_bundle(tmp_path / "out")
    assert bundle.layout.rows == "live"
    rows = np.load(tmp_path / "out" / "rows.npy")
    assert 16 < len(rows) < bundle.layout.vocabulary / 2
    assert set(bundle.automaton.tokens.tolist()) <= set(rows.tolist())
    assert report.certificate.stages[-1].agreement == 1


def test_torch_answers_for_itself_where_it_would_not_have_chosen_a_token(
        tmp_path: Path, checkpoint_of: Callable[[str], Path],
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iotcall.export.parity.certificate._chosen", lambda *_: False)
    report = _export(checkpoint_of("lfm2"), tmp_path / "out", "cpu-fp32")
    assert report.certificate.stages[1].agreed == 14
    assert 0 < report.certificate.stages[1].logit_difference < 1e-4


def test_the_shipped_prefix_state_is_used_only_for_what_it_was_made_of(
        tmp_path: Path, bundle_of: Callable[[str], Bundle]) -> None:
    bundle = bundle_of("lfm2")
    with Student.open(bundle) as student, Student.open(
            bundle, modes=Modes(prefix_kv=False)) as slow:
        passes: list[int] = []
        run = student.decoder.run
        student.decoder.run = lambda ids, *rest, **more: (  # type: ignore[method-assign]
            passes.append(len(ids)), run(ids, *rest, **more))[1]
        quick, whole = (item.decode([], "heat to 21") for item in (student, slow))
    assert quick.calls == whole.calls
    assert quick.confidence == pytest.approx(whole.confidence, rel=1e-3)
    assert max(passes) < len(student.parts.main.prefix) / 2
    shutil.copytree(bundle.folder, tmp_path / "other")
    note = json.loads((tmp_path / "other" / "prefix.json").read_text())
    (tmp_path / "other" / "prefix.json").write_text(json.dumps({**note, "key": "0" * 64}))
    other = msgspec.structs.replace(bundle, folder=tmp_path / "other")
    with Student.open(other) as student:  # of other tools: run again, with the same result
        assert student.decode([], "heat to 21").calls == quick.calls


def test_the_same_checkpoint_gives_the_same_bytes(
        tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    key, manifests = generate_key(), []
    for run in ("a", "b"):
        out = tmp_path / run / "same"
        export_student(str(checkpoint_of("qwen3")), FOLDER, load_catalogue(FOLDER),
                       *load_target("cpu-int8"), out, sign_with=key)
        manifests.append((out / "manifest.json").read_bytes() + (
            out / "manifest.sig").read_bytes())
    assert manifests[0] == manifests[1]
    assert verify_signature(out, [key.public_key()]) is not None


def test_the_manifest_says_what_made_it_and_what_it_holds(
        bundle_of: Callable[[str], Bundle]) -> None:
    bundle = bundle_of("lfm2")
    manifest = verify_bundle(bundle.folder, full=True)
    assert manifest.student.architecture == "lfm2"
    assert manifest.target.provider == "CPUExecutionProvider"
    assert manifest.allowed == ()
    assert {"iotcall", "optimum", "optimum-onnx", "torch", "onnxruntime"} <= set(
        manifest.made_with)
    assert bundle.layout.provider == ProviderSettings()
    assert bundle.layout.capacity == 2048


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


def test_parity_below_the_bar_leaves_nothing_behind_unless_it_is_allowed(
        tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    _, target = load_target("cpu-fp32")
    impossible = msgspec.structs.replace(target, parity=ParityBounds(logit_difference=0.0))
    with pytest.raises(ExportError, match="differs from torch"):
        _export(checkpoint_of("qwen3"), tmp_path / "out", impossible)
    assert list(tmp_path.iterdir()) == []
    report = _export(checkpoint_of("qwen3"), tmp_path / "out", impossible, allow=True)
    assert verify_bundle(tmp_path / "out", full=True).allowed == report.allowed != ()


def test_another_architecture_goes_through_with_a_plain_graph_and_a_note(
        tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    """Random weights: what matters is that it runs and says what it misses."""
    student = tmp_path / "student"
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(
        vocab_size=600, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=True,
    )).save_pretrained(student)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(checkpoint_of("qwen3") / name, student / name)
    with pytest.raises(ExportError, match="no wire format is known for llama"):
        _export(student, tmp_path / "none")
    report = _export(student, tmp_path / "out", format_name="hermes", allow=True)
    assert any("llama" in note and "stock" in note for note in report.notes)
    assert report.certificate.prefill_difference < 1e-4
    bundle = open_bundle(tmp_path / "out")
    assert (bundle.layout.layout, bundle.layout.rows) == ("growing", "all")
    with Student.open(bundle) as opened:
        assert opened.decode([], "heat to 21").outcome in ("call", "too_long")
    with pytest.raises(ExportError, match="needs graphs of fixed shapes"):
        _export(student, tmp_path / "npu", "openvino-cpu", format_name="hermes")


def _on_provider(checkpoint: Path, out: Path, target: str) -> None:
    report = _export(checkpoint, out, target)
    provider = report.certificate.stages[-1]
    assert provider.name.startswith(load_target(target)[1].provider.name)
    assert provider.agreed == provider.turns == 14
    assert sum("in 1 subgraph on" in note for note in report.notes) == 2  # chunk and step
    layout = open_bundle(out).layout
    assert bool(layout.contexts) == target.startswith("qnn")
    assert all((out / name).is_file() for name in (*layout.graphs, *layout.contexts))


@pytest.mark.parametrize("target", provided("openvino-cpu"))
def test_a_provider_makes_the_calls_of_the_bundle(
        target: str, tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    _on_provider(checkpoint_of("lfm2"), tmp_path / "out", target)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["qnn-htp-v68", "qnn-htp-v73", "openvino-cpu"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_family_runs_in_one_partition_and_makes_its_calls(
        architecture: str, target: str, tmp_path: Path,
        checkpoint_of: Callable[[str], Path]) -> None:
    _on_provider(checkpoint_of(architecture), tmp_path / "out", target)


def test_a_budget_that_is_passed_is_noted(
        tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    _, target = load_target("cpu-fp32")
    report = _export(checkpoint_of("gemma3"), tmp_path / "out", msgspec.structs.replace(
        target, budget=Budget(bytes=100_000)))
    assert any("more than the target's budget of 0.1 MB" in note for note in report.notes)
