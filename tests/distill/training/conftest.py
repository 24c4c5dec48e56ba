"""Trainings of tiny students on the lamp catalogue's dialogues."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback

from iotcall.catalogue import Catalogue
from iotcall.distill.recipe import Recipe
from iotcall.distill.source import source_of
from iotcall.distill.training.trainer import train_student
from iotcall.evaluate import Dialogue
from tests import lamp as lamp_files

TINY = Recipe(architecture="opt", layers=1, width=32, heads=2, key_value_heads=2, inner_width=32,
              vocabulary=300, batch_size=8, epochs=2.0, learning_rate=5e-3, dropout=0.1)
"""Sixteen steps of two epochs with 64 dialogues."""


class Interrupt(TrainerCallback):  # type: ignore[misc]
    """Ctrl-C behind a step."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        if state.global_step == self._step:
            raise KeyboardInterrupt


@pytest.fixture(scope="session")
def lamp_dialogues() -> list[Dialogue]:
    return list(source_of(lamp_files.FOLDER, 1).dialogues(64))


@pytest.fixture
def train(lamp: Catalogue, lamp_dialogues: list[Dialogue]) -> Callable[..., Path]:
    """Train a recipe with these changes on so many dialogues; `interrupt` ends it behind that
    step."""
    def run(out: Path, recipe: Recipe = TINY, *, interrupt: int = 0,
            most: int = 64, more: dict[str, Any] | None = None, **changes: Any) -> Path:
        callbacks = [Interrupt(interrupt)] if interrupt else []
        return train_student(msgspec.structs.replace(recipe, **changes), lamp_dialogues[:most],
                             lamp, out, callbacks=callbacks, **(more or {}))

    return run


def same_weights(one: Path, other: Path, name: str = "model.safetensors") -> bool:
    """Whether two checkpoints hold the same numbers, bit for bit."""
    ours, theirs = load_file(one / name), load_file(other / name)
    return ours.keys() == theirs.keys() and all(
        torch.equal(ours[key], theirs[key]) for key in ours)
