"""``iotcall train``: families tuned through to a bundle, interruptions, and what is refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file

from iotcall.bundle import open_bundle, verify_bundle
from iotcall.catalogue import load_catalogue
from iotcall.checkpoint import read_note
from iotcall.cli.main import app
from iotcall.cli.train import _opened
from iotcall.distill.recipe import Recipe
from iotcall.distill.training.log import Begun, Judgement, Loss, read_log
from iotcall.errors import InputError
from iotcall.evaluate import evaluate, read_dialogues, selftest
from iotcall.runtime import Student
from iotcall.runtime.part import Turn
from tests import lamp
from tests.cli.command import COMMAND, ROOT
from tests.export.test_template import HERMES_TEMPLATE

_DEADLINE_SECONDS = 180.0
NEW = {"make it cosy up there": ("attic", "on"), "no more light down below": ("cellar", "off"),
       "it is dark among the spiders": ("cellar", "on")}
"""What nobody says to the lamp catalogue's students, and what is meant."""
CATALOGUE = ("--catalogue", str(lamp.FOLDER))


def command(*arguments: str) -> None:
    """The command line, in this process."""
    assert app(list(arguments), standalone_mode=False) in (None, 0)


def write(path: Path, times: int) -> Path:
    """The new sentences, each so often, among the golden dialogues."""
    golden = (lamp.FOLDER / "golden.jsonl").read_text().strip().splitlines()
    rows = [json.dumps({"question": said, "answer": {
        "name": "lamp", "arguments": {"room": room, "state": state}}})
        for said, (room, state) in NEW.items()]
    path.write_text("\n".join([*rows * times, *golden]) + "\n")
    return path


@pytest.mark.parametrize("architecture", sorted(lamp.STUDENTS))
def test_a_familys_checkpoint_is_adapted_exported_and_verified(
        architecture: str, tmp_path: Path, checkpoint_of: Callable[[str], Path],
        capsys: pytest.CaptureFixture[str]) -> None:
    base = tmp_path / "base"  # where a hub's student came to lie: nothing says how it was trained
    shutil.copytree(checkpoint_of(architecture), base)
    (base / "iotcall.json").unlink()
    data, dev = write(tmp_path / "data.jsonl", 10), write(tmp_path / "dev.jsonl", 1)
    out, bundle = tmp_path / "student", tmp_path / "bundle"
    command("train", "--base", str(base), "--lora", "--rank", "8", "--alpha", "32", *CATALOGUE,
            "--data", str(data), "--dev", str(dev), "--epochs", "6", "--judge-every", "12",
            "--batch-size", "8", "--learning-rate", "1e-2", "--out", str(out))
    shown = capsys.readouterr()
    assert "equivalence" in shown.err
    assert "development turns right" in shown.out
    assert f"iotcall export {out} --catalogue" in shown.out
    note = read_note(out)
    assert note is not None
    assert note.format == lamp.STUDENTS[architecture]
    rows = read_log(out)
    assert isinstance(rows[0], Begun)
    assert rows[0].learning < rows[0].parameters / 3
    judged = [row for row in rows if isinstance(row, Judgement)]
    best = max(row.correct for row in judged)
    assert judged[0].correct < best >= 15

    command("export", str(out), "--target", "cpu-fp32", "--out", str(bundle))
    assert verify_bundle(bundle, full=True).student.architecture.startswith(architecture)
    opened = open_bundle(bundle)
    with Student.open(opened) as student:
        test = selftest(opened, student)
        assert test.passed
        assert test.agreed == test.turns == 14
        found = evaluate(student, read_dialogues(dev))
        assert found.correct == best  # what was judged in training is what the bundle does
        assert found.invalid_calls == 0


