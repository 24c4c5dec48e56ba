"""What people usually say in a catalogue's arguments."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from iotcall.catalogue import Catalogue, catalogue_from_json
from iotcall.evaluate.prior import value_prior

SAID = {"type": "string", "x-grounded": True, "maxLength": 24}
ROOMS = ("attic", "den", "hall", "attic")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return catalogue_from_json({"tools": [{"type": "function", "function": {
        "name": "light", "description": "", "parameters": {"type": "object", "properties": {
            "place": SAID, "state": {"enum": ["on", "off"]}}, "required": ["state"]}}}]}, "demo")


def write(folder: Path, *files: list[str]) -> Path:
    said = folder / "synthesis" / "said"
    said.mkdir(parents=True)
    for number, lines in enumerate(files):
        (said / f"voices_{number}.said").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def usual(writer: int) -> list[str]:
    """What everybody says, and one thing of the writer's own."""
    return [*(f"light in the [{ROOMS[number % 4]}](place) on, {number} | light state=on"
              for number in range(70)),
            f"the {'abcd'[writer]} attic is dark | light state=on",
            f"[nook {'abcd'[writer]}](place) off | light state=off"]


def test_it_knows_what_was_said_and_how_surely(tmp_path: Path, catalogue: Catalogue) -> None:
    prior = value_prior(write(tmp_path, *map(usual, range(4))), catalogue)
    assert prior is not None
    assert prior.values["place"] == ("attic", "den", "hall", "nook a", "nook b", "nook c", "nook d")
    assert prior.novelty == pytest.approx(4 / 284, abs=1e-4)
    assert 0.9 < prior.shares["attic"] < 1
    assert "nook a" not in prior.shares  # one writer's


def test_a_usual_value_that_was_said_weighs_more_than_none_or_a_new_one(
        tmp_path: Path, catalogue: Catalogue) -> None:
    prior = value_prior(write(tmp_path, *map(usual, range(4))), catalogue)
    assert prior is not None
    said = "dark in here, the attic please"
    usual_one, none, new = (prior.weight(said, values) for values in (
        [("place", "Attic")], [], [("place", "attic please")]))
    assert usual_one > none
    assert new == pytest.approx(usual_one + math.log(prior.novelty))


def test_values_of_the_schema_are_never_new(tmp_path: Path, catalogue: Catalogue) -> None:
    prior = value_prior(write(tmp_path, *map(usual, range(4))), catalogue)
    assert prior is not None
    place = ("place", "attic")
    assert prior.weight("attic on", [place, ("state", "on")]) == prior.weight("attic on", [place])


def test_marks_spaces_and_accents_make_no_value_new(tmp_path: Path, catalogue: Catalogue) -> None:
    files = [[*usual(writer), "[Gail's caf\u00e9](place) on | light state=on"]
             for writer in range(4)]
    prior = value_prior(write(tmp_path, *files), catalogue)
    assert prior is not None
    said = "gail\u2019s  cafe\u0301, on"
    assert prior.weight(said, [("place", "gail\u2019s  cafe\u0301")]) > prior.weight(said, [])


def test_what_is_always_a_value_leaves_a_chance(tmp_path: Path, catalogue: Catalogue) -> None:
    prior = value_prior(write(tmp_path, *(
        [f"the [den](place), number {number} | light state=on" for number in range(900)]
        for _ in range(3))), catalogue)
    assert prior is not None
    assert prior.shares == {"den": 0.999}
    assert math.isfinite(prior.weight("the den", []))


@pytest.mark.parametrize("files", [
    [usual(0)],  # one writer
    [["[den](place) on | light state=on"]] * 4,  # few values
    [[f"[spot {writer} {number}](place) on | light state=on" for number in range(70)]
     for writer in range(4)],  # all new
], ids=["one writer", "few values", "all new"])
def test_where_a_new_value_means_nothing_there_is_none(
        tmp_path: Path, catalogue: Catalogue, files: list[list[str]]) -> None:
    assert value_prior(write(tmp_path, *files), catalogue) is None


def test_a_folder_without_written_sentences_has_none(tmp_path: Path, catalogue: Catalogue) -> None:
    assert value_prior(tmp_path, catalogue) is None
