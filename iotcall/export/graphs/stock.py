"""An architecture without a family of its own, traced with Optimum's stock configuration.

Its products with weights become markers, as in a family's skeleton, so that the same passes pack
them; everything else stays as Optimum traces it. Leaves out: fused attention and what rests on it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import onnx
import onnx_ir as ir
import optimum.exporters.onnx.model_configs  # noqa: F401  # registers the stock configurations
import torch
import torch.nn.functional as F
from onnx_ir.passes import PreconditionError
from optimum.exporters.onnx import export
from optimum.exporters.tasks import TasksManager
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from transformers import AutoModelForCausalLM

from iotcall.errors import ExportError
from iotcall.export.graphs import markers
from iotcall.export.graphs.families import FAMILIES, layer_kinds
from iotcall.export.graphs.markers import DOMAIN
from iotcall.export.graphs.passes.stock import OwnPlaces
from iotcall.export.graphs.trace import OPSET, Skeleton, state_names
from iotcall.export.graphs.weights import EMBEDDING, HEAD, Weights
from iotcall.export.surroundings import quiet
from iotcall.prefix_attention import read_both_ways

_TASK = "text-generation-with-past"
_PLACES = ("attention_mask", "position_ids")


class StockGraph(msgspec.Struct, frozen=True, kw_only=True):
    """A decoder whose attention and norms are written out already."""

    skeleton: Skeleton
    """Without rotaries and attention: only the growing layout can be built from it."""
    notes: tuple[str, ...]
    """What a person should know about this export; sentences."""


def trace_stock(checkpoint: Path, config: Any, *, opset: int = OPSET) -> StockGraph:
    """Trace a checkpoint of an architecture that Optimum knows and `FAMILIES` does not.

    Loads the weights once, in fp32: values that are no linear layer's, such as norms, are taken
    into the graph.

    Args:
        config: transformers' configuration of the checkpoint.

    Raises:
        ExportError: the architecture is not supported (names those that are), the checkpoint is
            incomplete, or the graph could not be fed.
    """
    architecture = str(config.model_type)
    _check_supported(architecture)
    with Weights(checkpoint) as files:
        in_files = files.names
    with quiet():
        model = _load(checkpoint)
        names = _names(model, in_files)
        aliases = _aliases(model, architecture, names)
        traced = _trace(model, architecture, _EmittingMarkers(model, names), opset)
    _check_states(traced, architecture, state_names(layer_kinds(config), "past_key_values"))
    try:
        OwnPlaces()(traced)
    except PreconditionError as error:
        raise ExportError(f"the traced {architecture} graph cannot be fed: {error}") from error
    weights = {names[id(tensor)]: tuple(tensor.shape)
               for tensor in model.state_dict(keep_vars=True).values() if id(tensor) in names}
    skeleton = Skeleton(
        model=traced, architecture=architecture, layer_kinds=layer_kinds(config), rotaries=(),
        attention={}, weights=weights, aliases=aliases)
    return StockGraph(skeleton=skeleton, notes=_notes(traced, architecture))


class _EmittingMarkers(TorchFunctionMode):
    """While it lasts, linear layers and the token embedding emit markers instead of computing."""

    def __init__(self, model: Any, names: Mapping[int, str]) -> None:
        super().__init__()
        self._names = names
        self._embedding = id(model.get_input_embeddings().weight)
        self._head = id(getattr(model.get_output_embeddings(), "weight", None))

    def __torch_function__(self, function: Any, types: Any, args: Any = (),
                           kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function is F.linear:
            found = self._linear(*args, **kwargs)
        elif function is F.embedding:
            found = self._rows(*args, **kwargs)
        else:
            found = None
        return function(*args, **kwargs) if found is None else found

    def _linear(self, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor | None:
        if id(weight) not in self._names or (bias is not None and id(bias) not in self._names):
            return None
        name = HEAD if id(weight) == self._head else self._names[id(weight)]
        made: Tensor = markers.linear(input, name, "" if bias is None else self._names[id(bias)],
                                      weight.shape[0])
        return made

    def _rows(self, input: Tensor, weight: Tensor, *_: Any, **__: Any) -> Tensor | None:
        if id(weight) != self._embedding or id(weight) not in self._names:
            return None
        made: Tensor = markers.embedding(input, EMBEDDING, weight.shape[1])
        return made


def _check_supported(architecture: str) -> None:
    supported = TasksManager._SUPPORTED_MODEL_TYPE
    if _TASK not in supported.get(architecture, {}).get("onnx", {}):
        stock = sorted(name for name, tasks in supported.items()
                       if _TASK in tasks.get("onnx", {}) and name not in FAMILIES)
        raise ExportError(
            f"architecture {architecture!r} cannot be exported: proven are "
            f"{', '.join(sorted(FAMILIES))}; Optimum also takes {', '.join(stock)}")


def _load(checkpoint: Path) -> Any:
    """The model in fp32, every weight from the files."""
    loader: Any = AutoModelForCausalLM
    try:
        model, report = loader.from_pretrained(
            checkpoint, dtype=torch.float32, local_files_only=True, trust_remote_code=False,
            use_safetensors=True, output_loading_info=True,
            ignore_mismatched_sizes=True)  # reported, and refused below by name
    except (OSError, ValueError) as error:
        raise ExportError(f"{checkpoint} cannot be loaded as a causal language model: "
                          f"{error}") from error
    # subtle: transformers fills missing weights with random numbers and goes on
    missing = sorted(report["missing_keys"]) + sorted(str(k) for k in report["mismatched_keys"])
    if missing:
        raise ExportError(
            f"{checkpoint} lacks {len(missing)} weights of its architecture or has them in another "
            f"shape, e.g. {missing[0]}: save the whole model (adapters merged)")
    return read_both_ways(model).eval()


def _names(model: Any, in_files: set[str]) -> dict[int, str]:
    """Name in the files of every tensor of the model, by its identity.

    A tensor that the files name in a way of their own has none: it stays in the graph.
    """
    found: dict[int, str] = {}
    prefix = f"{model.base_model_prefix}."
    for name, tensor in model.state_dict(keep_vars=True).items():
        for known in (name, name.removeprefix(prefix)):
            if known in in_files:
                found.setdefault(id(tensor), known)
    return found


def _aliases(model: Any, architecture: str, names: Mapping[int, str]) -> dict[str, str]:
    """The files' names of embedding and head; one name where they hold equal values."""
    embedding, head = (getattr(module, "weight", None) for module in (
        model.get_input_embeddings(), model.get_output_embeddings()))
    lost = [name for name, weight in ((EMBEDDING, embedding), (HEAD, head))
            if id(weight) not in names]
    if embedding is None or head is None or lost:
        raise ExportError(f"{architecture}: the files name no {' and no '.join(lost)}, nor what "
                          "takes its place; architectures that are proven: "
                          f"{', '.join(sorted(FAMILIES))}")
    own = {EMBEDDING: names[id(embedding)], HEAD: names[id(head)]}
    if embedding.shape == head.shape and torch.equal(embedding, head):
        own[HEAD] = own[EMBEDDING]
    return {name: of for name, of in own.items() if name != of}


