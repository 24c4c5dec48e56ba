from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.distill.recipe import Lora, Recipe
from iotcall.distill.training.record import STEPS, check_dialogues, note_of, standing
from iotcall.errors import FileError, InputError
from iotcall.evaluate import Dialogue, LabelledTurn
from iotcall.formats import COMPACT

ON = Dialogue((LabelledTurn("on", (ToolCall("lamp", {"state": "on"}),)),))
OFF = Dialogue((LabelledTurn("off", (ToolCall("lamp", {"state": "off"}),)),))
NOTE = note_of(Recipe(), [ON])


def test_a_training_begins_in_a_folder_that_is_missing_or_empty(tmp_path: Path) -> None:
    assert standing(tmp_path, NOTE, resume=False) == "new"
    assert standing(tmp_path / "missing", NOTE, resume=True) == "new"


def test_a_training_is_begun_with_its_record_and_finished_with_its_note(tmp_path: Path) -> None:
    (tmp_path / STEPS).mkdir()
    NOTE.write(tmp_path / STEPS)
    assert standing(tmp_path, NOTE, resume=True) == "begun"
    NOTE.write(tmp_path)
    assert standing(tmp_path, NOTE, resume=True) == "finished"
    with pytest.raises(InputError, match="add --resume"):
        standing(tmp_path, NOTE, resume=False)


@pytest.mark.parametrize("folder", ["", STEPS])
def test_another_recipe_or_other_data_is_refused_by_what_differs(
        tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    NOTE.write(tmp_path / folder)
    with pytest.raises(InputError, match="layers is 4 there, 2 here; seed is 1 there, 3 here"):
        standing(tmp_path, note_of(Recipe(layers=2, seed=3), [ON]), resume=True)
    with pytest.raises(InputError, match="its dialogues are others"):
        standing(tmp_path, note_of(Recipe(), [OFF]), resume=True)


def test_what_is_no_training_is_not_resumed(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="holds no training to resume"):
        standing(tmp_path, NOTE, resume=True)
    (tmp_path / "iotcall.json").write_text("{")
    with pytest.raises(FileError, match="no record of a training"):
        standing(tmp_path, NOTE, resume=True)


def test_a_training_of_a_version_that_knew_fewer_settings_is_the_same_training(
        tmp_path: Path) -> None:
    old = note_of(Recipe(layers=2), [ON])
    known = {key: old.recipe[key] for key in ("architecture", "layers", "mixture", "seed")}
    old = msgspec.structs.replace(old, recipe={**known, "learning_rate": 2e-3, "format": "compact"})
    old.write(tmp_path)
    assert standing(tmp_path, note_of(Recipe(layers=2), [ON]), resume=True) == "finished"
    with pytest.raises(InputError, match=r"learning_rate is 0\.002 there, 0\.001 here"):
        standing(tmp_path, note_of(Recipe(layers=2, learning_rate=1e-3), [ON]), resume=True)


def test_other_development_dialogues_make_another_training(tmp_path: Path) -> None:
    note_of(Recipe(), [ON], [OFF]).write(tmp_path)
    assert standing(tmp_path, note_of(Recipe(), [ON], [OFF]), resume=True) == "finished"
    for dev in ([ON], []):
        with pytest.raises(InputError, match="its development dialogues are others"):
            standing(tmp_path, note_of(Recipe(), [ON], dev), resume=True)


def test_the_learning_rate_suits_what_learns_unless_it_is_given() -> None:
    assert Recipe().rate == 2e-3
    assert Recipe(base="x").rate == 5e-5
    assert Recipe(base="x", lora=Lora()).rate == 2e-4
    assert Recipe(base="x", lora=Lora(), learning_rate=1e-3).rate == 1e-3


def test_as_many_calls_are_learnt_as_the_catalogue_allows(lamp: Catalogue) -> None:
    on = ToolCall("lamp", {"state": "on"})
    both, none = (Dialogue((LabelledTurn("x", calls),)) for calls in ((on, on), ()))
    several = msgspec.structs.replace(lamp, max_calls=2, may_decline=True)
    check_dialogues([ON, both, none], COMPACT, several, Path("x"))
    three = Dialogue((LabelledTurn("x", (on, on, on)),))
    with pytest.raises(FileError, match="up to 2 calls or a refusal, found 3 calls"):
        check_dialogues([three], COMPACT, several, Path("x"))
    for wrong, says in ((both, "one call, found 2 calls"), (none, "one call, found a refusal")):
        with pytest.raises(FileError, match=says):
            check_dialogues([wrong], COMPACT, lamp, Path("x"))
    bad = Dialogue((LabelledTurn("x", (on, ToolCall("lamp", {"state": "odd"}))),))
    with pytest.raises(FileError, match="no call of the catalogue"):
        check_dialogues([bad], COMPACT, several, Path("x"))


@pytest.mark.parametrize(("settings", "complaint"), [
    ({"heads": 0}, "heads"), ({"key_value_heads": 3}, "heads 8 and key_value_heads 3"),
    ({"batch_size": 0}, "batch_size"), ({"dialogues": 0}, "dialogues"),
    ({"width": 100}, "width 100 and heads 8"), ({"learning_rate": float("inf")}, "finite"),
    ({"seed": -1}, "seed"), ({"architecture": "lfm2", "layers": 1}, "2 layers of lfm2"),
    ({"learning_rate": 0}, "> 0"), ({"precision": "fp8"}, "precision"),
    ({"patience": -1}, "patience"), ({"lora": {}}, "a base for lora"),
    ({"base": "x", "lora": {}, "bits": 4}, "leave bits out"),
    ({"base": "x", "lora": {"rang": 4}}, "rang"), ({"base": "x", "layers": 9}, "no layers beside"),
    ({"base": "x", "warm_start": "y", "architecture": "opt"}, "no architecture beside"),
    ({"batch_size": 6, "passes": 4}, "batch_size 6 and passes 4"),
    ({"attention": "prefix"}, "architecture opt for attention"), ({"splits": 1.5}, "splits"),
    ({"base": "x", "attention": "prefix", "architecture": "opt"}, "no architecture beside"),
])
def test_a_recipe_that_builds_no_student_is_refused(
        settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=complaint):
        msgspec.convert(settings, Recipe)


def test_a_training_that_began_as_another_student_is_another_one(tmp_path: Path) -> None:
    note_of(Recipe(), [ON], elder_sha256="a").write(tmp_path)
    assert standing(tmp_path, note_of(Recipe(), [ON], elder_sha256="a"), resume=True) == "finished"
    with pytest.raises(InputError, match="what it begins as has other weights"):
        standing(tmp_path, note_of(Recipe(), [ON], elder_sha256="b"), resume=True)
