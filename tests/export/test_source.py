"""What can be exported: folders, hub ids and adapters, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, PromptTuningConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from iotcall.catalogue import Catalogue, load_catalogue
from iotcall.errors import ExportError
from iotcall.export.exporter import Options, export_student
from iotcall.export.graphs.trace import trace_skeleton
from iotcall.export.graphs.weights import EMBEDDING, HEAD, Weights
from iotcall.export.parity.oracle import Oracle
from iotcall.export.student.parts import read_parts
from iotcall.export.student.source import open_source
from iotcall.export.target import Head, load_target
from tests.lamp import FOLDER, STUDENTS

pytestmark = pytest.mark.filterwarnings("ignore:Model with .tie_word_embeddings")
IDS = list(range(40))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Students this small only wait for other threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def student(tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> Path:
    """A copy of the Qwen3 student, to be broken."""
    return shutil.copytree(checkpoint_of("qwen3"), tmp_path / "student")


def _refused(given: Path | str, **options: Any) -> str:
    """The one line of a source that is refused."""
    with pytest.raises(ExportError) as refused, open_source(str(given), **options):
        pass
    assert "\n" not in str(refused.value)
    return str(refused.value)


def _tensors_refused(folder: Path) -> str:
    """The one line of weights that are refused."""
    with open_source(str(folder)) as source:
        wanted = trace_skeleton(source.config).weights
        with pytest.raises(ExportError) as refused:
            _check_tensors(folder, wanted)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def _check_tensors(folder: Path, wanted: dict[str, tuple[int, ...]]) -> None:
    with Weights(folder) as weights:
        weights.alias(HEAD, EMBEDDING)
        weights.check(wanted, folder)


def test_a_folder_is_opened_as_it_is(checkpoint_of: Callable[[str], Path]) -> None:
    with open_source(str(checkpoint_of("lfm2"))) as source:
        assert source.folder == checkpoint_of("lfm2")
        assert source.architecture == source.config.model_type == "lfm2"
        assert source.notes == ()


def _adapter(base: Path, into: Path, **settings: Any) -> tuple[Path, torch.Tensor]:
    """An adapter with random weights, named after its base's folder, and its logits."""
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    settings = {"r": 4, "target_modules": "all-linear"} | settings
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **settings)).eval()
    for name, weight in adapted.named_parameters():
        if weight.requires_grad and "magnitude" not in name:
            torch.nn.init.normal_(weight, std=0.03)
    adapted.peft_config["default"].base_model_name_or_path = base.name
    adapted.save_pretrained(into, save_embedding_layers=False)
    with torch.no_grad():
        logits = adapted(input_ids=torch.tensor([IDS])).logits[0]
        with adapted.disable_adapter():
            plain = adapted(input_ids=torch.tensor([IDS])).logits[0]
    assert (logits - plain).abs().max() > 0.1
    return into, logits


def _assert_same(found: np.ndarray, expected: torch.Tensor) -> None:
    """Up to what fp32 rounds."""
    largest = max(1.0, float(expected.abs().max()))
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-5 * largest)


def _merged_logits(adapter: Path | str, **options: Any) -> np.ndarray:
    with open_source(str(adapter), **options) as source:
        return Oracle(source.folder).logits(IDS, len(IDS))


