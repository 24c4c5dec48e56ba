"""From a plan of lessons to dialogues: written, answered once more, kept where both agree.

The plan is a function of the seeds and a number: a longer one begins like a shorter one, so that
more dialogues never cost those again that are there. Leaves out: how a service is asked.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from iotcall.catalogue import Catalogue, equivalent_all
from iotcall.distill.curation import plain, strata
from iotcall.distill.teacher import Asker, GivenUp
from iotcall.distill.teaching.answering import answer_request, calls_of
from iotcall.distill.teaching.kinds import VOICES, Kind
from iotcall.distill.teaching.writing import draft_of, write_request
from iotcall.evaluate import Dialogue, LabelledTurn, dialogue_to_json

_EXAMPLES = 3


class Lesson(msgspec.Struct, frozen=True):
    """One dialogue to be written."""

    number: int
    """From 1."""
    kind: Kind
    voice: str
    start: Dialogue
    """The seed that it is grounded in."""
    examples: tuple[Dialogue, ...]
    """Other seeds."""


class Taught(msgspec.Struct, frozen=True):
    """What became of a lesson."""

    outcome: str
    """kept; cut short; disagreed; does not apply; given up: (reason)."""
    dialogue: Dialogue | None = None


def plan(seeds: Sequence[Dialogue], kinds: Sequence[Kind], count: int, seed: int) -> list[Lesson]:
    """Lessons in which the kinds take turns, and for each kind the tools."""
    by_tool: dict[str, list[Dialogue]] = {}
    for dialogue, tool in zip(seeds, strata(seeds), strict=True):
        by_tool.setdefault(tool, []).append(dialogue)
    tools = sorted(by_tool)
    lessons = []
    for index in range(count):
        random = Random(f"{seed}/{index}")  # subtle: of its own, so that the plan can grow
        turn, kind = divmod(index, len(kinds))
        start = random.choice(by_tool[tools[turn % len(tools)]])
        others = [each for each in seeds if each is not start]
        lessons.append(Lesson(index + 1, kinds[kind], random.choice(VOICES), start, tuple(
            random.sample(others, min(_EXAMPLES, len(others))))))
    return lessons


async def taught(asker: Asker, catalogue: Catalogue, lesson: Lesson) -> Taught:
    """The dialogue of a lesson, as far as writer and assistant agree.

    Raises:
        Stop: nothing more is asked.
    """
    kind = lesson.kind
    draft = await asker.ask(
        write_request(catalogue, kind, lesson.voice, lesson.start, lesson.examples, lesson.number),
        lambda answer: draft_of(answer, catalogue, kind, lesson.start), about=f"write {kind.name}")
    if isinstance(draft, GivenUp):
        return Taught(f"given up: {draft.reason}")
    if not draft.turns:
        return Taught("does not apply")
    agreed: list[LabelledTurn] = []
    for turn in draft.turns:
        calls = await asker.ask(answer_request(catalogue, agreed, turn.utterance),
                                lambda answer: calls_of(answer, catalogue), about="answer")
        if isinstance(calls, GivenUp) and not agreed:
            return Taught(f"given up: {calls.reason}")
        if isinstance(calls, GivenUp) or not equivalent_all(calls, turn.calls):
            break
        agreed.append(LabelledTurn(turn.utterance, calls))
    if not agreed:
        return Taught("disagreed")
    outcome = "kept" if len(agreed) == len(draft.turns) else "cut short"
    return Taught(outcome, Dialogue(tuple(agreed), lesson.start.home))


def write_taught(lessons: Sequence[Lesson], results: Sequence[Taught | None],
                 seeds: Sequence[Dialogue], path: Path) -> dict[str, Counter[str]]:
    """Write what was kept, each dialogue once and none that is a seed, all or nothing.

    Returns:
        Kind -> outcome -> how many.
    """
    seen = {_said(dialogue) for dialogue in seeds}
    counted: dict[str, Counter[str]] = {}
    rows: list[dict[str, Any]] = []
    for lesson, each in zip(lessons, results, strict=True):
        outcome = each.outcome if each else "not asked yet"
        if each and each.dialogue:
            if _said(each.dialogue) in seen:
                outcome = "nothing new"
            else:
                seen.add(_said(each.dialogue))
                rows.append({**dialogue_to_json(each.dialogue), "source": "teacher",
                             "kind": lesson.kind.name})
        counted.setdefault(lesson.kind.name, Counter())[outcome] += 1
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return counted


def _said(dialogue: Dialogue) -> tuple[str, ...]:
    return tuple(plain(turn.utterance) for turn in dialogue.turns)
