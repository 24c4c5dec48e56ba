"""ONNX files without a trace of their making, and libraries that keep quiet while they make them.

Leaves out: what is in the graphs.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx

SINGLE_FILE_BYTES = 1_000_000_000
"""From here on the weights go to ``<name>.onnx.data`` beside the graph (protobuf ends at 2 GB)."""


def write_model(
    model: onnx.ModelProto, path: Path, *, single_file_bytes: int = SINGLE_FILE_BYTES
) -> int:
    """Write a model without a trace of who made it and where; returns the bytes on disk.

    Doc strings, metadata, producer and inferred shapes go; weights move to ``<path>.data`` when
    they are ``single_file_bytes`` or more. Files of these two names are replaced.
    """
    _anonymise(model)
    data = path.with_name(path.name + ".data")
    path.unlink(missing_ok=True)
    data.unlink(missing_ok=True)  # subtle: onnx appends to an existing file
    # subtle: ByteSize() of the whole message fails at 2 GB
    if sum(len(tensor.raw_data) for tensor in model.graph.initializer) < single_file_bytes:
        onnx.save(model, path)
    else:
        onnx.save(model, path, save_as_external_data=True, location=data.name)
    return model_bytes(path)


def model_bytes(path: Path) -> int:
    """Bytes on disk of a graph and, where it has them, its external weights."""
    data = path.with_name(path.name + ".data")
    return path.stat().st_size + (data.stat().st_size if data.exists() else 0)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No tracer warnings, progress bars or log lines below an error; settings are put back.

    The root logger's too: onnxruntime's quantisers set it up when they are imported or first log.
    """
    from transformers.utils import logging as transformers_logging

    speech: Any = transformers_logging
    level, bars = speech.get_verbosity(), speech.is_progress_bar_enabled()
    root, disabled = logging.root, logging.root.manager.disable
    handlers, root_level = list(root.handlers), root.level
    speech.set_verbosity_error()
    speech.disable_progress_bar()
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(root_level)
        logging.disable(disabled)
        speech.set_verbosity(level)
        if bars:
            speech.enable_progress_bar()


def _anonymise(model: onnx.ModelProto) -> None:
    """Drop what depends on the machine, the folder or the versions, and shapes nobody reads."""
    for field in ("producer_name", "producer_version", "domain", "doc_string", "metadata_props"):
        model.ClearField(field)
    model.graph.name = "decoder"
    model.graph.ClearField("doc_string")
    model.graph.ClearField("metadata_props")
    model.graph.ClearField("value_info")
    for item in (
        *model.graph.node,
        *model.graph.initializer,
        *model.graph.input,
        *model.graph.output,
    ):
        item.ClearField("doc_string")
        item.ClearField("metadata_props")
