"""A Hugging Face checkpoint becomes an ONNX decoder with a KV cache. Leaves out: quantisation.

Optimum traces the model: with its stock configuration (``qwen3``, ``gemma3_text`` and whatever else
it supports) or with ours (``lfm2``). We call its ``export`` and not ``main_export``: that one also
rewrites the tokenizer, merges tied weights (which the quantiser wants apart) and validates after
the file is written. The checks here are our own: names and shapes at once, and
:func:`compare_with_torch` in chunks over a growing past, which is how the runtime drives a graph.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import onnx

from iotcall.errors import ExportError
from iotcall.export.onnx_file import quiet, write_model

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

OPSET = 18
"""Optimum's own default; every operator a decoder needs is in it."""

PROVEN = ("gemma3_text", "lfm2", "qwen3")
"""Architectures whose graphs are compared with torch in the tests."""

_TASK = "text-generation-with-past"


class GraphTensor(msgspec.Struct, frozen=True):
    """One input or output of a graph."""

    name: str
    """As the runtime binds it, e.g. ``past_key_values.0.key``."""
    dtype: str
    """numpy's name: ``int64`` or ``float32``."""
    shape: tuple[int | str, ...]
    """A size, or the name of a dynamic axis: ``batch_size``, ``sequence_length``, and so on."""


class DecoderGraph(msgspec.Struct, frozen=True, kw_only=True):
    """An ONNX decoder on disk and how to feed it."""

    path: Path
    """The ``.onnx`` file; a ``.onnx.data`` of the same stem lies beside it when it is large."""
    architecture: str
    """``model_type`` of config.json, e.g. ``lfm2``."""
    inputs: tuple[GraphTensor, ...]
    """``input_ids``, ``attention_mask``, ``position_ids`` where the graph has them, then the past
    states in layer order."""
    outputs: tuple[GraphTensor, ...]
    """``logits`` (batch, tokens, vocabulary), then the present states in layer order."""
    layer_kinds: tuple[str, ...]
    """Per layer: ``full_attention``, ``sliding_attention`` or ``conv``."""
    vocab_size: int
    """Columns of the logits."""
    opset: int
    """Version of the ONNX operator set."""
    notes: tuple[str, ...] = ()
    """What a person should know about this export; sentences for a report."""


def export_decoder(checkpoint: Path, directory: Path, *, opset: int = OPSET) -> DecoderGraph:
    """Trace a checkpoint in fp32 and write ``directory/model.onnx``. Loads nothing from a network.

    The same checkpoint gives the same bytes.

    Args:
        checkpoint: a folder with config.json and model.safetensors (or its shards).
        directory: where the graph goes; created if absent.
        opset: version of the ONNX operator set.

    Raises:
        ExportError: the checkpoint is incomplete, its architecture is not supported, or the traced
            graph lacks an input or output that the runtime needs.
    """
    architecture = read_architecture(checkpoint)
    with quiet():
        _check_supported(architecture)
        model, notes = _load(checkpoint)
        if architecture not in PROVEN:
            notes += (
                f"{architecture} goes through Optimum's stock configuration and is not compared "
                f"with torch in iotcall's tests (those are: {', '.join(PROVEN)}).",
            )
        path = directory / "model.onnx"
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory, prefix=".export-") as scratch:
            traced = Path(scratch) / "model.onnx"
            _trace(model, architecture, traced, opset)
            proto = onnx.load(traced)
        graph = _describe(proto, path, architecture, _layer_kinds(model.config), notes)
        _check_states(graph)
        write_model(proto, path)
    return graph


