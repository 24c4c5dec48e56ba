"""Graphs of every layout beside torch, and each pass by itself."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx_ir.passes import PreconditionError
from transformers import Qwen3Config

from iotcall.errors import ExportError
from iotcall.export.graphs.build import GraphPlan, build_graph, passes_of, write_graph
from iotcall.export.graphs.passes.blocks import pack_blocks
from iotcall.export.graphs.passes.head import Rows, SelectLogits
from iotcall.export.graphs.passes.marker_pass import MarkerPass
from iotcall.export.graphs.trace import Skeleton, trace_skeleton
from iotcall.export.target import Weights as Recipe
from iotcall.runtime.decoders import Wanted
from tests.export.tiny import (
    CAPACITY,
    CHUNK,
    FAMILY_CONFIGS,
    IDS,
    PASSES,
    SIZES,
    VOCABULARY,
    difference,
    open_weights,
    read_config,
    save_checkpoint,
    torch_logits,
    unpack_blocks,
    write_decoder,
)

PLANS = {
    "growing": GraphPlan(layout="growing"),
    "shared": GraphPlan(layout="shared", capacity=CAPACITY, fused=True),
    "static": GraphPlan(layout="static", capacity=CAPACITY),
}
Made = dict[str, tuple[Path, Skeleton, NDArray[np.float32]]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Checkpoint, skeleton and torch's logits of every family."""
    root = tmp_path_factory.mktemp("families")
    found = {}
    for name, config in FAMILY_CONFIGS.items():
        checkpoint = save_checkpoint(config, root / name)
        found[name] = checkpoint, trace_skeleton(read_config(checkpoint)), torch_logits(checkpoint)
    return found


@pytest.mark.parametrize("layout", list(PLANS))
@pytest.mark.parametrize("family", list(FAMILY_CONFIGS))
def test_logits_are_torchs_however_the_tokens_are_cut(
        made: Made, tmp_path: Path, family: str, layout: str) -> None:
    """The window of gemma3's sliding layers is 6 tokens, the text has 25; static graphs pad."""
    checkpoint, skeleton, expected = made[family]
    decoder = write_decoder(skeleton, checkpoint, PLANS[layout], tmp_path)
    assert max(difference(decoder, expected, passes) for passes in PASSES) < 1e-4


@pytest.mark.parametrize("layout", list(PLANS))
@pytest.mark.parametrize("family", ["gemma3_text", "lfm2"])
def test_pasts_are_copied_cut_and_moved(
        made: Made, tmp_path: Path, family: str, layout: str) -> None:
    """What one copy runs leaves the others as they were; what was cut away is run again."""
    checkpoint, skeleton, expected = made[family]
    decoder = write_decoder(skeleton, checkpoint, PLANS[layout], tmp_path)
    past = decoder.empty()
    decoder.run(IDS[:9], past)
    other = past.copy()
    moved = decoder.restore(9, decoder.save(past))
    decoder.run([5, 6, 7], other)
    decoder.run([8], other)
    assert (past.length, other.length) == (9, 13)
    other.cut(9)
    own = moved.copy()
    decoder.run([8, 7], own)
    decoder.run([3] * 9, past)
    past.cut(9)
    for start in (past, other, moved, own.copy(), moved.copy()):
        start.cut(9)
        every = np.arange(VOCABULARY)
        scores = decoder.run(IDS[9:14], start, [Wanted(4, every)])
        assert np.abs(scores[0].allowed - expected[13]).max() < 1e-4


@pytest.mark.parametrize("layout", list(PLANS))
def test_a_pass_gives_the_logits_of_several_places(
        made: Made, tmp_path: Path, layout: str) -> None:
    """In static graphs of a chunk of eight tokens too, where the last ones go one by one."""
    checkpoint, skeleton, expected = made["lfm2"]
    plan = msgspec.structs.replace(PLANS[layout], positions=3)
    decoder = write_decoder(skeleton, checkpoint, plan, tmp_path)
    wanted = [Wanted(place, np.array(tokens)) for place, tokens in (
        (0, [3]), (4, [7, 8]), (5, [50, 2]), (16, [9]), (17, [10]))]
    found = decoder.run(IDS[:18], decoder.empty(), wanted)
    for item, scores in zip(wanted, found, strict=True):
        assert np.abs(scores.allowed - expected[item.position][item.allowed]).max() < 1e-4


