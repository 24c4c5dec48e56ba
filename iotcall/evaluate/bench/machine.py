"""What this machine can do: read memory, multiply. Leaves out: what a student asks of it."""

from __future__ import annotations

import os
import platform
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import onnxruntime as ort

from iotcall.evaluate.bench.product import block_product, float_product
from iotcall.evaluate.golden import instruction_set

_LEAST_READ = 1_000_000
"""Bytes: below, starting to read takes as long as reading."""
_ROUND_BYTES = 200_000_000
"""Read in one round; short enough that some round of several is undisturbed."""
_ROUNDS = 5
_ROWS, _INNER, _COLUMNS = 256, 1024, 1024
"""Of the product: large enough that arithmetic and not memory bounds it."""
_PRODUCT_SECONDS = 0.25
"""For each kind of product, at least `_ROUNDS` of it."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What the figures were taken on."""

    name: str
    """Board or processor, as the system names it."""
    cores: int
    memory_bytes: int
    """0: the system does not say."""
    system: str
    instruction_set: str
    load: float
    """Programs that wanted a core when the bench began, over a minute: 0 on a machine of our own.
    """
    versions: dict[str, str]


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """The machine's best."""

    threads: int
    """At most."""
    read_bytes: int
    """How much is read again and again; what fits into a cache comes from there."""
    bytes_per_s: float
    """The best of several rounds in which each thread reads a share of its own (numpy)."""
    products_per_s: dict[str, float]
    """Multiplications with their additions of onnxruntime's products here, by kind: fp32, or blocks
    of 8 or 4 bits with activations of 8 bits; of matrices that take far longer to multiply than to
    read, the best of several runs. Twice that are operations (FLOP/s)."""

    @property
    def fastest(self) -> float:
        """Multiplications a second of the fastest kind: what the floor is made of, whatever the
        bundle's own kind is."""
        return max(self.products_per_s.values())

    def or_better(self, other: Speed) -> Speed:
        """The better of two measurements: others on this machine can only slow one down."""
        return msgspec.structs.replace(
            self, bytes_per_s=max(self.bytes_per_s, other.bytes_per_s),
            products_per_s=_best(self.products_per_s, other.products_per_s))


def describe() -> Machine:
    """This machine."""
    return Machine(
        name=_name(), cores=os.cpu_count() or 1, memory_bytes=_memory(),
        system=f"{platform.system()} {platform.machine()}", instruction_set=instruction_set(),
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
        versions={"python": platform.python_version(), "onnxruntime": ort.__version__,
                  "numpy": np.__version__})


def speed(read_bytes: int, *, threads: int) -> Speed:
    """The machine's best for students whose passes read so many bytes, on so many threads or on
    one alone: where others use the machine, that may be faster."""
    read_bytes = max(read_bytes, _LEAST_READ)
    products = _products(1)
    return Speed(
        threads=threads, read_bytes=read_bytes,
        bytes_per_s=max(_bandwidth(read_bytes, count) for count in {1, threads}),
        products_per_s=products if threads == 1 else _best(products, _products(threads)))


def _best(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    return {kind: max(found, other[kind]) for kind, found in one.items()}


def _bandwidth(read_bytes: int, threads: int) -> float:
    """Bytes a second."""
    shares = [np.ones(-(-read_bytes // (8 * threads)), np.int64) for _ in range(threads)]
    again = max(1, _ROUND_BYTES // read_bytes)
    size = again * sum(share.nbytes for share in shares)
    # two operations that only read; which of them numpy has faster differs between machines
    return max(size / _side_by_side([_reading(reduce, share, again) for share in shares])
               for _ in range(_ROUNDS) for reduce in (np.bitwise_or.reduce, np.maximum.reduce))


def _reading(reduce: Callable[..., object], share: object, again: int) -> Callable[[], None]:
    def read() -> None:
        for _ in range(again):
            reduce(share)  # numpy lets the other threads run meanwhile

    return read


def _side_by_side(works: list[Callable[[], None]]) -> float:
    """Seconds until all are done, each on a thread of its own."""
    gate = threading.Barrier(len(works) + 1)

    def go(work: Callable[[], None]) -> None:
        gate.wait()
        work()

    threads = [threading.Thread(target=go, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    gate.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def _products(threads: int) -> dict[str, float]:
    """Multiplications a second of each kind of product."""
    shape = (_ROWS, _INNER, _COLUMNS)
    models = {"fp32": float_product(*shape), "blocks of 8 bits": block_product(*shape, bits=8),
              "blocks of 4 bits": block_product(*shape, bits=4)}
    feeds = {"in": np.full((_ROWS, _INNER), 0.25, np.float32)}
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    found = {}
    for name, model in models.items():
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        best, runs, until = 0.0, 0, time.perf_counter() + _PRODUCT_SECONDS
        while runs < _ROUNDS or time.perf_counter() < until:
            began = time.perf_counter()
            session.run(None, feeds)
            best = max(best, _ROWS * _INNER * _COLUMNS / (time.perf_counter() - began))
            runs += 1
        found[name] = best
    return found


def _name() -> str:
    try:  # a board's own name, where there is a device tree
        return Path("/proc/device-tree/model").read_text(encoding="utf-8").strip("\0\n ")
    except (OSError, UnicodeDecodeError):
        pass
    try:
        found = re.search(r"^model name\s*:\s*(.+)$",
                          Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0
