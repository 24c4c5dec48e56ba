"""The weights of a bundle, back out of its graph."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import onnx_ir as ir
import pytest
import torch
from tokenizers import Tokenizer

from iotcall.distill.recipe import Recipe
from iotcall.distill.training.architectures import new_student
from iotcall.distill.training.elder import Elder, begin_as, vocabulary_of
from iotcall.errors import InputError
from iotcall.export.graphs.passes.blocks import pack_blocks, unpack_blocks
from iotcall.export.unpacking import bundle_weights
from iotcall.shipped import shipped

LAYER = "model.decoder.layers.3.fc1.weight"


@pytest.mark.parametrize(("bits", "block_size"), [(4, 32), (8, 32), (4, 16), (8, 128)])
def test_what_was_packed_comes_back_as_it_was_rounded(bits: int, block_size: int) -> None:
    values = np.random.default_rng(3).normal(size=(5, 256)).astype(np.float32)
    packed, scales = pack_blocks(values, bits, block_size)
    back = unpack_blocks(packed, scales, bits, block_size)
    assert np.abs(back - values).max() <= np.abs(scales.astype(np.float32)).max()
    again, same = pack_blocks(back, bits, block_size)
    assert np.array_equal(again, packed)
    assert np.array_equal(same, scales)


@pytest.mark.parametrize(("name", "bits"), [("home", 8), ("shell", 4)])
def test_a_shipped_student_s_weights_are_those_of_its_build(name: str, bits: int) -> None:
    bundle = shipped("bundles") / name
    note = msgspec.json.decode((bundle / "training.json").read_bytes())
    recipe = msgspec.convert(note["recipe"], Recipe)
    assert recipe.bits in (0, bits)
    tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
    weights = bundle_weights(bundle)
    student = new_student(recipe, tokenizer.get_vocab_size(), 0, 1)
    begin_as(student, tokenizer, Elder(name, {key: torch.from_numpy(array.copy())
                                              for key, array in weights.items()},
                                       vocabulary_of(bundle)))
    state = student.state_dict()
    assert torch.equal(state["model.decoder.embed_tokens.weight"],
                       torch.from_numpy(weights["model.embed_tokens.weight"]))
    assert torch.equal(state[LAYER], torch.from_numpy(weights[LAYER]))
    stored = ir.load(bundle / "model.onnx").graph.initializers[f"{LAYER}.packed"].const_value
    assert stored is not None
    assert np.array_equal(pack_blocks(weights[LAYER], bits, 32)[0], stored.numpy())


def test_a_bundle_without_a_graph_for_a_cpu_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no model\.onnx to take weights from"):
        bundle_weights(tmp_path)
