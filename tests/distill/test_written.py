"""Dialogues drawn from hand-written ones: whatever happens to a sentence, its call fits it."""

from __future__ import annotations

from collections import Counter

import pytest

from iotcall.catalogue import Catalogue, load_catalogue
from iotcall.distill.source import source_of
from iotcall.evaluate import Dialogue, read_dialogues
from iotcall.shipped import shipped

HOME = shipped("grammars") / "home"
SPANS = ("target", "except", "room", "value", "amount", "items", "name", "duration")


@pytest.fixture(scope="module")
def home() -> Catalogue:
    return load_catalogue(HOME)


@pytest.fixture(scope="module")
def drawn() -> list[Dialogue]:
    return list(source_of(HOME, 3).dialogues(1500))


def test_every_call_fits_the_catalogue_and_every_span_was_said(
    drawn: list[Dialogue], home: Catalogue
) -> None:
    for dialogue in drawn:
        said = ""
        for turn in dialogue.turns:
            said += f" {turn.utterance}"
            for call in turn.calls:
                home.check(call)
                for key in SPANS:
                    assert call.arguments.get(key, "") in said, (dialogue, call)


def test_the_same_seed_draws_the_same_and_another_draws_others(drawn: list[Dialogue]) -> None:
    assert list(source_of(HOME, 3).dialogues(50)) == drawn[:50]
    assert list(source_of(HOME, 4).dialogues(50)) != drawn[:50]


def test_every_tool_and_every_argument_is_drawn(drawn: list[Dialogue], home: Catalogue) -> None:
    seen = Counter((call.name, key) for dialogue in drawn for turn in dialogue.turns
                   for call in turn.calls for key in ("", *call.arguments))
    for tool in home.tools:
        assert seen[tool.name, ""] > 5, tool.name
    assert sum(len(turn.calls) > 1 for dialogue in drawn for turn in dialogue.turns) > 100


def test_names_are_drawn_that_nobody_wrote(drawn: list[Dialogue]) -> None:
    written = {call.arguments.get("target", "").casefold() for dialogue in drawn
               for turn in dialogue.turns for call in turn.calls}
    assert len(written) > 900


def test_no_held_out_sentence_is_among_the_written_ones() -> None:
    held_out = {turn.utterance.casefold().strip(" .!?") for dialogue in read_dialogues(
        HOME / "golden.jsonl") for turn in dialogue.turns if len(turn.utterance.split()) > 4}
    lines = "\n".join(path.read_text(encoding="utf-8").casefold()
                      for path in sorted((HOME / "synthesis" / "said").glob("*.said")))
    plain = "".join(lines.replace("[", "").split("](target)"))
    assert [each for each in held_out if f"\n{each} |" in plain] == []
