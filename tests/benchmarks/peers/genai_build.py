"""The model builder of onnxruntime-genai, int4 on the CPU, on a checkpoint of transformers 4.

``python -m tests.benchmarks.peers.genai_build --checkpoint DIR --out DIR`` in the virtual
environment of genai. The builder reads Gemma 3's two rope bases from where transformers 4 kept
them; transformers 5 nests them, so they are put back. Leaves out: any option of the builder's.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import transformers
from onnxruntime_genai.models import builder

_LOAD = transformers.AutoConfig.from_pretrained


def main() -> None:
    parser = argparse.ArgumentParser("genai_build")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    builder.AutoConfig.from_pretrained = _load
    with tempfile.TemporaryDirectory() as cache:
        given = (None, str(options.checkpoint), str(options.out), "int4", "cpu", cache)
        builder.create_model(*given, **builder.parse_extra_options(*given, []))


def _load(*given: Any, **options: Any) -> Any:
    config = _LOAD(*given, **options)
    nested = getattr(config, "rope_parameters", None) or {}
    if "sliding_attention" in nested:
        config.rope_local_base_freq = nested["sliding_attention"]["rope_theta"]
        config.rope_theta = nested["full_attention"]["rope_theta"]
        config.rope_parameters = dict(nested["full_attention"])
    return config


if __name__ == "__main__":
    main()
