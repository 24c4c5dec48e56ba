from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from iotcall.catalogue import ToolCall
from iotcall.distill.recipe import Recipe
from iotcall.distill.training.record import STEPS, note_of, standing
from iotcall.errors import FileError, InputError
from iotcall.evaluate import Dialogue, LabelledTurn

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


@pytest.mark.parametrize(("settings", "complaint"), [
    ({"heads": 0}, "heads"), ({"key_value_heads": 3}, "heads 8 and key_value_heads 3"),
    ({"batch_size": 0}, "batch_size"), ({"dialogues": 0}, "dialogues"),
    ({"width": 100}, "width 100 and heads 8"), ({"learning_rate": float("inf")}, "finite"),
    ({"seed": -1}, "seed"), ({"architecture": "lfm2", "layers": 1}, "2 layers of lfm2"),
])
def test_a_recipe_that_builds_no_student_is_refused(
        settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=complaint):
        msgspec.convert(settings, Recipe)
