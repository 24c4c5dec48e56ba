"""A catalogue in skills: the first decision picks them, each with a prompt and grammar."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from iotcall.bundle import Bundle, open_bundle
from iotcall.catalogue import ToolCall, catalogue_from_json, load_catalogue
from iotcall.export.exporter import export_student
from iotcall.export.target import load_target
from iotcall.formats import COMPACT
from iotcall.grammar.compiler import compile_automaton
from iotcall.runtime import RUNNER_UP, Modes, Student, Turn
from iotcall.runtime.board import RuntimeSettings
from tests import lamp as lamp_files
from tests.grammar.tokenizers import byte_level
from tests.runtime.reference import Blurts, Reference, Watch, assert_same

UTTERANCES = ["switch on the attic lamp", "heat to 20", "note milk and heat to 18", "hello"]


@pytest.fixture(scope="module", params=["qwen3", "lfm2"])
def bundle(request: pytest.FixtureRequest, checkpoint_of: Callable[[str], Path],
           tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The lamp catalogue in skills, exported from a student that was not trained on skills."""
    folder = tmp_path_factory.mktemp("skilled")
    shutil.copytree(lamp_files.FOLDER, folder / "lamp")
    path = folder / "lamp" / "tools.json"
    value = json.loads(path.read_text())
    tools = value["tools"] if isinstance(value, dict) else value
    names = [tool["function"]["name"] for tool in tools]
    path.write_text(json.dumps({
        "tools": tools, "max_tool_calls": 2, "skills": [
            {"name": "first", "description": "Lamps.", "tools": names[:1]},
            {"name": "others", "description": "All else.", "tools": names[1:]}]}))
    out = folder / "bundle"
    export_student(checkpoint_of(request.param), folder / "lamp",
                   load_catalogue(folder / "lamp"), *load_target("cpu-fp32"), out)
    return open_bundle(out)


def test_each_skill_ships_its_own_prompt_and_automaton(bundle: Bundle) -> None:
    assert [skill.name for skill in bundle.skills] == ["first", "others"]
    first, others = bundle.skills
    assert first.catalogue.tools[0].name in first.pieces.prefix
    assert others.catalogue.tools[0].name not in first.pieces.prefix
    assert all(tool.name not in bundle.pieces.prefix or tool.name in ("first", "others")
               for tool in bundle.catalogue.tools if f'"{tool.name}"' in bundle.pieces.prefix)


@pytest.mark.parametrize("utterance", UTTERANCES)
def test_an_answer_holds_valid_calls_of_the_skills_that_were_picked(
        bundle: Bundle, utterance: str) -> None:
    with Student.open(bundle, threads=1) as student:
        decoding = student.decode([], utterance)
        again = student.decode([Turn(utterance, decoding.calls)], utterance)
    for each in (decoding, again):
        assert each.outcome == "call"
        assert each.calls
        for call in each.calls:
            bundle.catalogue.check(call)
        assert 0.0 < each.confidence <= 1.0


def test_what_a_skill_remembers_changes_no_answer(bundle: Bundle) -> None:
    with Student.open(bundle, threads=1) as warm:
        for utterance in UTTERANCES * 2:
            with Student.open(bundle, threads=1) as fresh:
                expected = fresh.decode([], utterance)
            found = warm.decode([], utterance)
            assert found.calls == expected.calls
            assert found.confidence == pytest.approx(expected.confidence, rel=0.01)


@pytest.mark.parametrize("megabytes", [0.0001, 64])
def test_each_skill_answers_as_without_memory_and_guesses(
        bundle: Bundle, reference_of: Callable[[Bundle], Reference], megabytes: float) -> None:
    """At two sites in turn, prepared, forgotten, and with guesses right and wrong."""
    reference = reference_of(bundle)
    settings = RuntimeSettings(threads=1, memory_megabytes=megabytes)
    with Student.open(bundle, settings=settings) as student:
        history: list[Turn] = []
        for utterance in UTTERANCES:
            expected = reference.answer(history, utterance)
            for number in range(4):
                site = "ab"[number % 2]
                student.prepare(history, site=site)
                draft = Blurts(expected.trace[number % 2].tokens) if number else None
                found = student.decode(history, utterance, site=site, draft=draft)
                if not reference.is_near_tie(history, utterance):
                    assert_same(found, expected)
            student.forget("a")
            assert student.memories.of_site("a") == []
            history.append(Turn(utterance, expected.calls))


def test_a_skill_that_was_used_is_prepared_too(bundle: Bundle) -> None:
    """All that is left to run are the words, and the answer of each part."""
    with Student.open(bundle, threads=1, modes=Modes(drafting=False)) as student:
        first = student.decode([], "heat to 20")
        history = [Turn("heat to 20", first.calls)]
        watch = Watch(student.decoder)
        student.prepare(history)
        assert len(watch.passes) == len(student.memories.of_site("")) > 1
        watch.clear()
        student.prepare(history)
        assert watch.passes == []
        student.decode(history, "heat to 20")
        part = student.parts.main
        words = part._prompt.open_turn("heat to 20")[len(part._opening):]
        assert watch.passes[0][:len(words)] == words
        assert len(watch.passes[0]) < len(words) + 20


def test_what_was_said_before_takes_one_pass_of_each_part(bundle: Bundle) -> None:
    with Student.open(bundle, threads=1, modes=Modes(traced=True)) as student:
        first = student.decode([], "heat to 20")
        again = student.decode([], "heat to 20")
    assert again.calls == first.calls
    # a part whose answers are forced takes none
    assert again.passes <= sum(bool(trace.decisions) for trace in again.trace) + 1
    assert again.passes + again.drafted == again.decisions == first.decisions


def test_runner_ups_are_looked_for_only_where_one_is_told(bundle: Bundle) -> None:
    """That of the first decision names skills, and is no call of anybody's."""
    with Student.open(bundle, threads=1) as student:
        watch = Watch(student.decoder)
        found = student.decode([], "heat to 20", others=RUNNER_UP)
        assert len(watch.passes) == found.passes + found.others_passes


def test_a_thousand_tools_in_skills_ask_no_more_than_twenty_do() -> None:
    tools = [{"name": f"tool_{index}", "description": "x", "parameters": {
        "type": "object", "properties": {"state": {"enum": ["on", "off"]}}}}
        for index in range(1000)]
    skilled = catalogue_from_json({"tools": tools, "skills": [
        {"name": f"skill_{place}", "description": "x",
         "tools": [tool["name"] for tool in tools[20 * place:20 * place + 20]]}
        for place in range(50)]}, "many")
    part = skilled.of_skill(skilled.skills[7])
    assert [tool.name for tool in part.tools] == [f"tool_{index}" for index in range(140, 160)]
    tokenizer = byte_level(COMPACT)
    small, router, twenty = (
        compile_automaton(catalogue, COMPACT, COMPACT.pieces(catalogue), tokenizer)
        for catalogue in (part, skilled.router(), catalogue_from_json(tools[140:160], "twenty")))
    assert small.states == twenty.states
    assert router.states < 4 * twenty.states
    assert COMPACT.render([ToolCall("skill_7")], skilled.router()) == "skill_7()"
