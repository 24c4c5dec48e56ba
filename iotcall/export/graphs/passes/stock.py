"""A stock graph's mask and positions. Leaves out: its attention, which stays as it was traced."""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir.passes import InPlacePass, PassResult, PreconditionError

from iotcall.export.graphs.passes.marker_pass import Writer, prepend

PAST_AXIS = "past_sequence_length"
"""Optimum's name of the axis that grows."""
_BATCH = "batch_size"


class OwnPlaces(InPlacePass):
    """Mask and positions follow the length of the past; the batch is one sequence.

    Requires: input ``input_ids`` (batch, S) and states ``past_key_values.*`` whose only open axes
    are the batch and the past. Ensures: no inputs ``attention_mask`` and ``position_ids``; a mask
    of ones (1, past + S) and positions past .. past + S - 1 (1, S), int64, take their place.
    """

    def requires(self, model: ir.Model) -> None:
        inputs = {value.name or "": value for value in model.graph.inputs}
        wrong = [name for name, value in inputs.items() if name.startswith("past_key_values.")
                 and [size for size in _open(value) if size != _BATCH] != [PAST_AXIS]]
        if wrong or "input_ids" not in inputs or len(inputs) < 2:
            raise PreconditionError(f"expected input_ids and states with one growing axis, found "
                                    f"{wrong or list(inputs)}")

    def call(self, model: ir.Model) -> PassResult:
        graph = model.graph
        inputs = {value.name or "": value for value in graph.inputs}
        own = [inputs[name] for name in ("attention_mask", "position_ids") if name in inputs]
        if own:
            writer = Writer("places")
            mask, positions = self._places(writer, inputs)
            for value in own:
                ir.convenience.replace_all_uses_with(
                    value, mask if value.name == "attention_mask" else positions)
                graph.inputs.remove(value)
            prepend(graph, writer.nodes)
        values = (*graph.inputs, *graph.outputs, *(out for node in graph for out in node.outputs))
        batched = [value for value in values if _BATCH in _open(value)]
        for value in batched:
            assert value.shape is not None
            value.shape = ir.Shape([1 if isinstance(size, ir.SymbolicDim) and size.value == _BATCH
                                    else size for size in value.shape])
        return PassResult(model, modified=bool(own or batched))

    def _places(self, writer: Writer, inputs: dict[str, ir.Value]) -> tuple[ir.Value, ir.Value]:
        """The mask (1, past + S) and the positions (1, S)."""
        state = next(value for name, value in inputs.items() if name.startswith("past_key_values."))
        assert state.shape is not None
        axis = next(at for at, size in enumerate(state.shape)
                    if isinstance(size, ir.SymbolicDim) and size.value == PAST_AXIS)
        past = writer.op("Shape", state, start=axis, end=axis + 1)  # (1,)
        total = writer.op("Add", past, writer.op("Shape", inputs["input_ids"], start=1, end=2))
        zero, one = writer.constant([0]), writer.constant([1])
        mask = writer.op("Expand", writer.constant([[1]]), writer.op("Concat", one, total, axis=0))
        start, end = (writer.op("Squeeze", length, zero) for length in (past, total))
        positions = writer.op("Unsqueeze", writer.op("Range", start, end, writer.constant(1)), zero)
        return mask, positions


def _open(value: ir.Value) -> list[str | None]:
    """Names of the axes whose size is not fixed."""
    return [size.value for size in value.shape or () if isinstance(size, ir.SymbolicDim)]