def compare_with_torch(
    graph: DecoderGraph, checkpoint: Path, ids: Sequence[int], chunks: Sequence[int]
) -> float:
    """Largest absolute logit difference between the graph, fed in chunks, and torch in one pass.

    Torch sees the whole sequence at once in fp32, without a cache; ONNX Runtime (CPU) sees
    ``chunks[0]`` tokens on an empty past, then each further chunk on the states returned before.
    A graph that returns logits of the last tokens only is compared at those. The result is nan if
    the graph returned one.

    Args:
        ids: token ids, one sequence.
        chunks: tokens per run; they sum up to ``len(ids)``.

    Raises:
        ExportError: the chunks do not cover the ids, or an id is outside the vocabulary.
    """
    import onnxruntime
    import torch

    if sum(chunks) != len(ids) or min(chunks, default=0) < 1:
        raise ExportError(
            f"chunks {list(chunks)} cover {sum(chunks)} of {len(ids)} ids: give positive sizes "
            "that sum up to the number of ids"
        )
    if min(ids) < 0 or max(ids) >= graph.vocab_size:
        raise ExportError(
            f"ids lie in {min(ids)}..{max(ids)}, the vocabulary in 0..{graph.vocab_size - 1}: "
            "encode the text with this checkpoint's tokenizer"
        )
    with quiet():
        model, _ = _load(checkpoint)
        with torch.no_grad():
            output = model(input_ids=torch.tensor([list(ids)]), use_cache=False)
        expected = output.logits[0].numpy()  # (tokens, vocabulary) float32
        session = onnxruntime.InferenceSession(graph.path, providers=["CPUExecutionProvider"])
    worst, end = 0.0, 0
    state = _empty_past(graph)
    for size in chunks:
        start, end = end, end + size
        logits, state = _step(session, graph, np.array([ids[start:end]], np.int64), start, state)
        found = logits[0]  # (tokens or fewer, vocabulary)
        # subtle: np.maximum keeps a nan, max() would drop it and the proof would pass
        worst = np.maximum(worst, np.abs(found - expected[end - len(found) : end]).max())
    return float(worst)


def state_names(layer_kinds: Sequence[str], prefix: str) -> Iterator[str]:
    """Names of the cache tensors in layer order; prefix ``past_key_values`` or ``present``."""
    for layer, kind in enumerate(layer_kinds):
        parts = ("conv",) if kind == "conv" else ("key", "value")
        yield from (f"{prefix}.{layer}.{part}" for part in parts)


