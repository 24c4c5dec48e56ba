"""Trainings that are interrupted, judged and ended early."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.checkpoint import read_note
from iotcall.distill.training.batches import call_loss
from iotcall.distill.training.beginning import from_scratch
from iotcall.distill.training.development import Answers, Development
from iotcall.distill.training.log import Begun, Judgement, Loss, Row, read_log
from iotcall.distill.training.record import STEPS
from iotcall.distill.training.trainer import train_student
from iotcall.errors import InputError
from iotcall.evaluate import Dialogue, LabelledTurn, read_dialogues
from tests.distill.training.conftest import TINY, same_weights
from tests.lamp import FOLDER


@pytest.fixture(scope="module")
def dev() -> list[Dialogue]:
    return read_dialogues(FOLDER / "golden.jsonl")


def judgements(folder: Path) -> list[Judgement]:
    return [row for row in read_log(folder) if isinstance(row, Judgement)]


def untimed(rows: list[Judgement]) -> list[Judgement]:
    return [msgspec.structs.replace(row, seconds=0.0) for row in rows]


@pytest.mark.parametrize("interrupt", [5, 8, 13], ids=["first epoch", "its end", "second epoch"])
def test_an_interrupted_training_ends_as_an_uninterrupted_one(
        tmp_path: Path, interrupt: int, train: Callable[..., Path]) -> None:
    whole = train(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", interrupt=interrupt, more={"checkpoint_every": 2})
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    parts = train(tmp_path / "parts", more={"resume": True})
    assert same_weights(whole, parts)
    assert not (parts / STEPS).exists()
    assert [row.step for row in read_log(parts) if isinstance(row, Begun)] == [
        0, (interrupt - 1) // 2 * 2]


def test_a_training_that_was_interrupted_twice_goes_on_from_a_whole_checkpoint(
        tmp_path: Path, train: Callable[..., Path]) -> None:
    whole, parts = train(tmp_path / "whole"), tmp_path / "parts"
    with pytest.raises(KeyboardInterrupt):
        train(parts, interrupt=6, more={"checkpoint_every": 2})
    with pytest.raises(KeyboardInterrupt):
        train(parts, interrupt=11, more={"checkpoint_every": 2, "resume": True})
    cut = parts / STEPS / "checkpoint-11"  # as an interruption leaves it while it is written
    cut.mkdir()
    (cut / "model.safetensors").write_bytes(b"half")
    (cut / "trainer_state.json").write_text('{"epoch": 1.')
    train(parts, more={"resume": True})
    assert same_weights(whole, parts)


def test_a_second_run_beside_a_training_is_refused_and_touches_nothing(
        tmp_path: Path, train: Callable[..., Path]) -> None:
    out = tmp_path / "out"
    refused: list[Row] = []

    def beside(row: Row) -> None:
        if isinstance(row, Loss):
            half = out / STEPS / "checkpoint-99"  # as a training leaves it while it writes
            half.mkdir()
            with pytest.raises(InputError, match="in use by another run"):
                train(out, more={"resume": True})
            half.rmdir()
            refused.append(row)

    train(out, more={"told": beside})
    assert len(refused) == 1
    assert not (out / STEPS).exists()


@pytest.mark.parametrize(("interrupt", "left"), [(0, False), (5, True)], ids=["done", "begun"])
def test_a_run_that_another_one_has_overtaken_is_refused(
        tmp_path: Path, train: Callable[..., Path], monkeypatch: pytest.MonkeyPatch,
        interrupt: int, left: bool) -> None:
    out = tmp_path / "out"

    def overtaken(*given: Any) -> Any:
        monkeypatch.undo()
        with contextlib.suppress(KeyboardInterrupt):
            train(out, interrupt=interrupt)
        return from_scratch(*given)

    monkeypatch.setattr("iotcall.distill.training.trainer.from_scratch", overtaken)
    with pytest.raises(InputError, match="another run has trained"):
        train(out, seed=2)
    assert (out / STEPS).exists() == left
    assert (read_note(out) is None) == left


def test_seeds_make_students(tmp_path: Path, train: Callable[..., Path]) -> None:
    one, same, other = (train(tmp_path / name, seed=seed)
                        for name, seed in (("one", 1), ("same", 1), ("other", 2)))
    assert same_weights(one, same)
    assert not same_weights(one, other)


def test_passes_change_memory_and_nothing_else(tmp_path: Path, train: Callable[..., Path]) -> None:
    # in fp32: sums of bf16 products come out otherwise in another order
    one = load_file(train(tmp_path / "one", dropout=0.0, precision="fp32") / "model.safetensors")
    four = load_file(train(tmp_path / "four", dropout=0.0, precision="fp32", passes=4)
                     / "model.safetensors")
    assert all(torch.allclose(one[name], four[name], atol=2e-3) for name in one)


def test_bf16_products_train_weights_of_fp32(tmp_path: Path, train: Callable[..., Path]) -> None:
    rows: list[Row] = []
    out = train(tmp_path / "out", precision="bf16", more={"told": rows.append})
    assert {tensor.dtype for tensor in load_file(out / "model.safetensors").values()} == {
        torch.float32}
    begun, *_, last = rows
    assert isinstance(begun, Begun)
    assert begun.precision == "bf16"
    assert isinstance(last, Loss)
    assert last.step == 16
    assert not same_weights(out, train(tmp_path / "full", precision="fp32"))


def test_the_student_is_judged_after_every_epoch_and_the_best_is_kept(
        tmp_path: Path, dev: list[Dialogue], train: Callable[..., Path], lamp: Catalogue,
        monkeypatch: pytest.MonkeyPatch) -> None:
    _scripted(monkeypatch, [3, 9, 9, 5])
    short = train(tmp_path / "out", epochs=4.0, more={"dev": dev})
    found = judgements(short)
    assert [(row.step, row.correct, row.best) for row in found] == [
        (8, 3, True), (16, 9, True), (24, 9, False), (32, 5, False)]
    assert found[1].equivalence == pytest.approx(9 / 14)
    assert found[1].interval95[0] < 9 / 14 < found[1].interval95[1]
    _scripted(monkeypatch, [3, 9, 0, 0])
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "cut", epochs=4.0, interrupt=17, more={"dev": dev})
    kept = tmp_path / "cut" / STEPS / "checkpoint-16"
    assert same_weights(short, kept)


def test_the_last_step_is_judged_too_where_steps_are_counted(
        tmp_path: Path, dev: list[Dialogue], train: Callable[..., Path]) -> None:
    out = train(tmp_path / "out", judge_every=6, more={"dev": dev})
    rows = read_log(out)
    assert [row.step for row in judgements(out)] == [6, 12, 16]
    assert [row.step for row in rows if isinstance(row, Loss)] == [6, 12, 16]
    model = AutoModelForCausalLM.from_pretrained(out)
    assert model.num_parameters() == next(
        row for row in rows if isinstance(row, Begun)).parameters


@pytest.mark.parametrize("judged", [[], [3]], ids=["first epoch", "last epoch"])
def test_a_judgement_that_was_interrupted_is_made_by_the_run_that_goes_on(
        tmp_path: Path, dev: list[Dialogue], train: Callable[..., Path],
        monkeypatch: pytest.MonkeyPatch, judged: list[int]) -> None:
    _scripted(monkeypatch, judged)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "out", more={"dev": dev, "checkpoint_every": 4})
    _scripted(monkeypatch, [3, 9][len(judged):])
    out = train(tmp_path / "out", more={"dev": dev, "resume": True})
    assert [(row.step, row.correct) for row in judgements(out)] == [(8, 3), (16, 9)]


def test_training_ends_when_nothing_has_become_better_for_long(
        tmp_path: Path, dev: list[Dialogue], train: Callable[..., Path],
        monkeypatch: pytest.MonkeyPatch) -> None:
    _scripted(monkeypatch, [2, 7, 7, 6, 9, 9])
    out = train(tmp_path / "out", epochs=6.0, patience=2, more={"dev": dev})
    assert [row.correct for row in judgements(out)] == [2, 7, 7, 6]


def test_patience_and_the_best_survive_an_interruption(
        tmp_path: Path, dev: list[Dialogue], train: Callable[..., Path],
        monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {"epochs": 6.0, "patience": 2}
    _scripted(monkeypatch, [2, 7, 7, 6, 9, 9])
    whole = train(tmp_path / "whole", more={"dev": dev}, **settings)
    _scripted(monkeypatch, [2, 7, 7])
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", interrupt=27, more={"dev": dev}, **settings)
    _scripted(monkeypatch, [6, 9, 9])
    parts = train(tmp_path / "parts", more={"dev": dev, "resume": True}, **settings)
    assert untimed(judgements(parts)) == untimed(judgements(whole))
    assert same_weights(whole, parts)


def test_a_training_that_had_come_to_its_end_early_is_only_finished(
        tmp_path: Path, dev: list[Dialogue], train: Callable[..., Path],
        monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {"epochs": 6.0, "patience": 1}
    _scripted(monkeypatch, [2, 7, 7])
    whole = train(tmp_path / "whole", more={"dev": dev}, **settings)
    _scripted(monkeypatch, [2, 7, 7])
    monkeypatch.setattr("iotcall.distill.training.trainer.save_student", _interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", more={"dev": dev}, **settings)
    monkeypatch.undo()
    parts = train(tmp_path / "parts", more={"dev": dev, "resume": True}, **settings)
    assert same_weights(whole, parts)
    assert len(judgements(parts)) == 3


def test_only_rounded_students_are_kept_where_weights_are_to_have_few_bits(
        tmp_path: Path, dev: list[Dialogue], train: Callable[..., Path],
        monkeypatch: pytest.MonkeyPatch) -> None:
    _scripted(monkeypatch, [14, 13, 3, 5, 4])
    out = train(tmp_path / "out", epochs=5.0, bits=8, rounded_share=0.5, patience=2,
                more={"dev": dev})
    assert [(row.correct, row.counts, row.best) for row in judgements(out)] == [
        (14, False, False), (13, False, False), (3, True, True), (5, True, True),
        (4, True, False)]
    weight = load_file(out / "model.safetensors")["model.decoder.layers.0.fc1.weight"]
    assert len(weight[0].unique()) <= 32
    steps = weight[0] / weight[0].abs().max()
    assert torch.allclose((steps * 128).round() / 128, steps, atol=1e-3)


def test_the_note_tells_what_was_developed_on(
        tmp_path: Path, dev: list[Dialogue], train: Callable[..., Path]) -> None:
    out = train(tmp_path / "out", more={"dev": dev})
    note = read_note(out)
    assert note is not None
    assert len(note.dev_sha256) == 64
    with pytest.raises(InputError, match="its development dialogues are others"):
        train(tmp_path / "out", more={"dev": dev[1:], "resume": True})


def test_a_sequence_longer_than_the_student_reads_is_refused(
        tmp_path: Path, lamp: Catalogue) -> None:
    call = ToolCall("lamp", {"room": "attic", "state": "on"})
    long = Dialogue(tuple(LabelledTurn("light " * 60, (call,)) for _ in range(12)))
    in_turns = msgspec.structs.replace(TINY, format="lfm2")  # with the tools before every one
    with pytest.raises(InputError, match="knows 352 positions"):
        train_student(in_turns, [long], lamp, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_dialogue_longer_than_the_student_reads_loses_its_last_turns(
        tmp_path: Path, lamp: Catalogue, lamp_dialogues: list[Dialogue]) -> None:
    call = ToolCall("lamp", {"room": "attic", "state": "on"})
    long = Dialogue(tuple(LabelledTurn("light " * 60, (call,)) for _ in range(12)))
    rows: list[Any] = []
    train_student(TINY, [long, *lamp_dialogues[:3]], lamp, tmp_path / "out", told=rows.append)
    assert rows[0].shortened == 1


def test_a_catalogue_of_skills_is_refused(
        tmp_path: Path, lamp: Catalogue, lamp_dialogues: list[Dialogue]) -> None:
    from iotcall.catalogue.tools import Skill

    divided = msgspec.structs.replace(lamp, skills=(
        Skill(name="all", description="", tools=tuple(tool.name for tool in lamp.tools)),))
    with pytest.raises(InputError, match="has skills"):
        train_student(TINY, lamp_dialogues, divided, tmp_path / "out")


def test_the_loss_that_is_learnt_is_the_calls(
        tmp_path: Path, train: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr(
        "iotcall.distill.training.trainer.call_loss",
        lambda model, inputs, items: (seen.append(int(items)), call_loss(model, inputs, items))[1])
    train(tmp_path / "out", passes=2, epochs=1.0)
    assert len(seen) == 16
    assert all(first == second for first, second in zip(seen[::2], seen[1::2], strict=True))


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def _scripted(monkeypatch: pytest.MonkeyPatch, correct: list[int]) -> None:
    """Let the next judgements come out so, and Ctrl-C be pressed in the one after them; what a
    student really says is tested elsewhere."""
    script = iter(correct)
    right, wrong = (ToolCall("lamp", {"state": state}) for state in ("on", "off"))

    def answers(self: Development, model: Any) -> Answers:
        if (count := next(script, None)) is None:
            raise KeyboardInterrupt
        return Answers(expected=((right,),) * len(self), seconds=0.0, got=tuple(
            (right if number < count else wrong,) for number in range(len(self))))

    monkeypatch.setattr(Development, "answers", answers)