@pytest.mark.parametrize("architecture", sorted(STUDENTS))
def test_a_merged_adapter_computes_what_peft_computes(
        architecture: str, tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    base = shutil.copytree(checkpoint_of(architecture), tmp_path / architecture)
    adapter, expected = _adapter(base, tmp_path / "adapter")
    with open_source(str(adapter)) as source:
        assert source.notes == (f"the adapter was merged into {architecture}",)
        assert source.given == str(adapter)
        assert source.folder != adapter
        found = Oracle(source.folder).logits(IDS, len(IDS))
        assert (source.folder / "tokenizer.json").read_bytes() == (
            base / "tokenizer.json").read_bytes()
        assert (source.folder / "iotcall.json").is_file()
        assert HEAD not in load_file(source.folder / "model.safetensors")
    assert not source.folder.exists()
    _assert_same(found, expected)


@pytest.mark.parametrize("settings", [
    {"target_modules": ["embed_tokens"]},
    {"target_modules": ["q_proj", "lm_head"]},
    {"modules_to_save": ["embed_tokens"]},
    {"modules_to_save": ["lm_head"]},
    {"trainable_token_indices": {"embed_tokens": [3, 5, 8]}},
    {"use_dora": True},
    {"use_rslora": True, "rank_pattern": {"q_proj": 2}},
], ids=lambda settings: "-".join(map(str, settings.values())))
def test_an_adapter_of_any_kind_computes_what_peft_computes(
        settings: dict[str, Any], tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    base = shutil.copytree(checkpoint_of("qwen3"), tmp_path / "base")
    adapter, expected = _adapter(base, tmp_path / "adapter", **settings)
    _assert_same(_merged_logits(adapter), expected)


def test_the_base_is_found_beside_the_adapter_or_as_given(
        tmp_path: Path, checkpoint_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch,
        empty_hub: Path) -> None:
    adapter, expected = _adapter(checkpoint_of("qwen3"), tmp_path / "adapter")
    lone = _refused(adapter)
    assert f"{adapter} is an adapter without its base: qwen3: expected the folder" in lone
    assert "give the base with --base" in lone
    _assert_same(_merged_logits(adapter, base=str(checkpoint_of("qwen3"))), expected)
    for named, place in (("/trained/elsewhere/qwen3", "qwen3"), ("qwen3", "adapter/qwen3"),
                         ("owner/qwen3", "qwen3")):
        _name_base(adapter, named)
        base = shutil.copytree(checkpoint_of("qwen3"), tmp_path / place)
        _assert_same(_merged_logits(adapter), expected)
        shutil.rmtree(base)
    _name_base(adapter, "owner/qwen3")
    assert "owner/qwen3 is no folder here and cannot be fetched from the model hub" in (
        _refused(adapter))
    _name_base(adapter, None)
    assert "names no base model: give it with --base" in _refused(adapter)
    (adapter / "adapter_config.json").write_text("[]")
    assert "it must be a JSON object" in _refused(adapter)


def _name_base(adapter: Path, name: str | None) -> None:
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"base_model_name_or_path": name}))


