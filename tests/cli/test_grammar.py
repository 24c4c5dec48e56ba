"""``iotcall grammar``: figures, samples, pictures and schemas as they are found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from iotcall.bundle import open_bundle, verify_bundle
from iotcall.catalogue import ToolCall, load_catalogue
from tests.cli.command import ROOT, run, run_json

FORMATS = ["compact", "hermes", "functiongemma", "lfm2"]
CATALOGUES = ["smart_home", "banking", "massive_iot", "shell"]


def write(path: Path, value: Any) -> str:
    path.write_text(json.dumps(value))
    return str(path)


@pytest.mark.parametrize("catalogue", CATALOGUES)
@pytest.mark.parametrize("format", FORMATS)
def test_samples_are_valid_calls_one_a_line(catalogue: str, format: str) -> None:
    lines = run("grammar", "sample", "--catalogue", catalogue, "--format", format, "-n", "30",
                "--json").splitlines()
    loaded = load_catalogue(ROOT / "grammars" / catalogue)
    assert len(lines) == 30
    for line in lines:
        for call in json.loads(line)["calls"]:
            loaded.check(ToolCall(call["name"], call["arguments"]))


def test_what_was_said_bounds_what_is_sampled() -> None:
    lines = run("grammar", "sample", "--catalogue", "banking", "--format", "hermes", "-n", "400",
                "-u", "send one hundred and five dollars to Northwind", "--json").splitlines()
    calls = [call for line in lines for call in json.loads(line)["calls"]]
    amounts = {call["arguments"]["amount"] for call in calls if "amount" in call["arguments"]}
    payees = {call["arguments"]["payee"] for call in calls if "payee" in call["arguments"]}
    assert amounts
    assert amounts <= {105, 100, 5}
    assert payees
    assert all(payee in "send one hundred and five dollars to Northwind" for payee in payees)


def test_figures_of_a_catalogue_over_its_golden_dialogues() -> None:
    found = run_json("grammar", "stats", "--catalogue", "shell", "--format", "hermes")
    assert found["along"] == "golden answers"
    assert found["not_in_language"] == 2  # signs that stand apart from words: "0 3 * * *"
    assert 0 < found["forced_share"] < 1
    assert found["bytes"] < 200_000


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_a_picture_shows_the_decisions(tmp_path: Path) -> None:
    run("grammar", "show", "--catalogue", "smart_home", "--format", "functiongemma", "--out",
        str(tmp_path / "automaton.svg"))
    picture = (tmp_path / "automaton.svg").read_text()
    assert "movie_night" in picture
    assert "toggle_lights" in picture


def test_a_picture_can_be_had_as_text(tmp_path: Path) -> None:
    run("grammar", "show", "--out", str(tmp_path / "starter.dot"))
    assert (tmp_path / "starter.dot").read_text().startswith("digraph")
    assert "expected a name that ends in" in run("grammar", "show", "--out", "x.bmp", code=2)


def test_schemas_are_compiled_or_refused_with_pointer_and_reason(tmp_path: Path) -> None:
    write(tmp_path / "good.json", {"type": "object", "required": ["to"], "properties": {
        "to": {"type": "string", "format": "email"}, "copies": {"type": "integer"}}})
    write(tmp_path / "bad.json", {"type": "object", "properties": {
        "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True}}})
    found = run_json("grammar", "check", str(tmp_path))
    assert (found["total"], found["compiled"]) == (2, 1)
    bad, good = found["schemas"]
    assert (bad["compiled"], bad["pointer"]) == (False, "/properties/tags/uniqueItems")
    assert "uniqueItems" in bad["reason"]
    assert good["compiled"]
    assert good["states"] > 0
    assert good["compile_ms"] > 0


@pytest.mark.parametrize(("value", "accepted"), [
    ({"to": "a@b.org"}, True), ({"to": "a@b.org", "copies": 3}, True),
    ({"copies": 3, "to": "a@b.org"}, True), ({"to": "nobody"}, False), ({"copies": 3}, False),
    ({"to": "a@b.org", "copies": 1.5}, False), ({"to": "a@b.org", "other": 1}, False), ([], False),
    ("a@b.org", False), (None, False),
])
def test_an_instance_is_in_the_language_or_not(
        tmp_path: Path, value: Any, accepted: bool) -> None:
    schema = write(tmp_path / "schema.json", {"type": "object", "required": ["to"], "properties": {
        "to": {"type": "string", "format": "email"}, "copies": {"type": "integer"}}})
    instance = write(tmp_path / "value.json", value)
    found = run_json("grammar", "check", schema, "--instance", instance)
    assert found["schemas"][0]["accepted"] is accepted


def test_tests_that_come_with_schemas_are_run(tmp_path: Path) -> None:
    path = write(tmp_path / "suite.json", [{"description": "small", "schema": {"maximum": 3},
                                            "tests": [
        {"description": "below", "data": 2.5, "valid": True},
        {"description": "above", "data": 3.5, "valid": False}]}])
    found = run_json("grammar", "check", path)
    assert (found["tests"], found["valid"], found["accepted"], found["unsound"]) == (2, 1, 1, 0)


def test_rows_of_a_benchmark_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"unique_id": "a", "json_schema": "{\\"type\\": \\"boolean\\"}"}\n'
                    '{"type": "integer"}\n')
    found = run_json("grammar", "check", str(path))
    assert [(each["name"], each["compiled"]) for each in found["schemas"]] == [
        ("a", True), ("rows.jsonl:2", True)]


def test_a_grammar_is_compiled_again_all_else_kept(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "bundles" / "smart_home", copy)
    before = verify_bundle(copy, full=True)
    run("grammar", "compile", str(copy))
    after = verify_bundle(copy, full=True)
    assert after.files == before.files
    assert open_bundle(copy).automaton.states > 0


@pytest.mark.parametrize(("arguments", "told"), [
    (["stats", "--catalogue", "nowhere"], "neither a path nor shipped"),
    (["stats", "--catalogue", "shell", "--format", "smoke"], "no wire format"),
    (["stats", "--format", "hermes"], "go with --catalogue"),
    (["stats", "--catalogue", "shell", "--bundle", "smart_home"], "not both"),
    (["stats", "--catalogue", "shell", "--skill", "files"], "no skill"),
    (["stats", "--catalogue", "shell", "--tokenizer", "README.md"], "no tokenizer.json"),
    (["check", "README.md"], "not valid JSON"),
    (["check", "nowhere.json"], "cannot be read"),
    (["compile", "tests"], "expected a bundle"),
])
def test_bad_input_is_named(arguments: list[str], told: str) -> None:
    assert told in run("grammar", *arguments, code=2)
