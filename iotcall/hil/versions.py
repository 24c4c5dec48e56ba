"""Who took part in a run: iotcall, its libraries, the board's kernel and processor.

Leaves out: judging them (see hil/test_identity.py).
"""

from __future__ import annotations

import shlex

import msgspec

from iotcall import __version__
from iotcall.hil.shell import Shell

_LIBRARIES = ("onnxruntime", "onnxruntime-qnn", "numpy", "tokenizers", "paho-mqtt")
_ASK = ("import importlib.metadata as m, json, platform, iotcall; "
        "from iotcall.evaluate.golden import instruction_set; "
        "from iotcall.evaluate.bench.machine import describe; d = describe(); "
        "v = {n: m.version(n) for n in %r if n in {x.name for x in m.distributions()}}; "
        "print(json.dumps({**v, 'iotcall': iotcall.__version__, "
        "'python': platform.python_version(), 'board': d.name, "
        "'system': platform.platform(), 'machine': platform.machine(), "
        "'instruction_set': instruction_set(), 'cores': str(d.cores), "
        "'memory_bytes': str(d.memory_bytes)}))")


def versions_on(shell: Shell) -> dict[str, str]:
    """Of the board, by name, and of the bench (``bench.iotcall``).

    Raises:
        BoardError: the board's interpreter has no iotcall.
    """
    said = shell.check(f"{shlex.quote(shell.python)} -c {shlex.quote(_ASK % (_LIBRARIES,))}",
                       timeout_s=300)
    return {"bench.iotcall": __version__,
            **msgspec.json.decode(said.splitlines()[-1], type=dict[str, str])}