def test_sliding_window_is_kept(made: Made, tmp_path: Path) -> None:
    checkpoint, skeleton, expected = made["gemma3_text"]
    wide = skeleton.model.clone()
    for node in wide.graph:
        if node.op_type == "Attention":
            node.attributes["window"] = ir.AttrInt64("window", 0)
    decoder = write_decoder(msgspec.structs.replace(skeleton, model=wide), checkpoint,
                            PLANS["growing"], tmp_path)
    assert difference(decoder, expected, PASSES[0]) > 1e-2


@pytest.mark.parametrize(("family", "bits"), [("qwen3", 4), ("gemma3_text", 8), ("lfm2", 4)])
def test_packed_logits_are_those_of_torch_with_the_unpacked_weights(
        made: Made, tmp_path: Path, family: str, bits: Literal[4, 8]) -> None:
    checkpoint, skeleton, _ = made[family]
    recipe = Recipe(bits=bits)
    plan = msgspec.structs.replace(PLANS["shared"], recipe=recipe)
    decoder = write_decoder(skeleton, checkpoint, plan, tmp_path)
    assert difference(decoder, torch_logits(checkpoint, recipe), PASSES[0]) < 1e-4


@pytest.mark.parametrize("rows", ["asked", "asked_or_all"])
def test_asked_rows_are_those_of_the_full_head(
        made: Made, tmp_path: Path, rows: Rows) -> None:
    checkpoint, skeleton, _ = made["qwen3"]
    full = msgspec.structs.replace(PLANS["shared"], recipe=Recipe(bits=4))
    whole = write_decoder(skeleton, checkpoint, full, tmp_path / "all")
    asked = write_decoder(skeleton, checkpoint, msgspec.structs.replace(full, rows=rows),
                          tmp_path / "asked")
    allowed = np.array([40, 2, 77], np.int64)
    last = len(IDS) - 1
    expected, = whole.run(IDS, whole.empty(), [Wanted(last, allowed)])
    for others, rest in ((False, [40, 2, 77]), (True, [40, 2, 77, 3, 90])):
        found, = asked.run(IDS, asked.empty(), [Wanted(last, allowed, others)])
        np.testing.assert_allclose(found.allowed, expected.allowed, atol=1e-5)
        np.testing.assert_allclose(found.rest, expected.rest[rest], atol=1e-5)
    if rows == "asked_or_all":
        table = (tmp_path / "all" / "model.onnx.data").stat().st_size
        assert (tmp_path / "asked" / "model.onnx.data").stat().st_size == table
    several = asked.run(IDS, asked.empty(), [Wanted(3, np.array([90, 1]), others=True),
                                             Wanted(last, allowed)])
    wanted = whole.run(IDS, whole.empty(), [Wanted(3, np.array([90, 1])), Wanted(last, allowed)])
    for one, two in zip(several, wanted, strict=True):
        np.testing.assert_allclose(one.allowed, two.allowed, atol=1e-5)


def test_every_position_asked_for_has_its_logits(made: Made, tmp_path: Path) -> None:
    checkpoint, skeleton, expected = made["qwen3"]
    write_decoder(skeleton, checkpoint, PLANS["growing"], tmp_path)
    session = ort.InferenceSession(tmp_path / "model.onnx")
    empty = {item.name: np.zeros((1, 2, 0, 32), np.float32) for item in session.get_inputs()
             if item.name.startswith("past")}
    logits, = session.run(["logits"], {
        "input_ids": np.array([IDS]), "logit_positions": np.array([24, 0, 7]), **empty})
    np.testing.assert_allclose(logits[0], expected[[24, 0, 7]], atol=1e-4)


