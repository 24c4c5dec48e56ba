"""A bundle's tokenizer, out of the checkpoint's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from iotcall.catalogue import Catalogue
from iotcall.errors import ExportError
from iotcall.export.student.parts import read_parts
from iotcall.export.student.source import open_source
from iotcall.export.target import Head
from tests.lamp import FOLDER


@pytest.fixture
def student(tmp_path: Path, checkpoint_of: Callable[[str], Path]) -> Path:
    """A copy of the Qwen3 student, to be broken."""
    return shutil.copytree(checkpoint_of("qwen3"), tmp_path / "student")


def _parts_refused(folder: Path, lamp: Catalogue) -> str:
    with pytest.raises(ExportError) as refused, open_source(str(folder)) as source:
        read_parts(source, FOLDER, lamp, Head(), format_name=None, golden=None, calibration=None,
                   progress=lambda step: None)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_tokenizer_that_is_missing_or_broken_is_named(student: Path, lamp: Catalogue) -> None:
    path = student / "tokenizer.json"
    path.write_text("{}")
    assert f"{path} is no tokenizer: " in _parts_refused(student, lamp)
    path.unlink()
    assert "holds no tokenizer.json: save the student with its fast tokenizer" in (
        _parts_refused(student, lamp))


def test_a_tokenizer_with_more_tokens_than_the_model_has_rows_is_refused(
        student: Path, lamp: Catalogue) -> None:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(student)
    tokenizer.add_tokens([f"<|more {number}|>" for number in range(3)])
    tokenizer.save_pretrained(student)
    shown = _parts_refused(student, lamp)
    assert f"{student}: the tokenizer has a token of number 602, the model only rows 0 to 599" in (
        shown)
    assert "resize the model's embedding" in shown


def test_special_tokens_without_a_row_are_left_out_and_noted(
        student: Path, lamp: Catalogue) -> None:
    """Gemma 3's text models have such a token, for pictures."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(student)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image_soft_token>"]})
    tokenizer.save_pretrained(student)
    with open_source(str(student)) as source:
        parts = read_parts(source, FOLDER, lamp, Head(), format_name=None, golden=None,
                           calibration=None, progress=lambda step: None)
    assert parts.tokenizer.token_to_id("<image_soft_token>") is None
    assert any("<image_soft_token> is left out" in note for note in parts.notes)
