"""``iotcall distill curate`` as people run it, against a service that behaves as services do."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from iotcall.distill.curation import plain
from iotcall.evaluate import read_dialogues
from tests import lamp
from tests import openai_server as play
from tests.cli.command import run
from tests.distill.asking import running, write_rows
from tests.openai_server import OpenAiServer

KEY = "sk-very-secret"


@pytest.fixture
def server() -> Iterator[OpenAiServer]:
    with OpenAiServer() as opened:
        yield opened


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "data.jsonl", 40)


def _curate(server: OpenAiServer, data: Path, *more: str) -> list[str]:
    return ["distill", "curate", "--data", str(data), "--out", str(data.parent / "out"),
            "--catalogue", str(lamp.FOLDER), "--base-url", server.url, "--model", "judge", *more]


def _lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_scores_decide_and_the_halves_share_no_utterance(
        server: OpenAiServer, data: Path, tmp_path: Path) -> None:
    marked = [row["question"] for row in _lines(data)]
    server.scores = lambda dialogue: {
        "clarity": 2 if marked[0] in dialogue else 5,
        "coherence": 3 if marked[1] in dialogue else 4, "reason": "so it is"}
    found = json.loads(run(*_curate(server, data, "--json", "--seeds", "6", "--test", "0.2")))
    assert found["verdicts"] == {"incoherent": 1, "kept": 38, "unclear": 1}
    assert found["halves"]["seeds"] == 6
    out = tmp_path / "out"
    halves = {name: {plain(turn.utterance) for dialogue in read_dialogues(out / f"{name}.jsonl")
                     for turn in dialogue.turns} for name in ("train", "dev", "test", "seeds")}
    assert halves["seeds"] <= halves["train"]
    assert not halves["train"] & halves["test"]
    assert not halves["train"] & halves["dev"]
    assert not halves["dev"] & halves["test"]
    assert len(halves["train"] | halves["dev"] | halves["test"]) == 38
    scores = _lines(out / "scores.jsonl")
    assert [row["verdict"] for row in scores[:3]] == ["unclear", "incoherent", "kept"]
    assert (scores[0]["clarity"], scores[0]["reason"]) == (2, "so it is")


def test_a_service_that_fails_in_every_way_loses_and_doubles_nothing(
        server: OpenAiServer, data: Path, tmp_path: Path) -> None:
    bad = cycle([play.refuses(), play.malformed(), play.status(429, Retry_After="0"),
                 play.status(500, Retry_After="0"), play.breaks_off(), play.nonsense(), None, None])
    server.faults.extend(next(bad) for _ in range(64))
    found = json.loads(run(*_curate(server, data, "--json", "--attempts", "20")))
    requests = found["requests"]
    assert {*requests["failed"]} == {"refused", "malformed", "rate_limited", "failing",
                                     "unreachable", "unreadable"}
    assert requests["sent"] == len(server.bodies)
    judged = found["verdicts"]["kept"]
    assert judged + sum(requests["given_up"].values()) == 40
    sent = len(server.bodies)
    again = json.loads(run(*_curate(server, data, "--json")))
    assert len(server.bodies) == sent
    assert again["requests"]["sent"] == 0
    assert again["halves"] == found["halves"]
    assert server.asked_twice() == []


def test_ctrl_c_waits_for_what_is_under_way_and_the_next_run_asks_nothing_twice(
        server: OpenAiServer, data: Path, tmp_path: Path) -> None:
    answers = tmp_path / "out" / "answers.jsonl"
    server.fault_of = lambda body: _close_after(server, 12)
    with running(*_curate(server, data, "--parallel", "4")) as command:
        server.wait_for(12 + 4)
        command.send(signal.SIGINT)
        command.wait_for("waiting for the answers under way")
        server.gate.set()
        assert command.ended() == 130
        assert "16 answers are kept" in command.errors
        assert command.errors.rstrip().endswith("interrupted")
        assert "Traceback" not in command.errors
    assert len(server.bodies) == len(_lines(answers)) == 16
    assert not (tmp_path / "out" / "train.jsonl").exists()
    server.fault_of = lambda body: None
    found = json.loads(run(*_curate(server, data, "--json")))
    assert found["requests"]["from_ledger"] == 16
    assert found["verdicts"] == {"kept": 40}
    assert len(server.bodies) == 40
    assert server.asked_twice() == []


def _close_after(server: OpenAiServer, count: int) -> None:
    """Hold all answers after so many of them."""
    if len(server.bodies) > count:
        server.gate.clear()


def test_a_second_ctrl_c_leaves_at_once(server: OpenAiServer, data: Path, tmp_path: Path) -> None:
    server.gate.clear()
    with running(*_curate(server, data, "--parallel", "4")) as command:
        server.wait_for(4)
        command.send(signal.SIGINT)
        command.wait_for("waiting for the answers under way")
        command.send(signal.SIGINT)
        assert command.ended() == 130
        assert "0 answers are kept" in command.errors
        assert "Traceback" not in command.errors
    assert not server.gate.is_set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_a_run_leaves_every_answer_in_the_ledger(
        server: OpenAiServer, data: Path, tmp_path: Path, number: signal.Signals) -> None:
    answers = tmp_path / "out" / "answers.jsonl"
    server.fault_of = lambda body: _close_after(server, 10)
    with running(*_curate(server, data, "--parallel", "1")) as command:
        server.wait_for(11)
        command.send(number)
        assert command.ended() == (143 if number == signal.SIGTERM else -9)
    assert len(_lines(answers)) == 10
    with answers.open("ab") as file:
        file.write(b'{"request": "torn')
    server.gate.set()
    server.fault_of = lambda body: None
    found = json.loads(run(*_curate(server, data, "--json")))
    assert (found["requests"]["from_ledger"], found["requests"]["sent"]) == (10, 30)


def test_a_limited_run_says_so_and_the_next_one_goes_on(server: OpenAiServer, data: Path) -> None:
    found = json.loads(run(*_curate(server, data, "--json", "--limit", "10")))
    assert found["verdicts"] == {"kept": 10, "not judged yet": 30}
    assert "limit of 10" in found["stopped"]
    assert json.loads(run(*_curate(server, data, "--json")))["verdicts"] == {"kept": 40}
    assert len(server.bodies) == 40


def test_the_table_tells_what_became_of_dialogues_tools_and_requests(
        server: OpenAiServer, data: Path) -> None:
    server.faults.append(play.status(400, f"no such thing, {KEY}"))
    shown = run(*_curate(server, data, "--key-variable", "MINE"), MINE=KEY)
    for part in ("kept", "39", "not judged: rejected", "lamp", "heat", "train", "requests sent"):
        assert part in shown
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


def test_the_key_is_in_no_file_and_on_no_screen(
        server: OpenAiServer, data: Path, tmp_path: Path) -> None:
    server.faults.append(play.status(400, f"bad: {KEY}"))
    with_key = run(*_curate(server, data, "--json"), IOTCALL_TEACHER_KEY=KEY, OPENAI_LOG="info")
    server.fault_of = lambda body: play.status(401, f"bad: {KEY}")
    again = run(*_curate(server, data, "--clarity", "5"), code=2, IOTCALL_TEACHER_KEY=KEY)
    assert "401" in again
    assert KEY not in with_key + again
    assert not [path for path in tmp_path.rglob("*.json*") if KEY in path.read_text()]


def test_a_dead_service_ends_the_run_with_an_error(data: Path, server: OpenAiServer) -> None:
    server.fault_of = lambda body: play.status(500, Retry_After="0")
    told = run(*_curate(server, data, "--attempts", "2"), code=1)
    assert "in a row came to nothing" in told
    assert "HTTP 500" in told


def test_when_the_service_dies_what_is_there_stays(
        data: Path, server: OpenAiServer, tmp_path: Path) -> None:
    run(*_curate(server, data))
    before = _written(tmp_path / "out")
    server.fault_of = lambda body: play.status(500, Retry_After="0")
    run(*_curate(server, data, "--model", "another", "--attempts", "1"), code=1)
    assert _written(tmp_path / "out") == before


@pytest.mark.parametrize("name", ["train.jsonl", "../out/seeds.jsonl", "scores.jsonl"])
def test_its_own_files_are_no_input(data: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    asked = ["distill", "curate", "--catalogue", str(lamp.FOLDER), "--without-judge", "--out",
             str(out)]
    run(*asked, "--data", str(data))
    before = _written(out)
    assert "one of the files that are written" in run(*asked, "--data", str(out / name), code=2)
    assert _written(out) == before


def _written(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


def test_without_a_judge_nobody_is_asked(data: Path, tmp_path: Path) -> None:
    found = json.loads(run("distill", "curate", "--data", str(data), "--catalogue",
                           str(lamp.FOLDER), "--out", str(tmp_path / "out"), "--without-judge",
                           "--json"))
    assert found["verdicts"] == {"kept": 40}
    assert not (tmp_path / "out" / "answers.jsonl").exists()


@pytest.mark.parametrize(("options", "says"), [
    ([], "or --without-judge"), (["--base-url", "http://localhost:1/v1"], "--model is missing"),
    (["--model", "m"], "--base-url is missing"),
    (["--without-judge", "--model", "m"], "or --without-judge"),
    (["--model", "m", "--base-url", "localhost"], "no http"),
    (["--without-judge", "--dev", "0.9"], "together 0.8"),
    (["--without-judge", "--catalogue", "smart_home"], "right --catalogue"),
    (["--without-judge", "--data", "/nowhere"], "cannot be read"),
    (["--without-judge", "--out", "."], "holds something else"),
])
def test_nonsense_is_refused_before_anything_is_written(
        data: Path, tmp_path: Path, options: list[str], says: str) -> None:
    told = run("distill", "curate", "--data", str(data), "--catalogue", str(lamp.FOLDER),
               "--out", str(tmp_path / "out"), *options, code=2)
    assert says in told
    assert not (tmp_path / "out").exists()