def read_architecture(checkpoint: Path) -> str:
    """``model_type`` of a checkpoint's config.json.

    Raises:
        ExportError: there is no config.json, or none that names its architecture.
    """
    path = checkpoint / "config.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["model_type"]
    except FileNotFoundError:
        raise ExportError(
            f"{checkpoint} holds no config.json: give the folder of a Hugging Face checkpoint"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise ExportError(
            f"{path} names no architecture ({error!r}): it must be JSON with a model_type"
        ) from error
    return str(found)


def _check_supported(architecture: str) -> None:
    if architecture == "lfm2":
        return
    import optimum.exporters.onnx.model_configs  # noqa: F401  # registers the stock configurations
    from optimum.exporters.tasks import TasksManager

    supported = TasksManager._SUPPORTED_MODEL_TYPE
    if _TASK not in supported.get(architecture, {}).get("onnx", {}):
        stock = sorted(name for name, tasks in supported.items() if _TASK in tasks.get("onnx", {}))
        raise ExportError(
            f"architecture {architecture!r} cannot be exported: proven are {', '.join(PROVEN)}; "
            f"Optimum also takes {', '.join(name for name in stock if name not in PROVEN)}"
        )


def _load(checkpoint: Path) -> tuple[PreTrainedModel, tuple[str, ...]]:
    """The model in fp32, and notes about weights in the files that it does not use."""
    import torch
    from transformers import AutoModelForCausalLM

    loader: Any = AutoModelForCausalLM
    try:
        model, report = loader.from_pretrained(
            checkpoint,
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # reported, and refused below by name
        )
    except (OSError, ValueError) as error:
        raise ExportError(
            f"{checkpoint} cannot be loaded as a causal language model: {error}"
        ) from error
    # subtle: transformers fills missing weights with random numbers and goes on
    missing = sorted(report["missing_keys"]) + sorted(str(k) for k in report["mismatched_keys"])
    if missing:
        raise ExportError(
            f"{checkpoint} lacks {len(missing)} weights of its architecture or has them in another "
            f"shape, e.g. {missing[0]}: save the whole model (adapters merged)"
        )
    unused = sorted(report["unexpected_keys"])
    notes = (f"{len(unused)} weights are not used, e.g. {unused[0]}.",) if unused else ()
    model.eval()
    return model, notes


def _trace(model: PreTrainedModel, architecture: str, path: Path, opset: int) -> None:
    from optimum.exporters.onnx import export
    from optimum.exporters.tasks import TasksManager

    try:
        if architecture == "lfm2":
            from iotcall.export import lfm2

            config = lfm2.onnx_config(model.config)
        else:
            stock = TasksManager.get_exporter_config_constructor(
                model=model, exporter="onnx", task=_TASK, library_name="transformers"
            )(model.config)
            config = type(stock)(
                model.config, task=stock.task, use_past=True, use_past_in_inputs=True
            )
        export(model, config, path, opset=opset)
    # A tracer over foreign model code may raise anything; the cause stays in the chain.
    except Exception as error:
        raise ExportError(
            f"tracing {architecture} with opset {opset} failed: {error}; "
            f"opset {OPSET} is the one that is tested"
        ) from error


def _layer_kinds(config: PretrainedConfig) -> tuple[str, ...]:
    text = config.get_text_config(decoder=True)
    kinds = getattr(text, "layer_types", None)
    return tuple(kinds or ["full_attention"] * text.num_hidden_layers)


def _describe(
    model: onnx.ModelProto,
    path: Path,
    architecture: str,
    layer_kinds: tuple[str, ...],
    notes: tuple[str, ...],
) -> DecoderGraph:
    outputs = tuple(_tensor(value) for value in model.graph.output)
    vocab_size = outputs[0].shape[-1]
    if outputs[0].name != "logits" or not isinstance(vocab_size, int):
        raise ExportError(
            f"the traced {architecture} graph must return logits of a fixed vocabulary first; "
            f"it returns {outputs[0].name} of shape {outputs[0].shape}"
        )
    return DecoderGraph(
        path=path,
        architecture=architecture,
        inputs=tuple(_tensor(value) for value in model.graph.input),
        outputs=outputs,
        layer_kinds=layer_kinds,
        vocab_size=vocab_size,
        opset=next(entry.version for entry in model.opset_import if not entry.domain),
        notes=notes,
    )


def _tensor(value: onnx.ValueInfoProto) -> GraphTensor:
    tensor = value.type.tensor_type
    dims = tuple(dim.dim_param or int(dim.dim_value) for dim in tensor.shape.dim)
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    return GraphTensor(value.name, str(dtype), dims)


def _check_states(graph: DecoderGraph) -> None:
    """Every layer's states must go in and come out again; tracing drops what a model ignores."""
    inputs = {tensor.name for tensor in graph.inputs}
    outputs = {tensor.name for tensor in graph.outputs}
    wanted = ("input_ids", "attention_mask", *state_names(graph.layer_kinds, "past_key_values"))
    lost = [name for name in wanted if name not in inputs]
    lost += [name for name in state_names(graph.layer_kinds, "present") if name not in outputs]
    if lost:
        raise ExportError(
            f"the traced {graph.architecture} graph lacks {', '.join(lost)}: the runtime cannot "
            f"feed its KV cache; architectures that work: {', '.join(PROVEN)}"
        )


def _empty_past(graph: DecoderGraph) -> dict[str, np.ndarray[Any, Any]]:
    """States of a past of no tokens: no positions for attention, zeros for a convolution."""
    sizes = {"batch_size": 1}
    return {
        tensor.name: np.zeros(
            [dim if isinstance(dim, int) else sizes.get(dim, 0) for dim in tensor.shape],
            tensor.dtype,
        )
        for tensor in graph.inputs
        if tensor.name.startswith("past_key_values")
    }


def _step(
    session: Any,
    graph: DecoderGraph,
    ids: np.ndarray[Any, Any],  # (1, new) int64
    past: int,
    state: dict[str, np.ndarray[Any, Any]],
) -> tuple[np.ndarray[Any, Any], dict[str, np.ndarray[Any, Any]]]:
    """One run on ``past`` earlier tokens: logits (1, new, vocabulary) and the next states."""
    total = past + ids.shape[1]
    feed = {"input_ids": ids, "attention_mask": np.ones((1, total), np.int64), **state}
    if any(tensor.name == "position_ids" for tensor in graph.inputs):
        feed["position_ids"] = np.arange(past, total, dtype=np.int64)[None]
    logits, *present = session.run([tensor.name for tensor in graph.outputs], feed)
    names = [tensor.name.replace("present", "past_key_values") for tensor in graph.outputs[1:]]
    return logits, dict(zip(names, present, strict=True))
