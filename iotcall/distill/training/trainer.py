"""Train a student with transformers' Trainer. Leaves out: the data's making; what is begun with.

The same recipe and dialogues give the same student on the same machine and number of threads, also
when the training was interrupted and resumed.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from iotcall.bundle.bundle import LEXICON
from iotcall.catalogue import Catalogue
from iotcall.checkpoint import read_note
from iotcall.distill.alone import hold
from iotcall.distill.recipe import Recipe
from iotcall.distill.training.batches import ByLength, Examples, call_loss, collate
from iotcall.distill.training.beginning import (
    Base,
    Beginning,
    from_base,
    from_scratch,
    save_student,
)
from iotcall.distill.training.development import Development
from iotcall.distill.training.elder import Elder
from iotcall.distill.training.lexicon import lexicon_for, packed
from iotcall.distill.training.log import Begun, Judgement, Log, Loss, Row
from iotcall.distill.training.precision import products, takes_bf16
from iotcall.distill.training.quantised import (
    RoundLate,
    begin_rounding,
    check_rounding,
    end_rounding,
    holds_rounding,
    is_rounding,
)
from iotcall.distill.training.record import STEPS, Standing, note_of, standing
from iotcall.distill.training.sequences import Example, sequences
from iotcall.errors import InputError
from iotcall.evaluate import Dialogue, wilson_interval

CHECKPOINT_EVERY = 500
"""Steps between two checkpoints."""
_LOG_EVERY = 50
_STATE = "trainer_state.json"
_LOCK = "lock"
_METRIC = "equivalence"


def train_student(
    recipe: Recipe, dialogues: Sequence[Dialogue], catalogue: Catalogue, out: Path, *,
    base: Base | None = None, elder: Elder | None = None, dev: Sequence[Dialogue] = (),
    texts: Sequence[str] = (), resume: bool = False, checkpoint_every: int = CHECKPOINT_EVERY,
    callbacks: Sequence[TrainerCallback] = (), told: Callable[[Row], None] = lambda row: None,
) -> Path:
    """Train a student and write its checkpoint to `out`, with tokenizer, note and log.

    Intermediate checkpoints lie in ``out/.steps`` and go when the training is done; with `resume`
    it continues from the newest, and what is finished stays as it is.

    Args:
        base: what the recipe's base is, opened; with a format in the recipe.
        elder: what the recipe begins as, read.
        dev: development dialogues; the student that does best on them is kept.
        texts: what a lexicon is made of, see `heard`; without any, of what the dialogues say.
        told: every row of the log.

    Raises:
        InputError: `out` is in the way, in use, or holds another training; the student cannot be
            built.
    """
    if catalogue.skills:
        raise InputError(f"the catalogue {catalogue.name!r} has skills, whose first decision no "
                         "dialogue shows: train for a catalogue without them")
    note = note_of(recipe, dialogues, dev, elder.sha256 if elder else "")
    found = standing(out, note, resume=resume)
    if found == "finished":
        return out
    start = from_base(recipe, base) if base else from_scratch(
        recipe, dialogues, catalogue, elder)
    if recipe.bits:
        check_rounding(start.model)
    examples = list(sequences(dialogues, start.format, catalogue, start.tokenizer, start.pieces,
                              splits=recipe.splits, seed=recipe.seed, longest=start.positions))
    _check_lengths(examples, start.positions)
    lexicon = lexicon_for(recipe, texts or [
        turn.utterance for dialogue in dialogues for turn in dialogue.turns
    ]) if recipe.warm_start else None
    judged = Development(dev, catalogue, start.format, start.pieces, start.tokenizer,
                         start.positions, lexicon) if dev else None
    with _alone(out, found) as steps:
        note.write(steps)
        last = _newest(steps) if resume else None
        run = _Run(start, recipe, examples, judged, out, last, checkpoint_every, told)
        for callback in callbacks:
            run.add_callback(callback)
        if not run.history.is_exhausted(recipe.patience):  # as it was when it was interrupted
            with warnings.catch_warnings():
                # checkpoints of a tiny student follow each other within a second, which is no fault
                warnings.filterwarnings("ignore", message="mtime may not be reliable")
                run.train(resume_from_checkpoint=str(last) if last else None)
        if run.history.best:
            _take(run.model, steps / f"checkpoint-{run.history.best}")
        end_rounding(start.model)
        save_student(start.model, start.tokenizer, recipe, base, out)
        if lexicon:
            (out / LEXICON).write_bytes(packed(lexicon))
        note.write(out)  # last: a folder that has it is whole
        shutil.rmtree(steps, ignore_errors=True)
    return out


class _Run(Trainer):  # type: ignore[misc]  # untyped base
    """One run of a training, from its beginning or from a checkpoint."""

    control: Any

    def __init__(self, start: Beginning, recipe: Recipe, examples: Sequence[Example],
                 judged: Development | None, out: Path, last: Path | None, checkpoint_every: int,
                 told: Callable[[Row], None]) -> None:
        self._recipe, self._judged, self._bf16 = recipe, judged, takes_bf16(recipe.precision)
        self._order = ByLength([len(example.ids) for example in examples], recipe.batch_size,
                               recipe.seed)
        on_dev: dict[str, Any] = {
            "eval_strategy": "steps" if recipe.judge_every else "epoch",
            "eval_steps": recipe.judge_every or None, "metric_for_best_model": _METRIC,
            "greater_is_better": True} if judged else {}
        arguments = TrainingArguments(
            output_dir=str(out / STEPS), num_train_epochs=recipe.epochs, seed=recipe.seed,
            per_device_train_batch_size=recipe.batch_size // recipe.passes,
            gradient_accumulation_steps=recipe.passes, learning_rate=recipe.rate,
            weight_decay=recipe.weight_decay, warmup_ratio=recipe.warmup_share,
            lr_scheduler_type="cosine", logging_steps=_LOG_EVERY, save_steps=checkpoint_every,
            save_total_limit=1, report_to=[], disable_tqdm=True, remove_unused_columns=False,
            use_cpu=not torch.cuda.is_available(), max_grad_norm=1.0, dataloader_pin_memory=False,
            log_level="error", **on_dev)
        super().__init__(
            model=start.model, args=arguments, train_dataset=Examples(examples),
            eval_dataset=Examples(()) if judged else None,
            data_collator=lambda batch: collate(batch, start.end_id))
        self.remove_callback(PrinterCallback)
        step = int(last.name.rpartition("-")[2]) if last else 0
        self.history = Log(out, step)
        self.add_callback(_Logging(self.history, told))
        if recipe.bits:
            self.add_callback(RoundLate(recipe.bits, recipe.rounded_share))
            if last and holds_rounding(last):
                begin_rounding(start.model, recipe.bits)
        if judged:
            self.add_callback(_JudgedAtEnd())
        self._told = told
        weights = list(start.model.parameters())
        self._note(Begun(
            step=step, device=str(self.args.device), precision="bf16" if self._bf16 else "fp32",
            threads=torch.get_num_threads(), parameters=sum(each.numel() for each in weights),
            learning=sum(each.numel() for each in weights if each.requires_grad),
            sequences=len(examples), shortened=sum(example.lost > 0 for example in examples)))

    def _get_train_sampler(self, train_dataset: Any = None) -> ByLength:
        return self._order

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False,
                     num_items_in_batch: Any = None) -> Any:
        with products(model, bf16=self._bf16):
            return call_loss(model, inputs, num_items_in_batch)

    def evaluate(self, *arguments: Any, **more: Any) -> dict[str, float]:
        """Judge the student as it is now."""
        assert self._judged is not None
        with products(self.model, bf16=self._bf16):
            found = self._judged.answers(self.model)
        items = len(self._judged)
        share = found.correct / max(items, 1)
        row = Judgement(
            step=self.state.global_step, epoch=round(self.state.epoch, 4), items=items,
            correct=found.correct, equivalence=share,
            interval95=wilson_interval(found.correct, items),
            names=found.names / max(items, 1), unanswered=found.unanswered, seconds=found.seconds,
            counts=self._counts(), best=self.history.is_best(share, counts=self._counts()))
        self._note(row)
        metrics = {f"eval_{_METRIC}": share}
        control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        control.should_save = True  # the best one can only be kept if it was saved
        control.should_training_stop |= self.history.is_exhausted(self._recipe.patience)
        self.control = control
        return metrics

    def _determine_best_metric(self, metrics: Any, trial: Any) -> bool:
        # by it the trainer knows which checkpoint to keep beside the newest
        return self._counts() and bool(super()._determine_best_metric(metrics, trial))

    def _counts(self) -> bool:
        """Whether the student as it is may be kept: as it will be shipped."""
        return not self._recipe.bits or is_rounding(self.model)

    def _note(self, row: Row) -> None:
        self.history.add(row)
        self._told(row)


class _Logging(TrainerCallback):  # type: ignore[misc]  # untyped base
    """Losses into the log."""

    def __init__(self, log: Log, told: Callable[[Row], None]) -> None:
        self._log, self._told = log, told

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        control.should_log |= state.global_step >= state.max_steps

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **more: Any) -> None:
        if logs and "loss" in logs:
            row = Loss(step=state.global_step, epoch=round(state.epoch, 4), loss=logs["loss"],
                       learning_rate=logs["learning_rate"])
            self._log.add(row)
            self._told(row)


class _JudgedAtEnd(TrainerCallback):  # type: ignore[misc]  # untyped base
    """The last step is judged too, every judgement has a loss before it, and a run that goes on
    from a checkpoint misses none."""

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        ends = state.epoch.is_integer() or state.global_step >= state.max_steps
        if args.eval_strategy == "epoch" and ends:
            # subtle: a run that goes on from here never comes to the epoch's end; judging saves too
            control.should_save = False
        if args.eval_strategy == "steps" and state.global_step >= state.max_steps:
            control.should_evaluate = True
        control.should_log |= control.should_evaluate

    def on_epoch_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        control.should_log |= control.should_evaluate


@contextmanager
def _alone(out: Path, found: Standing) -> Iterator[Path]:
    """The folder of intermediate checkpoints, made if it is not there, for this process alone.

    Args:
        found: how far the training was when it was looked at.

    Raises:
        InputError: another run is in it, or has been since then.
    """
    steps = out / STEPS
    steps.mkdir(parents=True, exist_ok=True)
    with (steps / _LOCK).open("wb") as lock:
        hold(lock, out)
        finished = read_note(out) is not None
        if finished:
            shutil.rmtree(steps, ignore_errors=True)
        if finished or (read_note(steps) is None) != (found == "new"):
            raise InputError(f"another run has trained in {out} meanwhile; run the same command "
                             "again with --resume, or choose another --out")
        yield steps


def _newest(steps: Path) -> Path | None:
    """The newest whole checkpoint; broken ones, which an interruption left, are removed."""
    found = {int(folder.name.rpartition("-")[2]): folder
             for folder in steps.glob("checkpoint-*") if folder.name[11:].isdigit()}
    for number in sorted(found, reverse=True):
        try:  # the state is written last
            json.loads((found[number] / _STATE).read_text(encoding="utf-8"))
            return found[number]
        except (OSError, ValueError):
            shutil.rmtree(found[number], ignore_errors=True)
    return None


def _take(model: Any, checkpoint: Path) -> None:
    """Give the model the checkpoint's weights."""
    from safetensors.torch import load_model

    if hasattr(model, "peft_config"):
        from peft import load_peft_weights, set_peft_model_state_dict

        set_peft_model_state_dict(model, load_peft_weights(str(checkpoint), device="cpu"))
        return
    for path in sorted(checkpoint.glob("model*.safetensors")):
        load_model(model, path, strict=False)  # a tied head stands under one name only


def _check_lengths(examples: Sequence[Example], positions: int) -> None:
    longest = max((len(example.ids) for example in examples), default=0)
    if longest > positions:
        raise InputError(f"the longest sequence has {longest} tokens, the student knows "
                         f"{positions} positions; leave long utterances or tools out")