def test_a_student_that_reads_both_ways_answers_from_its_bundle_as_it_did_in_training(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate compares it with torch: whole, from memory, token by token, guessed."""
    recipe = tmp_path / "both.toml"
    recipe.write_text('architecture = "opt"\nattention = "prefix"\nsplits = 0.1\nlayers = 2\n'
                      "width = 32\nheads = 2\nkey_value_heads = 2\ninner_width = 64\n"
                      "vocabulary = 320\nbatch_size = 8\nepochs = 12\n")
    data, dev = write(tmp_path / "data.jsonl", 6), lamp.FOLDER / "golden.jsonl"
    out, folder = tmp_path / "student", tmp_path / "bundle"
    command("train", "--recipe", str(recipe), *CATALOGUE, "--data", str(data), "--dev", str(dev),
            "--out", str(out))
    best = max(row.correct for row in read_log(out) if isinstance(row, Judgement))
    command("export", str(out), "--target", "cpu-fp32", "--out", str(folder))
    bundle = open_bundle(folder)
    assert bundle.layout.prefix_tokens == (1, 2)
    assert bundle.layout.capacity == 352
    with Student.open(bundle) as student:
        whole = evaluate(student, read_dialogues(dev))
        assert whole.correct == best
    # a long dialogue goes in passes that never end inside an utterance
    monkeypatch.setattr("iotcall.runtime.student.CHUNK", 7)
    monkeypatch.setattr("iotcall.runtime.decoding.CHUNK", 7)
    with Student.open(bundle) as student:
        assert evaluate(student, read_dialogues(dev)).correct == best
        several = [Turn("attic lamp on", ()), Turn("make it cosy up there", ())]
        expected = student.decode(several, "and the cellar")
        student.prepare(several)
        assert student.decode(several, "and the cellar").text == expected.text


def test_a_training_that_was_interrupted_ends_as_if_it_had_not_been(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("train", "--architecture", "opt", *CATALOGUE, "--layers", "1", "--width", "32",
                 "--vocabulary", "300", "--dialogues", "64", "--batch-size", "8", "--epochs", "40",
                 "--checkpoint-every", "30", "--dev", str(lamp.FOLDER / "golden.jsonl"),
                 "--judge-every", "70")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    command(*arguments, "--out", str(whole))
    with subprocess.Popen([*COMMAND, *arguments, "--out", str(parts)], stderr=subprocess.PIPE,
                          text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        deadline = time.monotonic() + _DEADLINE_SECONDS
        # in the middle, behind a judgement and some checkpoints
        while (not any(isinstance(row, Judgement) for row in read_log(parts))
               and process.poll() is None and time.monotonic() < deadline):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=_DEADLINE_SECONDS)
    assert process.returncode == 130, errors
    assert "--resume continues" in errors
    capsys.readouterr()
    command(*arguments, "--out", str(parts), "--resume", "--json")
    shown = capsys.readouterr().out
    begun = [row.step for row in read_log(parts) if isinstance(row, Begun)]
    assert begun[0] == 0
    assert 0 < begun[1] < 320
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (whole, parts))
    assert ours.keys() == theirs.keys()
    assert all(bool((ours[name] == theirs[name]).all()) for name in ours)
    steps = [row["step"] for row in json.loads(shown)["judgements"]]
    assert steps == [70, 140, 210, 280, 320]
    assert [row.step for row in read_log(whole) if isinstance(row, Judgement)] == steps


def test_marked_dialogues_are_learnt_from_and_judged_on(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = tmp_path / "family.said"
    said.write_text("> [attic](room) lamp on | lamp state=on\n>> and off again | "
                    'lamp room="attic" state=off\nnote [milk](text) | note\n')
    out = tmp_path / "out"
    command("train", "--architecture", "opt", *CATALOGUE, "--layers", "1", "--width", "32",
            "--vocabulary", "300", "--data", str(said), "--data", str(said), "--dev", str(said),
            "--epochs", "2", "--json", "--out", str(out))
    told = json.loads(capsys.readouterr().out)
    assert told["dialogues"] == 4
    assert [row["items"] for row in told["judgements"]] == [3, 3]
    assert {type(row) for row in read_log(out)} == {Begun, Loss, Judgement}


def test_an_adapter_is_written_where_it_is_asked_for(
        tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    out = tmp_path / "adapter"
    base = str(checkpoint_of("lfm2"))
    command("train", "--base", base, "--lora", "--adapter", *CATALOGUE, "--dialogues", "4",
            "--batch-size", "4", "--out", str(out))
    assert (out / "adapter_model.safetensors").is_file()
    assert not (out / "model.safetensors").exists()
    second = ("train", "--base", str(out), *CATALOGUE, "--dialogues", "4", "--batch-size", "4",
              "--out", str(tmp_path / "second"))
    with pytest.raises(InputError, match="is an adapter itself"):
        command(*second, "--lora", "--adapter")
    assert not (tmp_path / "second").exists()
    command(*second)  # it is merged into its base first
    assert (tmp_path / "second" / "model.safetensors").is_file()


def test_a_recipe_says_all_of_it(
        tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    (tmp_path / "mine.toml").write_text(f'''
base = "{checkpoint_of("gemma3")}"
catalogue = "{lamp.FOLDER}"
dialogues = 16
batch_size = 8
passes = 2
epochs = 2.0
precision = "fp32"
dev = ["golden.jsonl"]
judge_every = 3
patience = 4

[lora]
rank = 4
targets = ["q_proj", "v_proj"]
merged = false
''')
    out = tmp_path / "out"
    command("train", "--recipe", str(tmp_path / "mine.toml"), "--rank", "2", "--out", str(out))
    shapes = {name: tensor.shape for name, tensor in load_file(
        out / "adapter_model.safetensors").items()}
    assert {name.split(".")[-3] for name in shapes} == {"q_proj", "v_proj"}
    assert {shape[0] for name, shape in shapes.items() if "lora_A" in name} == {2}
    note = read_note(out)
    assert note is not None
    assert note.recipe["lora"] == {"rank": 2, "alpha": 32.0, "dropout": 0.0, "merged": False,
                                   "targets": ["q_proj", "v_proj"]}
    judged = [row for row in read_log(out) if isinstance(row, Judgement)]
    assert [row.items for row in judged] == [14] * len(judged)
    assert judged[0].step == 3


def test_a_base_is_spoken_to_as_its_chat_template_does(
        tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> None:
    from transformers import PreTrainedTokenizerFast

    catalogue = load_catalogue(lamp.FOLDER)
    base = tmp_path / "base"
    shutil.copytree(checkpoint_of("qwen3"), base)
    fast = PreTrainedTokenizerFast.from_pretrained(base)
    fast.chat_template = HERMES_TEMPLATE.replace("# Tools", "# What this home can do")
    fast.save_pretrained(base)
    with _opened(Recipe(base=str(base)), catalogue) as (recipe, opened):
        assert recipe.format == "hermes"
        assert opened is not None
        assert "# What this home can do" in opened.pieces.prefix
    out, bundle = tmp_path / "student", tmp_path / "bundle"
    command("train", "--base", str(base), *CATALOGUE, "--dialogues", "4", "--batch-size", "4",
            "--out", str(out))
    command("export", str(out), "--target", "cpu-fp32", "--out", str(bundle))
    assert open_bundle(bundle).pieces == opened.pieces


@pytest.mark.parametrize(("arguments", "expected"), [
    (("--base", "nowhere"), "neither"),
    (("--base", "LFM2", "--layers", "3"), "no layers beside a base"),
    (("--base", "LFM2", "--format", "compact"), "no token '<|end|>'"),
    (("--base", "LFM2", "--lora", "--rank", "0"), ">= 1 - at `$.lora.rank`"),
    (("--lora",), "a base for lora to adapt"),
    (("--base", "LFM2", "--rank", "4"), "add --lora"),
    (("--patience", "2"), "add --dev"),
    (("--judge-every", "9"), "add --dev"),
    (("--dev", "nowhere.jsonl"), "nowhere.jsonl"),
    (("--precision", "int3"), "precision"),
    (("--batch-size", "6", "--passes", "4"), "passes divide"),
])
def test_a_training_that_cannot_be_is_refused(
        arguments: tuple[str, ...], expected: str, tmp_path: Path,
        checkpoint_of: Callable[[str], Path]) -> None:
    given = [str(checkpoint_of("lfm2")) if each == "LFM2" else each for each in arguments]
    with pytest.raises(InputError, match=re.escape(expected)):
        command("train", *given, *CATALOGUE, "--dialogues", "4", "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_student_to_begin_as_that_is_not_there_is_named(tmp_path: Path) -> None:
    recipe = tmp_path / "a.toml"
    recipe.write_text('architecture = "opt"\nbegins_as = "nowhere"\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"'nowhere' is neither .* in bundles/; shipped: banking"):
        command("train", "--recipe", str(recipe), *CATALOGUE, "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
