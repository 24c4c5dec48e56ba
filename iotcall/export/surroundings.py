"""The export's surroundings: scratch folders, and libraries that keep quiet.

Leaves out: what is in the graphs.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that is gone afterwards, in TMPDIR."""
    with tempfile.TemporaryDirectory(prefix="iotcall-export-") as folder:
        yield Path(folder)


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


def first_line(error: Exception) -> str:
    """Of a foreign library's message, which may go on with advice and traces."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
