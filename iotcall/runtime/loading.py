"""Open what a bundle's student needs. Leaves out: decoding with it."""

from __future__ import annotations

import ctypes
import os
from concurrent.futures import ThreadPoolExecutor

from tokenizers import Tokenizer

from iotcall.bundle import Bundle
from iotcall.errors import BundleError
from iotcall.runtime.decoders import Decoder, open_decoder


def load(bundle: Bundle, threads: int) -> tuple[Decoder, Tokenizer]:
    """Both take their time, and onnxruntime leaves the interpreter to others meanwhile."""
    with ThreadPoolExecutor(1) as other:
        decoder = other.submit(open_decoder, bundle.folder, bundle.layout, threads=threads)
        try:
            tokenizer = Tokenizer.from_file(str(bundle.tokenizer_path))
        except Exception as error:  # tokenizers raises bare exceptions
            raise BundleError(f"{bundle.tokenizer_path}: is no tokenizer: {error}") from error
        opened = decoder.result(), tokenizer
    _return_freed_memory()
    return opened


def _return_freed_memory() -> None:
    """Give the system what the C library keeps of memory that was freed: after a large tokenizer
    has been read that is more than everything else together. Only glibc can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim:
        trim(0)
