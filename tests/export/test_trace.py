"""Skeletons of the three families: markers, states and names. Leaves out: what passes make of them
(see test_passes)."""

from __future__ import annotations

import logging
import resource
import socket
from collections import Counter
from typing import Any

import pytest
from transformers import Gemma3TextConfig, Lfm2Config, PretrainedConfig, Qwen3Config

from iotcall.errors import ExportError
from iotcall.export.graphs.trace import Skeleton, trace_skeleton
from iotcall.export.graphs.weights import EMBEDDING, HEAD
from tests.export.tiny import FAMILY_CONFIGS, SIZES


@pytest.fixture(scope="module")
def skeletons() -> dict[str, Skeleton]:
    return {name: trace_skeleton(config) for name, config in FAMILY_CONFIGS.items()}


def markers(skeleton: Skeleton) -> Counter[str]:
    return Counter(node.op_type for node in skeleton.model.graph if node.domain == "iotcall")


@pytest.mark.parametrize(("name", "expected"), [
    ("qwen3", {"Embedding": 1, "Linear": 15, "RMSNorm": 5, "Attention": 2}),
    ("gemma3_text", {"Embedding": 1, "Linear": 22, "RMSNorm": 13, "Attention": 3, "Gelu": 3}),
    ("lfm2", {"Embedding": 1, "Linear": 18, "RMSNorm": 7, "Attention": 1, "ShortConv": 2}),
])
def test_every_module_with_weights_is_a_marker(
        skeletons: dict[str, Skeleton], name: str, expected: dict[str, int]) -> None:
    skeleton = skeletons[name]
    assert markers(skeleton) == expected
    assert not skeleton.model.graph.initializers
    named = {item.value for node in skeleton.model.graph if node.domain == "iotcall"
             for key, item in node.attributes.items()
             if key in ("weight", "bias", "query_norm", "key_norm") and item.value}
    assert named == set(skeleton.weights)


def test_states_are_flat_and_named_by_layer_kind(skeletons: dict[str, Skeleton]) -> None:
    skeleton = skeletons["lfm2"]
    past, total = "[1,2,past_sequence_length,16]", "[1,2,total_sequence_length,16]"
    assert {value.name: str(value.shape) for value in skeleton.model.graph.inputs} == {
        "input_ids": "[1,sequence_length]", "past_key_values.0.conv": "[1,64,3]",
        "past_key_values.1.key": past, "past_key_values.1.value": past,
        "past_key_values.2.conv": "[1,64,3]"}
    assert {value.name: str(value.shape) for value in skeleton.model.graph.outputs} == {
        "logits": "[1,sequence_length,96]", "present.0.conv": "[1,64,3]", "present.1.key": total,
        "present.1.value": total, "present.2.conv": "[1,64,3]"}
    assert skeleton.layer_kinds == ("conv", "full_attention", "conv")


def test_attention_says_what_its_layer_is(skeletons: dict[str, Skeleton]) -> None:
    sliding, full = (skeletons["gemma3_text"].attention[layer] for layer in (0, 2))
    assert (sliding.window, sliding.rotary) == (6, "sliding_attention")
    assert (full.window, full.rotary) == (0, "full_attention")
    assert (full.heads, full.kv_heads, full.head_dim, full.scale) == (4, 2, 32, 256**-0.5)
    assert (full.offset, full.query_norm) == (1.0, "model.layers.2.self_attn.q_norm.weight")
    spec = skeletons["lfm2"].attention[1]
    assert (spec.offset, spec.key_norm) == (0.0, "model.layers.1.self_attn.k_layernorm.weight")
    near, far = skeletons["gemma3_text"].rotaries
    assert {near.name, far.name} == {"full_attention", "sliding_attention"}
    assert len(near.frequencies) == 16
    assert near.frequencies != far.frequencies


def test_tied_head_is_named_as_the_embedding() -> None:
    tied = trace_skeleton(FAMILY_CONFIGS["qwen3"])
    untied = trace_skeleton(Qwen3Config(**SIZES, tie_word_embeddings=False))
    assert (tied.tied, tied.aliases) == (True, {HEAD: EMBEDDING})
    assert (untied.tied, untied.aliases) == (False, {})


def test_lfm2_takes_the_published_config_keys() -> None:
    config = Lfm2Config(**SIZES | {"num_hidden_layers": 3}, full_attn_idxs=[2])
    assert trace_skeleton(config).layer_kinds == ("conv", "conv", "full_attention")


def test_large_architecture_needs_no_memory_for_its_weights() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    skeleton = trace_skeleton(Qwen3Config(
        vocab_size=150_000, hidden_size=4096, intermediate_size=12_288, num_hidden_layers=4,
        num_attention_heads=32, num_key_value_heads=8, tie_word_embeddings=False))
    assert skeleton.weights[HEAD] == (150_000, 4096)
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 400_000  # the head alone has 2.4 GB


@pytest.mark.parametrize(("config", "message"), [
    (Lfm2Config(**SIZES, layer_types=["conv", "conv"]), "needs an attention layer"),
    (Qwen3Config(**SIZES, rope_scaling={"rope_type": "dynamic", "factor": 2.0}),
     "'dynamic' changes with the length"),
    (Gemma3TextConfig(**SIZES, head_dim=24, attn_logit_softcapping=50.0), "caps its scores"),
    (Gemma3TextConfig(**SIZES, head_dim=24, use_bidirectional_attention=True), "must be causal"),
])
def test_what_no_pass_writes_out_is_refused(config: PretrainedConfig, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        trace_skeleton(config)


def test_impossible_opset_is_reported_with_the_tested_one() -> None:
    with pytest.raises(ExportError, match=r"opset 99 failed.*opset 18 is the one that is tested"):
        trace_skeleton(FAMILY_CONFIGS["qwen3"], opset=99)


def test_tracing_is_quiet_opens_no_connection_and_leaves_the_logging_alone(
        capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the trace reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    before = (list(logging.root.handlers), logging.root.level, logging.root.manager.disable)
    trace_skeleton(FAMILY_CONFIGS["lfm2"])
    assert capfd.readouterr() == ("", "")
    after = (list(logging.root.handlers), logging.root.level, logging.root.manager.disable)
    assert after == before
