"""Weights rounded while they are learnt, against what the export packs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from iotcall.catalogue import Catalogue
from iotcall.distill.training.beginning import from_scratch
from iotcall.distill.training.quantised import (
    begin_rounding,
    check_rounding,
    end_rounding,
    is_rounding,
    rounded,
)
from iotcall.errors import InputError
from iotcall.evaluate import Dialogue
from iotcall.export.graphs.passes.blocks import pack_blocks
from tests.distill.training.conftest import TINY, same_weights
from tests.export.tiny import unpack_blocks

BLOCK = 32
FAMILIES = ("qwen3", "gemma3", "lfm2", "opt")


def packed(values: np.ndarray, bits: int) -> np.ndarray:
    """The values as a bundle holds them."""
    return unpack_blocks(*pack_blocks(values, bits, BLOCK), bits, values.shape[1])


@pytest.fixture(params=FAMILIES)
def student(request: pytest.FixtureRequest, lamp_dialogues: list[Dialogue],
            lamp: Catalogue) -> Any:
    return from_scratch(msgspec.structs.replace(
        TINY, architecture=request.param, layers=2), lamp_dialogues, lamp).model.eval()


@pytest.mark.parametrize("bits", [4, 8])
def test_rounding_gives_what_the_export_packs(bits: int) -> None:
    weight = torch.randn(7, 96, generator=torch.Generator().manual_seed(2))
    weight[3, 32:64] = 0
    found = rounded(weight, 1 << (bits - 1)).numpy()
    # the one divides by a scale, the other multiplies by its inverse: halves may fall either way
    assert np.abs(found - packed(weight.numpy(), bits)).max() <= np.abs(
        weight.numpy()).max() / (1 << (bits - 1))
    assert (found == packed(weight.numpy(), bits)).mean() > 0.99


@pytest.mark.parametrize("bits", [4, 8])
def test_what_is_rounded_packs_into_itself(bits: int) -> None:
    weight = torch.randn(64, 256, generator=torch.Generator().manual_seed(3)) ** 3
    once = rounded(weight, 1 << (bits - 1))
    assert np.array_equal(packed(once.numpy(), bits), once.numpy())
    assert torch.equal(rounded(once, 1 << (bits - 1)), once)


@pytest.mark.parametrize("bits", [4, 8])
def test_a_student_that_learnt_rounded_is_packed_without_a_change(
        tmp_path: Path, bits: int, train: Callable[..., Path]) -> None:
    out = train(tmp_path / "out", bits=bits, rounded_share=0.5)
    weights = load_file(out / "model.safetensors")
    matrices = {name: weight.numpy() for name, weight in weights.items() if weight.dim() == 2
                and "embed_positions" not in name}
    assert len(matrices) == 7  # the embedding, attention's four, two of the feed-forward block
    for matrix in matrices.values():
        assert np.array_equal(packed(matrix, bits), matrix)
        assert len(np.unique(matrix[0, :BLOCK])) <= 1 << bits


def test_the_model_computes_with_rounded_weights_and_keeps_them(student: Any) -> None:
    ids = torch.arange(12)[None]
    with torch.no_grad():
        before = student(input_ids=ids).logits
        begin_rounding(student, 4)
        while_rounding = student(input_ids=ids).logits
        assert is_rounding(student)
        end_rounding(student)
        after = student(input_ids=ids).logits
    assert not is_rounding(student)
    assert torch.allclose(after, while_rounding, atol=1e-5)
    assert not torch.allclose(after, before, atol=1e-2)
    assert student.get_output_embeddings().weight is student.get_input_embeddings().weight


def test_gradients_pass_straight_through(student: Any) -> None:
    begin_rounding(student, 4)
    student(input_ids=torch.arange(12)[None]).logits.pow(2).sum().backward()
    gradients = [weight.grad for weight in student.parameters() if weight.dim() == 2]
    assert sum(bool(gradient is not None and gradient.abs().sum() > 0)
               for gradient in gradients) >= len(gradients) - 1  # one may be of unused positions
    end_rounding(student)


def test_an_untied_head_is_rounded_as_itself() -> None:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(1)
    model = Qwen3ForCausalLM(Qwen3Config(
        vocab_size=64, hidden_size=32, intermediate_size=32, num_hidden_layers=1, head_dim=16,
        num_attention_heads=2, num_key_value_heads=2, tie_word_embeddings=False))
    begin_rounding(model, 4)
    end_rounding(model)
    head, embedding = model.lm_head.weight, model.model.embed_tokens.weight
    assert head is not embedding
    for weight in (head, embedding):
        values = weight.detach().numpy()
        assert np.array_equal(packed(values, 4), values)


def test_a_width_that_blocks_do_not_divide_is_refused(
        lamp_dialogues: list[Dialogue], lamp: Catalogue) -> None:
    odd = from_scratch(msgspec.structs.replace(TINY, inner_width=40), lamp_dialogues, lamp)
    with pytest.raises(InputError, match=r"widths that 32 divides, found 40 of .*fc2"):
        check_rounding(odd.model)


@pytest.mark.parametrize("interrupt", [4, 12], ids=["before", "behind"])
def test_resuming_across_the_begin_of_rounding_gives_the_same_student(
        tmp_path: Path, interrupt: int, train: Callable[..., Path]) -> None:
    settings = {"bits": 8, "rounded_share": 0.5}
    whole = train(tmp_path / "whole", **settings)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", interrupt=interrupt, more={"checkpoint_every": 3}, **settings)
    parts = train(tmp_path / "parts", more={"resume": True, "checkpoint_every": 3}, **settings)
    assert same_weights(whole, parts)
