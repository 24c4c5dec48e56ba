"""A checkpoint's tensors, read one at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from iotcall.errors import ExportError
from iotcall.export.graphs.weights import EMBEDDING, HEAD, Weights, weights_hash

TABLE = torch.arange(12, dtype=torch.float32).reshape(4, 3)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Two shards, one of them in half the precision."""
    save_file({EMBEDDING: TABLE.to(torch.bfloat16)}, tmp_path / "model-1.safetensors")
    save_file({"model.norm.weight": torch.ones(3)}, tmp_path / "model-2.safetensors")
    return tmp_path


def test_tensors_of_all_shards_are_read_in_fp32(checkpoint: Path) -> None:
    with Weights(checkpoint) as weights:
        assert weights.names == {EMBEDDING, "model.norm.weight"}
        found = weights.read(EMBEDDING)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, TABLE.numpy())
        assert weights.count() == 15


def test_tied_head_and_kept_rows_are_seen_under_both_names(checkpoint: Path) -> None:
    with Weights(checkpoint) as weights:
        assert HEAD not in weights
        weights.alias(HEAD, EMBEDDING)
        weights.keep_rows(HEAD, np.array([3, 1]))
        assert weights.same(EMBEDDING, HEAD)
        assert weights.shape(EMBEDDING) == (2, 3)
        np.testing.assert_array_equal(weights.read(EMBEDDING), TABLE.numpy()[[3, 1]])


@pytest.mark.parametrize(("wanted", "message"), [
    ({"model.up.weight": (3, 3)}, r"lacks 1 weights .*model\.up\.weight \(absent\)"),
    ({EMBEDDING: (5, 3)}, r"embed_tokens\.weight \(\[4, 3\] instead of \[5, 3\]\)"),
])
def test_missing_weight_is_named(
        checkpoint: Path, wanted: dict[str, tuple[int, ...]], message: str) -> None:
    with Weights(checkpoint) as weights, pytest.raises(ExportError, match=message):
        weights.check(wanted, checkpoint)


def test_unused_weights_are_noted(checkpoint: Path) -> None:
    with Weights(checkpoint) as weights:
        weights.alias(HEAD, EMBEDDING)
        assert weights.check({EMBEDDING: (4, 3), HEAD: (4, 3)}, checkpoint) == (
            "1 weights are not used, e.g. model.norm.weight.",)
        assert weights.check({HEAD: (4, 3), "model.norm.weight": (3,)}, checkpoint) == ()


def test_folder_without_weights_and_broken_file_are_refused(checkpoint: Path) -> None:
    with pytest.raises(ExportError, match=r"holds no \*\.safetensors"):
        Weights(checkpoint / "none")
    (checkpoint / "model-2.safetensors").write_bytes(b"cut off")
    with pytest.raises(ExportError, match=r"model-2\.safetensors cannot be read"):
        Weights(checkpoint)


def test_hash_follows_the_files(checkpoint: Path) -> None:
    before = weights_hash(checkpoint)
    assert weights_hash(checkpoint) == before
    save_file({"model.norm.weight": torch.zeros(3)}, checkpoint / "model-2.safetensors")
    assert weights_hash(checkpoint) != before
