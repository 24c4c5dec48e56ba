"""``iotcall distill teach`` as people run it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from iotcall.catalogue import Catalogue
from iotcall.evaluate import read_dialogues
from tests import lamp as lamp_files
from tests import openai_server as play
from tests.cli.command import run
from tests.distill.asking import running, write_rows
from tests.openai_server import OpenAiServer


@pytest.fixture
def server() -> Iterator[OpenAiServer]:
    with OpenAiServer() as opened:
        yield opened


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "seeds.jsonl", 8)


def _teach(server: OpenAiServer, seeds: Path, *more: str) -> list[str]:
    return ["distill", "teach", "--seeds", str(seeds), "--out", str(seeds.parent / "taught.jsonl"),
            "--catalogue", str(lamp_files.FOLDER), "--base-url", server.url, "--model", "teacher",
            *more]


def _taught(server: OpenAiServer, seeds: Path, *more: str) -> Any:
    return json.loads(run(*_teach(server, seeds, "--json", *more)))


def test_dialogues_on_which_writer_and_assistant_agree_are_kept(
        server: OpenAiServer, seeds: Path, tmp_path: Path, lamp: Catalogue) -> None:
    found = _taught(server, seeds, "--dialogues", "28")
    written = read_dialogues(tmp_path / "taught.jsonl")
    assert (found["dialogues"], len(written)) == (28, 28)
    for dialogue in written:
        for turn in dialogue.turns:
            lamp.check(turn.calls[0])
    rows = [json.loads(line) for line in (tmp_path / "taught.jsonl").read_text().splitlines()]
    assert len({row["kind"] for row in rows}) == 14
    assert [body for body in server.bodies if body.get("tools")]


def test_a_dialogue_ends_before_the_turn_on_which_they_disagree(
        server: OpenAiServer, seeds: Path, tmp_path: Path) -> None:
    on, off = ([{"name": "lamp", "arguments": {"state": state}}] for state in ("on", "off"))

    def write(turns: list[play.Json], number: int) -> list[play.Json]:
        if number == 3:
            return []
        said = "unlike" if number == 2 else f"light {number}"
        return [{"user": said, "calls": on}, {"user": f"dim {number}", "calls": on}]

    server.writes = write
    server.calls = {"unlike": off, "dim 1": off}
    found = _taught(server, seeds, "--dialogues", "4", "--kinds", "follow_up")
    assert found["outcomes"] == {"follow_up": {"cut short": 1, "disagreed": 1, "does not apply": 1,
                                               "kept": 1}}
    assert [[turn.utterance for turn in dialogue.turns]
            for dialogue in read_dialogues(tmp_path / "taught.jsonl")] == [
                ["light 1"], ["light 4", "dim 4"]]


def test_every_fault_is_lived_through_and_more_dialogues_cost_only_the_new_ones(
        server: OpenAiServer, seeds: Path, tmp_path: Path) -> None:
    bad = cycle([play.refuses(), play.says("{"), play.status(429, Retry_After="0"),
                 play.status(502, Retry_After="0"), play.breaks_off(), play.nonsense(),
                 play.says('{"turns": [{"user": "a", "calls": [{"name": "fly"}]}]}'),
                 play.says("", tool_calls=[{"id": "1", "type": "function", "function": {
                     "name": "lamp", "arguments": '{"state": "dim"}'}}]), None, None, None])
    server.faults.extend(next(bad) for _ in range(66))
    found = _taught(server, seeds, "--dialogues", "20", "--attempts", "20")
    assert {"refused", "malformed", "rate_limited", "failing", "unreachable", "unreadable",
            "invalid"} <= {*found["requests"]["failed"]}
    assert sum(count for row in found["outcomes"].values() for count in row.values()) == 20
    sent = len(server.bodies)
    more = _taught(server, seeds, "--dialogues", "24")
    assert more["requests"]["sent"] == len(server.bodies) - sent == 8
    assert more["dialogues"] == found["dialogues"] + 4
    assert server.asked_twice() == []


def test_an_interrupted_run_goes_on_where_it_was_and_ends_like_one_that_was_not(
        server: OpenAiServer, seeds: Path, tmp_path: Path) -> None:
    def hold(body: play.Json) -> None:
        if len(server.bodies) > 15:
            server.gate.clear()

    server.fault_of = hold
    with running(*_teach(server, seeds, "--dialogues", "30", "--parallel", "4")) as command:
        server.wait_for(15 + 4)
        command.send(signal.SIGINT)
        command.wait_for("waiting for the answers under way")
        server.gate.set()
        assert command.ended() == 130
        assert "19 answers are kept" in command.errors
    assert not (tmp_path / "taught.jsonl").exists()
    server.fault_of = lambda body: None
    found = _taught(server, seeds, "--dialogues", "30")
    assert found["requests"]["from_ledger"] == 19
    assert server.asked_twice() == []
    assert len(server.bodies) == 60
    resumed = (tmp_path / "taught.jsonl").read_bytes()
    for path in tmp_path.glob("taught*"):
        path.unlink()
    _taught(server, seeds, "--dialogues", "30")
    assert (tmp_path / "taught.jsonl").read_bytes() == resumed


def test_the_table_tells_what_became_of_each_kind(server: OpenAiServer, seeds: Path) -> None:
    shown = run(*_teach(server, seeds, "--dialogues", "3", "--kinds", "paraphrase,off_topic"))
    for part in ("3 dialogues in", "paraphrase", "off_topic", "kept", "requests sent"):
        assert part in shown


@pytest.mark.parametrize(("options", "says"), [
    (["--kinds", "parafrase"], "did you mean 'paraphrase'"), (["--dialogues", "0"], "dialogues"),
    (["--catalogue", "smart_home"], "right --catalogue"), (["--seeds", "/nowhere"], "cannot be"),
    (["--out", "."], "choose a file"), (["--base-url", "https://u:p@h/v1"], "holds a user"),
    (["--key-variable", "NOT_SET_ANYWHERE"], "not set"), (["--model", ""], "--model"),
])
def test_nonsense_is_refused_before_anything_is_asked(
        server: OpenAiServer, seeds: Path, tmp_path: Path, options: list[str], says: str) -> None:
    assert says in run(*_teach(server, seeds, *options), code=2)
    assert server.bodies == []
    assert [path.name for path in tmp_path.iterdir()] == ["seeds.jsonl"]


def test_a_dead_service_ends_the_run_and_what_is_there_stays(
        server: OpenAiServer, seeds: Path, tmp_path: Path) -> None:
    _taught(server, seeds, "--dialogues", "4")
    before = (tmp_path / "taught.jsonl").read_bytes()
    server.fault_of = lambda body: play.status(500, Retry_After="0")
    told = run(*_teach(server, seeds, "--dialogues", "20", "--seed", "2", "--attempts", "1"),
               code=1)
    assert "in a row came to nothing" in told
    assert (tmp_path / "taught.jsonl").read_bytes() == before != b""


def test_seeds_are_not_written_over(server: OpenAiServer, seeds: Path, tmp_path: Path) -> None:
    _taught(server, seeds, "--dialogues", "4")
    written, sent = tmp_path / "taught.jsonl", len(server.bodies)
    before = written.read_bytes()
    assert "holds the seeds" in run(*_teach(server, written), code=2)
    assert written.read_bytes() == before
    assert len(server.bodies) == sent


def test_a_file_of_somebody_else_is_not_written_over(
        server: OpenAiServer, seeds: Path, tmp_path: Path) -> None:
    (tmp_path / "taught.jsonl").write_text("mine")
    assert "choose another --out" in run(*_teach(server, seeds), code=2)
    assert (tmp_path / "taught.jsonl").read_text() == "mine"
