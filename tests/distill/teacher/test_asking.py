"""Against a real server that behaves badly in every way we could think of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iotcall.distill.teacher import (
    Answer,
    Asker,
    Endpoint,
    GivenUp,
    Patience,
    Request,
    Stop,
    Unusable,
    json_of,
    open_ledger,
    opened,
    run_all,
)
from iotcall.errors import InputError, IotcallError
from tests import openai_server as play
from tests.openai_server import OpenAiServer

QUICK = Patience(timeout_seconds=20, attempts=3, first_wait_seconds=0.001)
KEY = "sk-very-secret"


def _question(text: str = "a dialogue") -> Request:
    return Request(({"role": "system", "content": "You grade dialogues."},
                    {"role": "user", "content": f"as JSON:\n{text}"}))


def _clarity(answer: Answer) -> Any:
    found = json_of(answer.text)
    if not found:
        raise Unusable("malformed", "expected JSON")
    return found["clarity"]


@pytest.fixture
def server() -> Iterator[OpenAiServer]:
    with OpenAiServer() as opened_server:
        yield opened_server


@pytest.fixture
def ask(server: OpenAiServer, tmp_path: Path) -> Any:
    """Put questions, all at once; the results and the asker."""
    def asked(*questions: Request, patience: Patience = QUICK, key: str = "",
              limit: int | None = None, url: str = "", parallel: int = 4,
              ) -> tuple[list[Any], Asker]:
        async def run() -> tuple[list[Any], Asker]:
            endpoint = Endpoint(url or server.url, "played", key)
            async with opened(endpoint, patience.timeout_seconds) as post:
                asker = Asker(post, ledger, model="played", patience=patience, limit=limit)
                return await run_all(asker, questions, lambda each: asker.ask(each, _clarity),
                                     parallel=parallel), asker

        with open_ledger(tmp_path / "answers.jsonl") as ledger:
            return asyncio.run(run())

    return asked


@pytest.mark.parametrize(("fault", "reason"), [
    (play.status(429, Retry_After="0"), "rate_limited"),
    (play.status(500), "failing"), (play.status(503, Retry_After="0"), "failing"),
    (play.breaks_off(), "unreachable"), (play.hangs_up(), "unreachable"),
    (play.nonsense(), "unreadable"),
    (lambda handler: handler.reply(b""), "unreadable"),
    (lambda handler: handler.reply(b'{"choices": []}'), "unreadable"),
    (lambda handler: handler.reply(b'{"choices": [{"message": 7}]}'), "unreadable"),
    (play.says("", tool_calls=[{"function": {"name": "f", "arguments": {"a": json.loads(
        "[" * 700 + "]" * 700)}}}]), "unreadable"),
    (play.refuses(), "refused"), (play.says("", "content_filter"), "refused"),
    (play.malformed(), "malformed"), (play.says('{"clarity"', "length"), "cut_off"),
])
def test_each_fault_is_counted_and_asked_about_again(
        server: OpenAiServer, ask: Any, fault: play.Fault, reason: str) -> None:
    server.faults.extend([fault, fault])
    results, asker = ask(_question())
    assert results == [5]
    assert asker.counts.failed == {reason: 2}
    assert (asker.counts.sent, asker.counts.given_up) == (3, {})


def test_a_service_that_is_silent_is_left_after_the_timeout(
        server: OpenAiServer, ask: Any) -> None:
    server.faults.append(play.silent())
    results, asker = ask(_question(), patience=Patience(
        timeout_seconds=1.0, attempts=2, first_wait_seconds=0.001))
    assert results == [5]
    assert asker.counts.failed == {"too_slow": 1}


def test_a_model_is_told_what_was_wrong_with_its_answer(server: OpenAiServer, ask: Any) -> None:
    server.faults.extend([play.malformed(), play.refuses()])
    results, _ = ask(_question())
    assert results == [5]
    first, second, third = (body["messages"] for body in server.bodies)
    assert second[:2] == first
    assert second[2]["content"].startswith("Sure!")
    assert "cannot be used: expected JSON" in second[3]["content"]
    assert "could not be used" in third[0]["content"]
    assert [each["role"] for each in third] == [each["role"] for each in second]


@pytest.mark.parametrize(("fault", "reason", "sent"), [
    (play.status(500), "failing", 3), (play.status(429, Retry_After="0"), "rate_limited", 3),
    (play.refuses(), "refused", 3), (play.malformed(), "malformed", 3),
    (play.status(400, "no such parameter"), "rejected", 1),
    (play.status(400, kind="content_filter"), "refused", 1),
])
def test_what_stays_in_vain_is_given_up_and_the_others_go_on(
        server: OpenAiServer, ask: Any, fault: play.Fault, reason: str, sent: int) -> None:
    server.fault_of = lambda body: fault if "bad" in str(body["messages"]) else None
    results, asker = ask(_question("good"), _question("bad"), _question("fine"))
    assert (results[0], results[2]) == (5, 5)
    assert isinstance(results[1], GivenUp)
    assert results[1].reason == reason
    assert asker.counts.given_up == {reason: 1}
    assert asker.counts.sent == 2 + sent


def test_nothing_that_was_answered_is_asked_again_not_even_a_refusal(
        server: OpenAiServer, ask: Any) -> None:
    server.fault_of = lambda body: play.refuses() if "bad" in str(body["messages"]) else None
    before, _ = ask(_question("good"), _question("bad"))
    sent = len(server.bodies)
    after, asker = ask(_question("good"), _question("bad"))
    assert after == before
    assert len(server.bodies) == sent
    assert (asker.counts.kept, asker.counts.failed) == (4, {})
    assert asker.counts.given_up == {"refused": 1}


def test_what_the_service_failed_at_is_asked_again_by_the_next_run(
        server: OpenAiServer, ask: Any) -> None:
    server.faults.extend([play.status(500)] * 3)
    assert isinstance(ask(_question())[0][0], GivenUp)
    assert ask(_question())[0] == [5]


def test_the_same_question_at_the_same_time_is_asked_once(server: OpenAiServer, ask: Any) -> None:
    results, asker = ask(*[_question()] * 4)
    assert results == [5, 5, 5, 5]
    assert (len(server.bodies), asker.counts.kept) == (1, 3)


def test_a_limit_leaves_the_rest_to_the_next_run(server: OpenAiServer, ask: Any) -> None:
    questions = [_question(str(number)) for number in range(7)]
    results, asker = ask(*questions, limit=3)
    assert results.count(5) == 3
    assert results.count(None) == 4
    assert "limit of 3" in asker.why
    assert ask(*questions)[0] == [5] * 7
    assert len(server.bodies) == 7
    assert server.asked_twice() == []


def test_a_service_that_never_answers_is_left_alone(server: OpenAiServer, ask: Any) -> None:
    server.fault_of = lambda body: play.status(500)
    results, asker = ask(*[_question(str(number)) for number in range(60)],
                         patience=Patience(attempts=1, hopeless=5))
    assert asker.hopeless
    assert "5 questions in a row" in asker.why
    assert len(server.bodies) <= 5 + 4
    assert None in results


def test_nobody_at_the_address_is_a_fault_like_others(ask: Any) -> None:
    results, asker = ask(_question(), url="http://127.0.0.1:9/v1")
    assert results[0].reason == "unreachable"
    assert asker.counts.sent == 3


@pytest.mark.parametrize(("fault", "error", "says"), [
    (play.status(401, f"Incorrect API key {KEY}"), InputError, "the key .* is not taken"),
    (play.status(403), InputError, "403"),
    (play.status(404, f"no model {KEY}"), InputError, r"'played'"),
    (play.status(429, kind="insufficient_quota"), IotcallError, "no quota"),
])
def test_what_no_request_can_mend_ends_the_run_and_never_shows_the_key(
        server: OpenAiServer, ask: Any, fault: play.Fault, error: type[Exception], says: str
        ) -> None:
    server.faults.extend([None, fault])
    with pytest.raises(error, match=says) as caught:
        ask(*[_question(str(number)) for number in range(9)], key=KEY, parallel=1)
    assert KEY not in str(caught.value)
    assert len(server.bodies) == 2
    assert ask(_question("0"))[1].counts.kept == 1


def test_only_our_key_is_sent_and_none_of_what_the_environment_holds_for_others(
        server: OpenAiServer, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID"):
        monkeypatch.setenv(f"OPENAI_{name}", "of-another-service")
    ask(_question("with"), key=KEY)
    ask(_question("without"))
    first, second = server.headers
    assert first["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in second
    assert "of-another-service" not in str(server.headers)
    assert server.paths == ["/v1/chat/completions"] * 2


def test_the_key_is_in_no_file(server: OpenAiServer, ask: Any, tmp_path: Path) -> None:
    server.faults.append(play.status(400, f"your key {KEY}"))
    results, _ = ask(_question(), _question("2"), key=KEY)
    assert KEY not in repr(results)
    assert KEY.encode() not in (tmp_path / "answers.jsonl").read_bytes()


def test_a_stopped_asker_answers_from_the_ledger_only(
        server: OpenAiServer, ask: Any, tmp_path: Path) -> None:
    ask(_question("known"))

    async def run() -> Any:
        async with opened(Endpoint(server.url, "played"), 20) as post:
            asker = Asker(post, ledger, model="played", patience=QUICK)
            asker.stop("enough")
            with pytest.raises(Stop):
                await asker.ask(_question("new"), _clarity)
            return await asker.ask(_question("known"), _clarity)

    with open_ledger(tmp_path / "answers.jsonl") as ledger:
        assert asyncio.run(run()) == 5
    assert len(server.bodies) == 1
