"""Write a checkpoint as GGUF and quantise it with llama.cpp's own call.

Runs in the virtual environment of llama.cpp: ``python -m tests.benchmarks.peers.gguf --checkpoint
DIR --out DIR``. The three families only. The tokenizer's pieces and kinds are written, so that
grammars and texts work; Gemma's scores are made up, since prompts come as tokens. Q4_0 and
Q8_0 are pure: the tied head too, which llama.cpp would leave at six or eight bits.
"""

from __future__ import annotations

import argparse
import ctypes
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

KINDS = ("q4_0", "q8_0")
ARCHITECTURES = {"gemma3_text": gguf.MODEL_ARCH.GEMMA3, "lfm2": gguf.MODEL_ARCH.LFM2,
                 "qwen3": gguf.MODEL_ARCH.QWEN3}
_BYTE = gguf.TokenType.BYTE


def main() -> None:
    parser = argparse.ArgumentParser("gguf")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--keep", action="store_true", help="keep the file in fp32")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    whole = options.out / "f32.gguf"
    write(options.checkpoint, whole)
    for kind in KINDS:
        quantise(whole, options.out / f"{kind}.gguf", kind)
    if not options.keep:
        whole.unlink()


def write(checkpoint: Path, path: Path) -> None:
    """The checkpoint in fp32, which holds bfloat16 exactly."""
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    architecture = ARCHITECTURES[config["model_type"]]
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture])
    tensors = dict(read_tensors(checkpoint / "model.safetensors"))
    _metadata(writer, config, tensors)
    _vocabulary(writer, checkpoint, config["vocab_size"])
    names = gguf.get_tensor_name_map(architecture, config["num_hidden_layers"])
    for name, value in sorted(tensors.items()):
        written = names.get_name(name, try_suffixes=(".weight",))
        if written is None:
            raise ValueError(f"{name} has no name in GGUF")
        if config["model_type"] == "gemma3_text" and name.endswith("norm.weight"):
            value = value + 1  # its norms multiply by one more than their weight
        if name.endswith("conv.conv.weight"):
            value = value.squeeze(1)  # (hidden, 1, taps)
        writer.add_tensor(written, np.ascontiguousarray(value))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def quantise(source: Path, path: Path, kind: str) -> None:
    import llama_cpp

    options = llama_cpp.llama_model_quantize_default_params()
    options.ftype = {"q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0,
                     "q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0}[kind]
    options.pure, options.nthread = True, 2
    if llama_cpp.llama_model_quantize(str(source).encode(), str(path).encode(),
                                      ctypes.byref(options)):
        raise RuntimeError(f"llama.cpp could not quantise {source} to {kind}")


def read_tensors(path: Path) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Every tensor of a safetensors file (bfloat16 or fp32) as fp32."""
    data = np.memmap(path, dtype=np.uint8, mode="r")
    size = int(data[:8].view(np.uint64)[0])
    for name, entry in json.loads(bytes(data[8:8 + size])).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        raw = np.array(data[begin:end])
        match entry["dtype"]:
            case "BF16":
                value = (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
            case "F32":
                value = raw.view(np.float32)
            case other:
                raise ValueError(f"{name} is {other}, expected BF16 or F32")
        yield name, value.reshape(entry["shape"])


def _metadata(writer: gguf.GGUFWriter, config: dict[str, Any],
              tensors: dict[str, NDArray[np.float32]]) -> None:
    family = config["model_type"]
    heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
    width = config.get("head_dim") or config["hidden_size"] // heads
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    gate = "feed_forward.w1" if family == "lfm2" else "mlp.gate_proj"
    writer.add_feed_forward_length(tensors[f"model.layers.0.{gate}.weight"].shape[0])
    writer.add_head_count(heads)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config.get("rms_norm_eps") or config["norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    if family == "lfm2":
        writer.add_head_count_kv([0 if kind == "conv" else groups
                                  for kind in config["layer_types"]])
        writer.add_shortconv_l_cache(config["conv_L_cache"])
    else:
        writer.add_head_count_kv(groups)
    if family == "gemma3_text":
        # every sixth layer is global and local ones have base 10000: llama.cpp's own for Gemma 3
        kinds = ["full_attention" if (layer + 1) % 6 == 0 else "sliding_attention"
                 for layer in range(config["num_hidden_layers"])]
        if config["layer_types"] != kinds or config["rope_local_base_freq"] != 10000:
            raise ValueError("expected Gemma 3's pattern of layers")
        writer.add_sliding_window(config["sliding_window"])


def _vocabulary(writer: gguf.GGUFWriter, checkpoint: Path, size: int) -> None:
    definition = json.loads((checkpoint / "tokenizer.json").read_text(encoding="utf-8"))
    fallback = definition["model"]["byte_fallback"]
    texts = [f"[PAD{id}]" for id in range(size)]
    kinds = [gguf.TokenType.UNUSED] * size
    for text, id in definition["model"]["vocab"].items():
        is_byte = fallback and len(text) == 6 and text.startswith("<0x")
        texts[id], kinds[id] = text, _BYTE if is_byte else gguf.TokenType.NORMAL
    for token in definition["added_tokens"]:
        texts[token["id"]] = token["content"].replace("\u2581", " ")
        kinds[token["id"]] = (gguf.TokenType.CONTROL if token["special"]
                              else gguf.TokenType.USER_DEFINED)
    end = json.loads((checkpoint / "tokenizer_config.json").read_text(
        encoding="utf-8"))["eos_token"]
    writer.add_tokenizer_model("llama" if fallback else "gpt2")
    if not fallback:
        writer.add_tokenizer_pre("qwen2")
        writer.add_token_merges(list(map(" ".join, definition["model"]["merges"])))
    writer.add_token_list(texts)
    writer.add_token_types(kinds)
    if fallback:
        writer.add_token_scores([-float(id) for id in range(size)])
        writer.add_add_space_prefix(False)
    writer.add_eos_token_id(texts.index(end))


if __name__ == "__main__":
    main()
