"""Low-rank updates of a base, by peft. Leaves out: merging adapters of others (see the export)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from iotcall.distill.recipe import Lora
from iotcall.errors import InputError

_LLAMA = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
TARGETS = {
    "qwen3": _LLAMA,
    "gemma3_text": _LLAMA,
    "lfm2": ("q_proj", "k_proj", "v_proj", "out_proj", "in_proj", "w1", "w2", "w3"),
    "opt": ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"),
}
"""Linear layers of a family's blocks, by ``model_type``: attention, convolution, feed-forward."""


def adapted(model: Any, lora: Lora) -> Any:
    """The model with updates of low rank that alone learn; torch's seed must be set.

    Raises:
        InputError: no layers to adapt are known, or none has the names given.
    """
    from peft import LoraConfig, get_peft_model

    family = model.config.model_type
    targets = lora.targets or TARGETS.get(family)
    if targets is None:
        raise InputError(f"no layers of the architecture {family} are known that lora could "
                         "adapt; name them in the recipe: lora.targets")
    missing = sorted(name for name in targets if not any(
        found == name or found.endswith(f".{name}") for found, _ in model.named_modules()))
    if missing and lora.targets:
        layers = sorted({name.rpartition(".")[2] for name, module in model.named_modules()
                         if type(module).__name__ == "Linear"})
        raise InputError(f"lora.targets: the base has no layer {missing[0]!r}; it has "
                         f"{', '.join(layers)}")
    return get_peft_model(model, LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, bias="none",
        target_modules=[name for name in targets if name not in missing],
        task_type="CAUSAL_LM"))


def save_adapted(model: Any, lora: Lora, base: str, out: Path) -> None:
    """Write the base with its update, or the update alone; `base` is what the recipe calls it."""
    if lora.merged:
        model.merge_and_unload(safe_merge=True).save_pretrained(out)
        return
    model.peft_config["default"].base_model_name_or_path = base
    model.save_pretrained(out, save_embedding_layers=False)
    (out / "README.md").unlink(missing_ok=True)  # peft's empty model card
