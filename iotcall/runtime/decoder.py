"""One decoder graph in onnxruntime with its KV state. Leaves out: what its logits mean.

Drives ``InferenceSession`` by IO binding. The graph takes ``input_ids`` and, where it has them,
``attention_mask`` and ``position_ids``; every other input is a state named ``past_key_values.*``
that the output ``present.*`` continues.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from iotcall.errors import BundleError

_PAST, _PRESENT = "past_key_values.", "present."
_ITEM_BYTES = {"tensor(float)": 4, "tensor(float16)": 2}
_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class State(msgspec.Struct, frozen=True):
    """What the student remembers of the tokens so far. Never changed: a step makes a new one."""

    length: int
    """Tokens in it."""
    values: tuple[ort.OrtValue, ...]
    """One for each state input, in the graph's order; on the CPU."""

    @property
    def bytes(self) -> int:
        """Memory that the values hold."""
        return sum(_ITEM_BYTES.get(value.data_type(), 4) * math.prod(value.shape())
                   for value in self.values)


class Decoder:
    """A loaded graph; not thread-safe."""

    def __init__(self, model: Path, *, provider: str, threads: int) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._inference_session = ort.InferenceSession(str(model), options,
                                                           providers=[provider])
        except Exception as error:  # onnxruntime raises classes of its own without a public base
            raise BundleError(f"{model}: onnxruntime cannot load it: {error}") from error
        used = self._inference_session.get_providers()
        if provider not in used[:1]:
            # subtle: onnxruntime falls back to the CPU with a warning; a hub owner would never know
            raise BundleError(f"{model}: expected the execution provider {provider}, found only "
                              f"{', '.join(ort.get_available_providers())} on this machine; export "
                              "for one of these")
        inputs = {item.name: item for item in self._inference_session.get_inputs()}
        outputs = {item.name for item in self._inference_session.get_outputs()}
        self._states = [item for name, item in inputs.items() if name.startswith(_PAST)]
        self._presents = [_PRESENT + item.name.removeprefix(_PAST) for item in self._states]
        unknown = inputs.keys() - {"input_ids", "attention_mask", "position_ids",
                                   *(item.name for item in self._states)}
        missing = {"logits", *self._presents} - outputs
        if unknown or missing or "input_ids" not in inputs:
            raise BundleError(f"{model}: expected a decoder with past; unknown inputs "
                              f"{sorted(unknown)}, missing outputs {sorted(missing)}")
        self.vocabulary_size = next(
            item.shape[-1] for item in self._inference_session.get_outputs()
            if item.name == "logits")
        """Columns of the logits; a name where the graph leaves it open."""
        self._has_mask = "attention_mask" in inputs
        self._has_positions = "position_ids" in inputs

    def empty_state(self) -> State:
        """The state before any token."""
        values = []
        for item in self._states:
            # (1, heads, 0, head size) for attention, (1, width, taps - 1) for a convolution
            shape = [size if isinstance(size, int) else 0 for size in item.shape]
            shape[0] = 1
            values.append(ort.OrtValue.ortvalue_from_numpy(
                np.zeros(shape, dtype=_DTYPES[item.type])))
        return State(0, tuple(values))

    def run(self, ids: Sequence[int], state: State) -> tuple[NDArray[np.float32], State]:
        """One pass over new tokens: logits of the last one ``(vocabulary,)``, and the new state."""
        total = state.length + len(ids)
        binding = self._inference_session.io_binding()
        # subtle: the binding borrows these arrays, so they must live until the run is over
        fed = {"input_ids": np.array([ids], dtype=np.int64)}
        if self._has_mask:
            fed["attention_mask"] = np.ones((1, total), dtype=np.int64)
        if self._has_positions:
            fed["position_ids"] = np.arange(state.length, total, dtype=np.int64)[None]
        for name, array in fed.items():
            binding.bind_cpu_input(name, array)
        for item, value in zip(self._states, state.values, strict=True):
            binding.bind_ortvalue_input(item.name, value)
        binding.bind_output("logits", "cpu")
        for name in self._presents:
            binding.bind_output(name, "cpu")
        self._inference_session.run_with_iobinding(binding)
        logits, *values = binding.get_outputs()
        last = logits.numpy()[0, -1].astype(np.float32)
        return last, State(total, tuple(values))
