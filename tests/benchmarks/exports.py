"""``make bench-export``: exports of the three published sizes, with random weights.

Random weights are honest for sizes, memory and time; what they answer means nothing, so parity is
recorded and not asked for. Each export is a process of its own. ``--report`` writes the tables
again from the last figures.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
WORK = ROOT / "build" / "bench" / "export"
FIGURES = ROOT / "build" / "bench" / "export.json"
DOCUMENT = ROOT / "docs" / "export-bench.md"
Q4_0_MB = {"gemma3": 156, "lfm2": 201, "qwen3": 338}
"""llama.cpp's Q4_0 files of the same configurations, measured."""
PUBLISHED: dict[str, dict[str, Any]] = {
    "gemma3": {"name": "FunctionGemma 270M", "vocab_size": 262144, "hidden_size": 640,
               "intermediate_size": 2048, "num_hidden_layers": 18, "num_attention_heads": 4,
               "num_key_value_heads": 1, "head_dim": 256, "query_pre_attn_scalar": 256,
               "sliding_window": 512},
    "lfm2": {"name": "LFM2.5 350M", "vocab_size": 65536, "hidden_size": 1024,
             "intermediate_size": 6656, "block_ff_dim": 6656, "block_auto_adjust_ff_dim": True,
             "num_hidden_layers": 16, "num_attention_heads": 16, "num_key_value_heads": 8,
             "full_attn_idxs": [2, 5, 8, 10, 12, 14]},
    "qwen3": {"name": "Qwen3 0.6B", "vocab_size": 151936, "hidden_size": 1024,
              "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16,
              "num_key_value_heads": 8, "head_dim": 128, "tie_word_embeddings": True,
              "rope_theta": 1e6},
}
CELLS = (("gemma3", "cpu-int4"), ("gemma3", "cpu-int4-latin"), ("lfm2", "cpu-int4"),
         ("qwen3", "cpu-int4"))


def main() -> int:
    if sys.argv[1:2] == ["--cell"]:
        _cell(*sys.argv[2:4])
        return 0
    if "--report" not in sys.argv[1:]:
        _measure()
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    head, _, _ = DOCUMENT.read_text(encoding="utf-8").partition("<!-- figures -->")
    DOCUMENT.write_text(f"{head}<!-- figures -->\n{_tables(figures)}", encoding="utf-8")
    print(_tables(figures))
    return 0


def make_checkpoint(family: str) -> Path:
    """A checkpoint of the published size with random weights in bfloat16."""
    import torch
    from transformers import AutoModelForCausalLM, Gemma3TextConfig, Lfm2Config, Qwen3Config

    folder = WORK / family
    if (folder / "model.safetensors").is_file():
        return folder
    kinds = {"gemma3": Gemma3TextConfig, "lfm2": Lfm2Config, "qwen3": Qwen3Config}
    options = {key: value for key, value in PUBLISHED[family].items() if key != "name"}
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(kinds[family](**options)).to(torch.bfloat16)
    partial = folder.with_name(folder.name + ".partial")
    model.save_pretrained(partial)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(ROOT / "tests" / "students" / family / name, partial / name)
    partial.rename(folder)
    return folder