def _trace(model: nn.Module, architecture: str, emitting: _EmittingMarkers, opset: int) -> ir.Model:
    with tempfile.TemporaryDirectory(prefix="iotcall-trace-") as scratch:
        path = Path(scratch) / "stock.onnx"
        try:
            stock = TasksManager.get_exporter_config_constructor(
                model=model, exporter="onnx", task=_TASK, library_name="transformers")(model.config)
            config = type(stock)(model.config, task=stock.task, use_past=True,
                                 use_past_in_inputs=True)
            with emitting:
                export(model, config, path, opset=opset, disable_dynamic_axes_fix=True)
        # A tracer over foreign model code may raise anything; the cause stays in the chain.
        except Exception as error:
            raise ExportError(f"tracing {architecture} with opset {opset} failed: {error}; "
                              f"opset {OPSET} is the one that is tested") from error
        return ir.serde.deserialize_model(onnx.load(path))


def _check_states(model: ir.Model, architecture: str, states: Any) -> None:
    """Every layer's states must go in and come out again; tracing drops what a model ignores."""
    inputs = {value.name for value in model.graph.inputs}
    outputs = {value.name for value in model.graph.outputs}
    wanted = ["input_ids", *states]
    made = ["logits", *(name.replace("past_key_values", "present") for name in wanted[1:])]
    lost = [name for name in wanted if name not in inputs]
    lost += [name for name in made if name not in outputs]
    unknown = sorted(inputs - {*wanted, *_PLACES})
    counts = {name: sum(node.domain == DOMAIN and node.attributes.get_string("weight") == name
                        for node in model.graph) for name in (EMBEDDING, HEAD)}
    lost += [f"one product with {name}" for name, count in counts.items() if count != 1]
    if lost or unknown:
        raise ExportError(
            f"the traced {architecture} graph lacks {', '.join(lost) or 'nothing'} and has "
            f"unknown inputs {unknown}: the runtime cannot feed it; architectures that are proven: "
            f"{', '.join(sorted(FAMILIES))}")


def _notes(model: ir.Model, architecture: str) -> tuple[str, ...]:
    notes = [
        f"{architecture} goes through Optimum's stock configuration: without fused attention and "
        "norms, hence in the growing layout only, with no shared buffer and no static graphs for "
        f"NPUs (those that have them: {', '.join(sorted(FAMILIES))})."]
    plain = [use.node.name for value in model.graph.initializers.values() for use in value.uses()
             if value.shape is not None and len(value.shape) > 1]
    if plain:
        notes.append(f"{len(plain)} tables of weights are no linear layer's and stay in fp32, e.g. "
                     f"that of {plain[0]}.")
    return tuple(notes)