@pytest.mark.parametrize("layout", list(PLANS))
@pytest.mark.parametrize("family", list(FAMILY_CONFIGS))
@pytest.mark.parametrize("recipe", [None, Recipe(bits=4)], ids=["fp32", "int4"])
def test_passes_tell_whether_they_changed_anything_and_leave_no_marker(
        made: Made, family: str, layout: str, recipe: Recipe | None) -> None:
    checkpoint, skeleton, _ = made[family]
    model = skeleton.model.clone()
    plan = msgspec.structs.replace(PLANS[layout], tokens=CHUNK, recipe=recipe)
    with open_weights(skeleton, checkpoint) as weights:
        for item in passes_of(skeleton, weights, plan):
            if not isinstance(item, MarkerPass):
                item(model)
                continue
            found = Counter(node.op_type for node in model.graph if node.domain == "iotcall")
            assert item(model).modified is (found[item.marker] > 0)
            assert not item(model).modified
    assert {node.domain for node in model.graph} <= {"", "com.microsoft"}


@pytest.mark.parametrize(("layout", "domains"), [
    ("growing", {""}), ("static", {""}), ("shared", {"", "com.microsoft"})])
def test_operators_are_primitive_unless_fused(
        made: Made, layout: str, domains: set[str]) -> None:
    for checkpoint, skeleton, _ in made.values():
        with open_weights(skeleton, checkpoint) as weights:
            model, changed = build_graph(skeleton, weights, msgspec.structs.replace(
                PLANS[layout], tokens=CHUNK))
        assert {node.domain for node in model.graph} == domains
        assert ("FuseSkips" in changed) is (layout == "shared")
        assert set(model.opset_imports) == domains


def test_static_graphs_have_no_open_size(made: Made) -> None:
    for checkpoint, skeleton, _ in made.values():
        with open_weights(skeleton, checkpoint) as weights:
            model, _ = build_graph(skeleton, weights, msgspec.structs.replace(
                PLANS["static"], tokens=CHUNK))
            whole = ir.to_proto(model)
        for value in (*model.graph.inputs, *model.graph.outputs):
            assert value.shape is not None
            assert value.shape.is_static(), value
        inferred = onnx.shape_inference.infer_shapes(whole, strict_mode=True)
        open_sizes = [value.name for value in inferred.graph.value_info
                      if any(not size.HasField("dim_value")
                             for size in value.type.tensor_type.shape.dim)]
        assert not open_sizes


def test_head_size_that_the_fused_operator_does_not_take_is_refused(tmp_path: Path) -> None:
    config = Qwen3Config(**SIZES, head_dim=24)
    skeleton = trace_skeleton(config)
    with pytest.raises(ExportError, match=r"head size .* multiple of 16.* found 24"):
        write_decoder(skeleton, save_checkpoint(config, tmp_path), PLANS["shared"], tmp_path)


def test_a_skeleton_needs_one_head(made: Made) -> None:
    model = made["qwen3"][1].model.clone()
    next(node for node in model.graph if node.op_type == "Linear").attributes["weight"] = (
        ir.AttrString("weight", "lm_head.weight"))
    with pytest.raises(PreconditionError, match="one head"):
        SelectLogits("all", vocabulary=600)(model)


