"""Students that begin with a checkpoint: full, adapted, merged or as an adapter."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from iotcall.catalogue import Catalogue
from iotcall.distill.recipe import Lora, Recipe
from iotcall.distill.training.adapting import TARGETS, adapted
from iotcall.distill.training.beginning import Base, from_base
from iotcall.errors import InputError
from iotcall.export.student.adapter import merge_adapter
from iotcall.formats import format_named
from tests.export.tiny import FAMILY_CONFIGS
from tests.lamp import STUDENTS

ARCHITECTURES = sorted(STUDENTS)


@pytest.fixture
def tune(checkpoint_of: Callable[[str], Path], lamp: Catalogue, train: Callable[..., Path]
         ) -> Callable[..., Path]:
    """Fine-tune a family's trained student."""
    def run(architecture: str, out: Path, lora: Lora | None, *, interrupt: int = 0,
            **more: Any) -> Path:
        folder, format = checkpoint_of(architecture), STUDENTS[architecture]
        recipe = Recipe(base=str(folder), format=format, lora=lora, batch_size=4, epochs=0.7)
        base = Base(folder, format_named(format).pieces(lamp))
        return train(out, recipe, interrupt=interrupt, most=6, more={"base": base, **more})

    return run


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_adapter_is_what_the_merged_checkpoint_holds(
        architecture: str, tmp_path: Path, tune: Callable[..., Path],
        checkpoint_of: Callable[[str], Path]) -> None:
    merged = tune(architecture, tmp_path / "merged", Lora(rank=4, alpha=16))
    adapter = tune(architecture, tmp_path / "adapter", Lora(rank=4, alpha=16, merged=False))
    assert {path.name for path in adapter.iterdir()} == {
        "adapter_config.json", "adapter_model.safetensors", "iotcall.json", "tokenizer.json",
        "tokenizer_config.json", "special_tokens_map.json", "training.jsonl"}
    named = json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"]
    assert named == str(checkpoint_of(architecture))
    (tmp_path / "again").mkdir()
    merge_adapter(adapter, checkpoint_of(architecture), tmp_path / "again")
    ours = load_file(merged / "model.safetensors")
    theirs = load_file(tmp_path / "again" / "model.safetensors")
    before = load_file(checkpoint_of(architecture) / "model.safetensors")
    assert ours.keys() == theirs.keys() == before.keys()
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-6) for name in ours)
    changed = {name for name in ours if not torch.equal(ours[name], before[name])}
    assert changed == {name for name in before
                       if name.rpartition(".weight")[0].endswith(
                           TARGETS[{"gemma3": "gemma3_text"}.get(architecture, architecture)])}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_full_tuning_moves_every_matrix_and_keeps_the_tokenizer(
        architecture: str, tmp_path: Path, tune: Callable[..., Path],
        checkpoint_of: Callable[[str], Path]) -> None:
    out = tune(architecture, tmp_path / "out", None)
    ours = load_file(out / "model.safetensors")
    before = load_file(checkpoint_of(architecture) / "model.safetensors")
    assert ours.keys() == before.keys()
    assert all(not torch.equal(ours[name], before[name]) for name in ours)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (out / name).read_bytes() == (checkpoint_of(architecture) / name).read_bytes()
    note = json.loads((out / "iotcall.json").read_text())
    assert note["format"] == STUDENTS[architecture]
    assert note["recipe"]["base"] == str(checkpoint_of(architecture))


def test_an_interrupted_tuning_ends_as_an_uninterrupted_one(
        tmp_path: Path, tune: Callable[..., Path]) -> None:
    lora = Lora(rank=4, dropout=0.2, merged=False)
    whole = tune("lfm2", tmp_path / "whole", lora)
    with pytest.raises(KeyboardInterrupt):
        tune("lfm2", tmp_path / "parts", lora, interrupt=2, checkpoint_every=1)
    parts = tune("lfm2", tmp_path / "parts", lora, resume=True)
    name = "adapter_model.safetensors"
    ours, theirs = load_file(whole / name), load_file(parts / name)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert any(tensor.abs().sum() > 0 for key, tensor in ours.items() if "lora_B" in key)


@pytest.mark.parametrize("family", sorted(FAMILY_CONFIGS))
def test_a_familys_targets_are_all_linear_layers_of_its_blocks(family: str) -> None:
    model = AutoModelForCausalLM.from_config(FAMILY_CONFIGS[family])
    linear = {name for name, module in model.named_modules()
              if isinstance(module, torch.nn.Linear) and name != "lm_head"}
    assert {name for name in linear if name.endswith(TARGETS[family])} == linear
    wrapped = adapted(model, Lora(rank=2))
    assert {name.split("base_model.model.")[1].rpartition(".lora_A")[0]
            for name, _ in wrapped.named_parameters() if ".lora_A." in name} == linear
    assert all(weight.requires_grad == (".lora_" in name)
               for name, weight in wrapped.named_parameters())


def test_layers_that_are_not_there_or_not_known_are_named() -> None:
    model = AutoModelForCausalLM.from_config(FAMILY_CONFIGS["lfm2"])
    with pytest.raises(InputError, match=r"no layer 'gate_proj'; it has in_proj, k_proj"):
        adapted(model, Lora(targets=("q_proj", "gate_proj")))
    model.config = copy.deepcopy(model.config)  # the families' own is every test's
    model.config.model_type = "mamba9"
    with pytest.raises(InputError, match=r"mamba9.*lora\.targets"):
        adapted(model, Lora())
    assert adapted(model, Lora(targets=("w1",))).peft_config


def base_of(folder: Path, catalogue: Catalogue, format: str) -> Any:
    return from_base(Recipe(base=str(folder), format=format),
                     Base(folder, format_named(format).pieces(catalogue)))


def test_a_base_that_cannot_write_the_format_is_refused(
        checkpoint_of: Callable[[str], Path], lamp: Catalogue) -> None:
    with pytest.raises(InputError, match=r"no token '<start_function_call>'.*functiongemma"):
        base_of(checkpoint_of("qwen3"), lamp, "functiongemma")


@pytest.mark.parametrize(("name", "content", "says"), [
    ("tokenizer.json", "{", "needs its fast tokenizer"),
    ("model.safetensors", "nonsense", "cannot be loaded"),
    ("config.json", '{"model_type": "nosuch"}', "cannot be loaded"),
])
def test_a_base_that_cannot_be_read_is_refused(
        tmp_path: Path, checkpoint_of: Callable[[str], Path], lamp: Catalogue, name: str,
        content: str, says: str) -> None:
    shutil.copytree(checkpoint_of("lfm2"), tmp_path / "base")
    (tmp_path / "base" / name).write_text(content)
    with pytest.raises(InputError, match=says):
        base_of(tmp_path / "base", lamp, "lfm2")
