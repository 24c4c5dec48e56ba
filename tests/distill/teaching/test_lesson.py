from __future__ import annotations

import json
from pathlib import Path

import pytest

from iotcall.catalogue import ToolCall
from iotcall.distill.teaching import KINDS, Lesson, Taught, plan, write_taught
from iotcall.evaluate import Dialogue, LabelledTurn, read_dialogues

ON, HEAT = ToolCall("lamp", {"state": "on"}), ToolCall("heat", {"degrees": 20})
SEEDS = [Dialogue((LabelledTurn(f"light {number}", (ON,)),)) for number in range(6)] + [
    Dialogue((LabelledTurn("twenty", (HEAT,)),))]


def test_kinds_take_turns_and_so_do_the_tools() -> None:
    lessons = plan(SEEDS, KINDS[:3], 12, seed=1)
    assert [lesson.kind for lesson in lessons[:6]] == [*KINDS[:3], *KINDS[:3]]
    tools = [lesson.start.turns[0].calls[0].name for lesson in lessons]
    assert tools == ["heat"] * 3 + ["lamp"] * 3 + ["heat"] * 3 + ["lamp"] * 3
    assert all(lesson.start not in lesson.examples for lesson in lessons)


def test_a_longer_plan_begins_like_a_shorter_one() -> None:
    assert plan(SEEDS, KINDS, 40, seed=1)[:25] == plan(SEEDS, KINDS, 25, seed=1)
    assert plan(SEEDS, KINDS, 25, seed=2) != plan(SEEDS, KINDS, 25, seed=1)


def test_one_seed_is_enough() -> None:
    assert plan(SEEDS[:1], KINDS, 2, seed=1)[1].examples == ()


@pytest.fixture
def lessons() -> list[Lesson]:
    return plan(SEEDS, KINDS[:1], 5, seed=1)


def test_each_dialogue_is_written_once_and_no_seed_again(
        tmp_path: Path, lessons: list[Lesson]) -> None:
    new = Dialogue((LabelledTurn("Ünlike\u2028all", (ON,)),))
    counted = write_taught(lessons, [
        Taught("kept", new), Taught("kept", new), Taught("cut short", SEEDS[0]),
        Taught("given up: refused"), None], SEEDS, tmp_path / "out.jsonl")
    assert counted == {"paraphrase": {"kept": 1, "nothing new": 2, "given up: refused": 1,
                                      "not asked yet": 1}}
    assert read_dialogues(tmp_path / "out.jsonl") == [new]
    row = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))
    assert (row["source"], row["kind"]) == ("teacher", "paraphrase")
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]
