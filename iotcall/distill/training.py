"""Train a small student from scratch with transformers' Trainer. Leaves out: the data's making."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import (
    PreTrainedTokenizerFast,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_utils import get_last_checkpoint

from iotcall.catalogue import Catalogue
from iotcall.checkpoint import CheckpointNote
from iotcall.distill.architectures import new_student
from iotcall.distill.quantised import RoundLate, begin_rounding, end_rounding
from iotcall.distill.recipe import Recipe
from iotcall.distill.record import STEPS, note_of, standing
from iotcall.distill.sequences import IGNORED, Example, sequences, texts
from iotcall.distill.tokenizer import train_tokenizer
from iotcall.distill.warm_start import begin_with, encoder_folder
from iotcall.evaluate import Dialogue
from iotcall.formats import format_named

_TOKENIZER_DIALOGUES = 30_000
"""Dialogues that the BPE is trained on, at most."""


def train_student(
    recipe: Recipe, dialogues: Sequence[Dialogue], catalogue: Catalogue, out: Path, *,
    resume: bool = False, callbacks: Sequence[TrainerCallback] = (),
) -> Path:
    """Train a student and write its checkpoint to `out`, with its tokenizer and `iotcall.json`.

    Intermediate checkpoints lie in ``out/.steps`` and go when the training is done; with `resume`
    it continues from the newest, and what is finished stays as it is. The same recipe and dialogues
    give the same student on the same machine and number of threads.

    Raises:
        InputError: `out` is in the way, or holds another training.
    """
    note = note_of(recipe, dialogues)
    if standing(out, note, resume=resume) == "finished":
        return out
    format = format_named(recipe.format)
    tokenizer = train_tokenizer(texts(dialogues[:_TOKENIZER_DIALOGUES], format, catalogue),
                                format, recipe.vocabulary)
    pad_id, end_id = 0, tokenizer.token_to_id(format.pieces(catalogue).end)
    examples = list(sequences(dialogues, format, catalogue, tokenizer))
    steps = out / STEPS
    steps.mkdir(parents=True, exist_ok=True)
    note.write(steps)
    set_seed(recipe.seed)
    student = new_student(recipe, tokenizer.get_vocab_size(), pad_id, end_id)
    if recipe.warm_start:
        begin_with(student, tokenizer, encoder_folder(recipe.warm_start))
    arguments = TrainingArguments(
        output_dir=str(steps), num_train_epochs=recipe.epochs, seed=recipe.seed,
        per_device_train_batch_size=recipe.batch_size, learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay, warmup_ratio=recipe.warmup_share,
        lr_scheduler_type="cosine", group_by_length=True, length_column_name="length",
        logging_steps=50, save_steps=500, save_total_limit=1, report_to=[], disable_tqdm=True,
        remove_unused_columns=False, use_cpu=not torch.cuda.is_available(), max_grad_norm=1.0,
        dataloader_pin_memory=False, log_level="error",
    )
    trainer = _OnCalls(
        model=student, args=arguments, train_dataset=_Examples(examples),
        data_collator=lambda batch: _collate(batch, pad_id), callbacks=list(callbacks),
    )
    trainer.remove_callback(PrinterCallback)
    last = get_last_checkpoint(str(steps)) if resume else None
    if recipe.bits:
        trainer.add_callback(RoundLate(recipe.bits, recipe.rounded_share))
        if last and _holds_rounding(Path(last)):
            begin_rounding(student, recipe.bits)
    trainer.train(resume_from_checkpoint=last)
    end_rounding(student)
    _save(student, tokenizer, note, out)
    shutil.rmtree(steps, ignore_errors=True)
    return out


def _holds_rounding(checkpoint: Path) -> bool:
    with safe_open(checkpoint / "model.safetensors", "pt") as weights:
        return any(".parametrizations." in name for name in weights.keys())  # noqa: SIM118


class _OnCalls(Trainer):  # type: ignore[misc]  # untyped base
    """Loss on the labelled tokens; of the others no logits are made."""

    def compute_loss(self, model: Any, inputs: dict[str, torch.Tensor],
                     return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        hidden = model.model(input_ids=inputs["input_ids"],
                             attention_mask=inputs["attention_mask"]).last_hidden_state
        wanted = inputs["labels"][:, 1:]
        learnt = wanted != IGNORED
        logits = model.get_output_embeddings()(hidden[:, :-1][learnt])
        loss = torch.nn.functional.cross_entropy(logits, wanted[learnt])
        return (loss, {"logits": logits}) if return_outputs else loss


class _Examples(torch.utils.data.Dataset[dict[str, Any]]):  # type: ignore[misc]  # untyped base
    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = examples

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        example = self._examples[index]
        return {"input_ids": example.ids, "labels": example.labels, "length": len(example.ids)}


def _collate(batch: Sequence[dict[str, Any]], pad_id: int) -> dict[str, torch.Tensor]:
    longest = max(example["length"] for example in batch)

    def padded(key: str, value: int) -> torch.Tensor:  # (batch, longest) int64
        return torch.tensor([example[key] + [value] * (longest - example["length"])
                             for example in batch])

    ids = padded("input_ids", pad_id)
    lengths = torch.tensor([example["length"] for example in batch])
    mask = (torch.arange(longest)[None, :] < lengths[:, None]).long()
    return {"input_ids": ids, "attention_mask": mask, "labels": padded("labels", IGNORED)}


def _save(student: Any, tokenizer: Any, note: CheckpointNote, out: Path) -> None:
    student.save_pretrained(out)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(out)
    note.write(out)  # last: a folder that has it is whole