def _cell(family: str, target: str) -> None:
    """Export once in this process; prints its figures as JSON."""
    from iotcall.catalogue import load_catalogue
    from iotcall.export.exporter import Options, export_student
    from iotcall.export.target import load_target

    checkpoint = WORK / family
    grammar, options = ROOT / "tests" / "catalogues" / "lamp", Options(allow=True, replace=True)
    if target.endswith("-latin"):  # a trimmed vocabulary says nothing of a tokenizer of 600 tokens
        checkpoint, grammar = _with_real_tokenizer(checkpoint), ROOT / "grammars" / "smart_home"
        few = WORK / "golden.jsonl"
        few.write_text("".join((grammar / "golden.jsonl").read_text(
            encoding="utf-8").splitlines(keepends=True)[:10]), encoding="utf-8")
        options = Options(allow=True, replace=True, golden=few)
    began = time.monotonic()
    steps: dict[str, float] = {}

    def progress(step: str, done: int, total: int) -> None:
        steps.setdefault(step, time.monotonic() - began)

    report = export_student(str(checkpoint), grammar, load_catalogue(grammar), *load_target(target),
                            WORK / f"{family}-{target}", options=options, progress=progress)
    certificate = report.certificate
    fp32 = 4 * json.loads((report.bundle / "manifest.json").read_text())["student"]["parameters"]
    print(json.dumps({
        "family": family, "target": target, "seconds": time.monotonic() - began,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "fp32_bytes": fp32, "model_bytes": report.model_bytes, "bundle_bytes": report.bytes,
        "prefix_bytes": (report.bundle / "prefix.npy").stat().st_size,
        "prefix_tokens": certificate.prefix_tokens,
        "vocabulary": json.loads((report.bundle / "decoder.json").read_text())["vocabulary"],
        "prefill_difference": certificate.prefill_difference,
        "mass_difference": certificate.grammar_mass_difference, "steps": steps}))


def _with_real_tokenizer(checkpoint: Path) -> Path:
    from tests.benchmarks.material import fetch

    folder = WORK / f"{checkpoint.name}-real"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("model.safetensors", "config.json"):
        if not (folder / name).exists():
            os.link(checkpoint / name, folder / name)
    shutil.copyfile(fetch("gemma3"), folder / "tokenizer.json")
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "PreTrainedTokenizerFast"}), encoding="utf-8")
    return folder


def _measure() -> None:
    WORK.mkdir(parents=True, exist_ok=True)
    cells = []
    for family, target in CELLS:
        print(f"{family} for {target} ...", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-c", "import sys; from tests.benchmarks.exports import "
                        "make_checkpoint as make; make(sys.argv[1])", family], cwd=ROOT, check=True)
        done = subprocess.run([sys.executable, "-m", "tests.benchmarks.exports", "--cell", family,
                               target], cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
        cells.append(json.loads(done.stdout.splitlines()[-1]))
    FIGURES.write_text(json.dumps({
        "machine": {"cores": os.cpu_count(), "system": platform.system(),
                    "python": platform.python_version()},
        "versions": {name: version(name) for name in ("onnxruntime", "torch", "optimum-onnx",
                                                      "onnx-ir", "transformers")},
        "cells": cells}, indent=1), encoding="utf-8")


def _tables(figures: dict[str, Any]) -> str:
    lines = [
        "| student | target | model MB | of Q4_0 | bundle MB, prefix state in it | rows | "
        "peak memory GB | of the fp32 weights | minutes | fp32 graphs to torch |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|"]
    for cell in figures["cells"]:
        model = cell["model_bytes"] / 1e6
        lines.append(
            f"| {PUBLISHED[cell['family']]['name']} | `{cell['target']}` | {model:.1f} | "
            f"{model / Q4_0_MB[cell['family']]:.2f} | {cell['bundle_bytes'] / 1e6:.0f}, "
            f"{cell['prefix_bytes'] / 1e6:.0f} ({cell['prefix_tokens']} tokens) | "
            f"{cell['vocabulary']:,} | {cell['peak_bytes'] / 1e9:.1f} | "
            f"{cell['peak_bytes'] / cell['fp32_bytes']:.1f} | {cell['seconds'] / 60:.1f} | "
            f"{cell['prefill_difference']:.0e} |")
    versions = ", ".join(f"{name} {number}" for name, number in figures["versions"].items())
    machine = figures["machine"]
    return "\n".join([*lines, "", f"Python {machine['python']} on {machine['system']}, "
                                  f"{machine['cores']} cores; {versions}.", ""])


if __name__ == "__main__":
    sys.exit(main())