def slow_pack(row: NDArray[np.float32], bits: int, size: int) -> tuple[list[list[int]],
                                                                      list[np.float16]]:
    """Numbers and scale of each block of a row, one after the other."""
    numbers, scales = [], []
    half = 1 << (bits - 1)
    for start in range(0, len(row), size):
        block = [float(value) for value in row[start:start + size]]
        block += [0.0] * (size - len(block))
        peak = max(block, key=abs)
        scale = np.float16(peak / -half)
        scales.append(scale)
        numbers.append([min(max(round(value / float(scale)) + half, 0), 2 * half - 1)
                        if scale else half for value in block])
    return numbers, scales


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("size", [16, 32])
def test_packing_is_that_of_the_slow_oracle(bits: int, size: int) -> None:
    values = np.random.default_rng(2).normal(0, 0.1, (7, 80)).astype(np.float32)
    values[3, :32] = 0
    packed, scales = pack_blocks(values, bits, size)
    assert packed.shape == (7, -(-80 // size), size * bits // 8)
    for row, own, factors in zip(values, packed, scales, strict=True):
        numbers, expected = slow_pack(row, bits, size)
        assert list(factors) == expected
        found = own.reshape(len(expected), -1)
        if bits == 4:
            found = np.stack([found & 15, found >> 4], axis=-1).reshape(len(expected), -1)
        # subtle: half-way cases may round to either side
        assert np.abs(found.astype(int) - np.array(numbers)).max() <= 1
        assert (found != np.array(numbers)).mean() < 0.01
    unpacked = unpack_blocks(packed, scales, bits, 80)
    steps = np.repeat(np.abs(scales.astype(np.float32)), size, axis=1)[:, :80]
    assert (np.abs(unpacked - values) <= 1.01 * steps).all()  # its mirror image is clipped
    assert (np.abs(unpacked - values) <= 0.51 * steps).mean() > 0.95


def sizes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_fewer_bits_and_larger_blocks_are_smaller_and_a_tied_table_is_written_once(
        made: Made, tmp_path: Path) -> None:
    checkpoint, skeleton, _ = made["qwen3"]
    recipes = {"fp32": None, "8/16": Recipe(bits=8, block_size=16), "8": Recipe(bits=8),
               "4": Recipe(bits=4)}
    found = {}
    for number, (name, recipe) in enumerate(recipes.items()):
        plan = msgspec.structs.replace(PLANS["shared"], recipe=recipe)
        write_decoder(skeleton, checkpoint, plan, tmp_path / str(number))
        found[name] = sizes(tmp_path / str(number))
    assert list(found.values()) == sorted(found.values(), reverse=True)
    numbers = sum(int(np.prod(shape)) for name, shape in skeleton.weights.items()
                  if name != "lm_head.weight")
    assert 4 * numbers < found["fp32"] < 4 * numbers + 40_000


def test_the_same_checkpoint_elsewhere_gives_the_same_bytes_without_a_trace_of_the_machine(
        made: Made, tmp_path: Path) -> None:
    """In another process too, with another hash seed."""
    checkpoint, skeleton, _ = made["lfm2"]
    elsewhere = Path(shutil.copytree(checkpoint, tmp_path / "deeper" / "copy"))
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.export.test_passes import write_all\n"
        "from iotcall.export.graphs.trace import trace_skeleton\n"
        "from tests.export.tiny import read_config\n"
        "given, out = Path(sys.argv[1]), Path(sys.argv[2])\n"
        "write_all(trace_skeleton(read_config(given)), given, out)\n")
    subprocess.run([sys.executable, "-c", script, str(elsewhere), str(tmp_path / "two")],
                   env=os.environ | {"PYTHONHASHSEED": "77",
                                     "PYTHONPATH": os.pathsep.join(sys.path)},
                   check=True, timeout=120)
    one, two = write_all(skeleton, checkpoint, tmp_path / "one"), hashes(tmp_path / "two")
    assert one == two
    assert len(one) == 6
    for path in (tmp_path / "one").iterdir():
        assert str(tmp_path).encode() not in path.read_bytes()
    model = onnx.load(tmp_path / "one" / "growing.onnx", load_external_data=False)
    assert (model.producer_name, model.producer_version, model.doc_string) == ("", "", "")
    assert not model.metadata_props
    assert not any(node.doc_string or node.metadata_props for node in model.graph.node)


def write_all(skeleton: Skeleton, checkpoint: Path, folder: Path) -> dict[str, str]:
    folder.mkdir()
    with open_weights(skeleton, checkpoint) as weights:
        for name, recipe in (("growing", None), ("shared", Recipe(bits=4)), ("static", None)):
            model, _ = build_graph(skeleton, weights, msgspec.structs.replace(
                PLANS[name], tokens=CHUNK, recipe=recipe))
            write_graph(model, folder / f"{name}.onnx")
    return hashes(folder)


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.iterdir())}