def test_an_adapter_of_another_base_is_refused(
        tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    adapter, _ = _adapter(checkpoint_of("qwen3"), tmp_path / "adapter")
    other = shutil.copytree(checkpoint_of("qwen3"), tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    for changed in ({"num_hidden_layers": 2, "layer_types": None}, {"intermediate_size": 96}):
        (other / "config.json").write_text(json.dumps(config | changed))
        AutoModelForCausalLM.from_config(
            AutoConfig.from_pretrained(other)).save_pretrained(other)
        shown = _refused(adapter, base=str(other))
        assert "does not fit" in shown
        assert "--base" in shown
    assert "does not fit" in _refused(adapter, base=str(checkpoint_of("lfm2")))
    assert "is an adapter itself" in _refused(adapter, base=str(adapter))
    (other / "model.safetensors").write_bytes(b"")
    assert "cannot be merged into" in _refused(adapter, base=str(other))
    (other / "config.json").unlink()
    assert f"{other} holds no config.json" in _refused(adapter, base=str(other))


def test_an_adapter_that_cannot_become_weights_is_refused(
        tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    base = shutil.copytree(checkpoint_of("qwen3"), tmp_path / "qwen3")
    model = AutoModelForCausalLM.from_pretrained(base)
    get_peft_model(model, PromptTuningConfig(
        task_type="CAUSAL_LM", num_virtual_tokens=2)).save_pretrained(tmp_path / "prompt")
    _name_base(tmp_path / "prompt", "qwen3")
    assert "PROMPT_TUNING, which adds to the prompt" in _refused(tmp_path / "prompt")
    adapter, _ = _adapter(base, tmp_path / "adapter")
    weights = load_file(adapter / "adapter_model.safetensors")
    name = sorted(weights)[0]
    save_file({key: value for key, value in weights.items() if key != name},
              adapter / "adapter_model.safetensors")
    shown = _refused(adapter)
    assert "does not fit" in shown
    assert "1 weights are absent" in shown
    save_file({key: value * np.nan for key, value in weights.items()},
              adapter / "adapter_model.safetensors")
    assert "cannot be merged" in _refused(adapter)
    (adapter / "adapter_model.safetensors").unlink()
    assert "holds no adapter_model.safetensors" in _refused(adapter)


def test_an_adapter_may_bring_a_larger_tokenizer_and_the_rows_for_it(
        tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    base = shutil.copytree(checkpoint_of("qwen3"), tmp_path / "qwen3")
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model.resize_token_embeddings(608)
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", target_modules=["q_proj"]))
    adapted.peft_config["default"].base_model_name_or_path = "qwen3"
    adapter = tmp_path / "adapter"
    adapted.save_pretrained(adapter, save_embedding_layers=True)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(base)
    tokenizer.add_tokens(["<|mine|>"])
    tokenizer.save_pretrained(adapter)
    with torch.no_grad():
        expected = adapted.eval()(input_ids=torch.tensor([IDS])).logits[0]
    with open_source(str(adapter)) as source:
        assert source.config.vocab_size == 608
        assert "<|mine|>" in (source.folder / "tokenizer.json").read_text()
        _assert_same(Oracle(source.folder).logits(IDS, len(IDS)), expected)


def test_options_that_do_not_belong_to_the_source_are_refused(
        checkpoint_of: Callable[[str], Path]) -> None:
    checkpoint = checkpoint_of("qwen3")
    assert "is no adapter, it holds no adapter_config.json: leave --base out" in (
        _refused(checkpoint, base="qwen3"))
    assert "--revision is of a model hub's repository" in _refused(checkpoint, revision="main")


@pytest.fixture
def empty_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache folder, empty, and no network."""
    cache = tmp_path / "hub"
    cache.mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return cache


COMMIT = "0123456789abcdef0123456789abcdef01234567"


def _cached(cache: Path, name: str, checkpoint: Path, revision: str = "main") -> Path:
    """The checkpoint as the hub's client keeps it."""
    folder = cache / f"models--{name.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / revision).write_text(COMMIT)
    (folder / "blobs").mkdir()
    snapshot = folder / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    for number, path in enumerate(sorted(checkpoint.iterdir())):
        blob = folder / "blobs" / f"{number:040x}"
        shutil.copyfile(path, blob)
        (snapshot / path.name).symlink_to(os.path.relpath(blob, snapshot))
    return snapshot


def test_a_hub_id_is_read_from_the_cache(
        empty_hub: Path, checkpoint_of: Callable[[str], Path], lamp: Catalogue) -> None:
    snapshot = _cached(empty_hub, "owner/student", checkpoint_of("qwen3"))
    with open_source("owner/student") as source:
        assert source.folder == snapshot
        assert source.architecture == "qwen3"
        with Weights(source.folder) as weights:
            assert weights.shape(EMBEDDING) == (600, 64)
        read_parts(source, FOLDER, lamp, Head(), format_name=None, golden=None, calibration=None,
                   progress=lambda step: None)
    with open_source("owner/student", revision=COMMIT) as source:
        assert source.folder == snapshot


def test_an_adapter_and_its_base_may_both_be_of_the_hub(
        tmp_path: Path, empty_hub: Path, checkpoint_of: Callable[[str], Path]) -> None:
    adapter, expected = _adapter(checkpoint_of("qwen3"), tmp_path / "adapter")
    _name_base(adapter, "owner/base")
    _cached(empty_hub, "owner/base", checkpoint_of("qwen3"))
    _cached(empty_hub, "owner/adapter", adapter)
    _assert_same(_merged_logits("owner/adapter"), expected)


def test_a_hub_id_that_cannot_be_fetched_is_refused(empty_hub: Path) -> None:
    said: list[str] = []
    shown = _refused("owner/nothing", progress=said.append)
    assert shown.startswith("owner/nothing is no folder here and cannot be fetched from the model "
                            "hub: ")
    assert shown.endswith("; copy the checkpoint here and give its folder")
    assert said == ["fetching owner/nothing"]
    _cached_empty = empty_hub / "models--owner--other" / "refs"
    _cached_empty.mkdir(parents=True)
    assert "owner/other is no folder here" in _refused("owner/other", revision="v9")


@pytest.mark.parametrize("given", ["nothing", "/nothing/here", "./a/b", "a/b/c", "", "a b/c"])
def test_what_is_neither_a_folder_nor_an_id_is_refused(given: str, empty_hub: Path) -> None:
    assert "expected the folder of a checkpoint or a model hub's id (owner/name)" in (
        _refused(given))


def test_a_file_is_refused(student: Path) -> None:
    assert "is a file: give the folder" in _refused(student / "model.safetensors")


@pytest.mark.parametrize(("config", "expected"), [
    (None, "holds no config.json: give the folder of a Hugging Face checkpoint"),
    ("{", "names no architecture (JSONDecodeError("),
    ("[]", "names no architecture ("),
    ("{}", "names no architecture (KeyError('model_type'))"),
    ("\ud800", "names no architecture (UnicodeDecodeError"),
    ('{"model_type": "mamba99"}', "transformers cannot read the configuration of 'mamba99'"),
    ('{"model_type": 5}', "transformers cannot read the configuration of 5"),
    ('{"model_type": "qwen3", "hidden_size": "wide", "rope_scaling": 3}',
     "transformers cannot read the configuration of 'qwen3'"),
])
def test_a_folder_without_a_readable_configuration_is_refused(
        tmp_path: Path, config: str | None, expected: str) -> None:
    if config is not None:
        (tmp_path / "config.json").write_bytes(config.encode(errors="surrogatepass"))
    assert expected in _refused(tmp_path)


def test_a_configuration_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()
    assert "names no architecture (IsADirectoryError" in _refused(tmp_path)


def test_weights_that_are_missing_or_broken_are_named(student: Path) -> None:
    path = student / "model.safetensors"
    tensors = load_file(path)
    name = "model.layers.1.self_attn.q_proj.weight"
    assert tensors.keys() > {name}
    save_file({key: value for key, value in tensors.items() if key != name}, path)
    assert f"1 weights of its architecture or has them in another shape, e.g. {name} (absent)" in (
        _tensors_refused(student))
    save_file(tensors | {name: torch.zeros(4, 64)}, path)
    assert f"e.g. {name} ([4, 64] instead of [64, 64])" in _tensors_refused(student)
    save_file(tensors, path)
    whole = path.read_bytes()
    for broken in (whole[:-100], whole[:5], b"", b"version of a pointer file, no weights"):
        path.write_bytes(broken)
        shown = _tensors_refused(student)
        assert f"{path} cannot be read: " in shown
        assert "copy the checkpoint again" in shown
    path.unlink()
    assert "holds no *.safetensors: save the student with save_pretrained" in (
        _tensors_refused(student))


def test_an_adapter_is_exported_like_any_student(
        tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    base = shutil.copytree(checkpoint_of("qwen3"), tmp_path / "qwen3")
    adapter, _ = _adapter(base, tmp_path / "adapter", target_modules=["lm_head"], r=1)
    (tmp_path / "few.jsonl").write_text((FOLDER / "golden.jsonl").read_text().splitlines()[0])
    report = export_student(
        str(adapter), FOLDER, load_catalogue(FOLDER), *load_target("cpu-fp32"),
        tmp_path / "bundle", options=Options(golden=tmp_path / "few.jsonl", prefix_kv=False))
    assert "the adapter was merged into qwen3" in report.notes
    assert (tmp_path / "bundle" / "manifest.json").is_file()
