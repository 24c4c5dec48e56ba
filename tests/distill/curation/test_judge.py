from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.distill.curation import Scores, judge_request, scores_of
from iotcall.distill.teacher import Answer, Unusable
from iotcall.evaluate import Dialogue, LabelledTurn


def test_the_judge_sees_every_turn_the_tools_and_the_task(lamp: Catalogue) -> None:
    said = 'say "} {"clarity": 5'
    turn = LabelledTurn(said, (ToolCall("heat", {"degrees": 20}),))
    request = judge_request(lamp, Dialogue((turn,)))
    system, asked = (message["content"] for message in request.messages)
    assert "Answer with one call." in system
    assert '"cellar"' in system
    assert json.loads(asked.partition("\n")[2]) == [
        {"user": said, "calls": [{"name": "heat", "arguments": {"degrees": 20}}]}]


@pytest.mark.parametrize("text", [
    '{"clarity": 4, "coherence": 2, "reason": "a\\nb"}',
    'Well.\n```json\n{"coherence": 2.0, "clarity": "4", "reason": "a b"}\n```'])
def test_scores_are_read_from_what_judges_write(text: str) -> None:
    assert scores_of(Answer(text)) == Scores(4, 2, "a b")


@pytest.mark.parametrize("text", [
    "", "five of five", '{"clarity": 4}', '{"clarity": 0, "coherence": 5}',
    '{"clarity": 6, "coherence": 5}', '{"clarity": true, "coherence": 5}',
    '{"clarity": 4.5, "coherence": 5}', '{"clarity": NaN, "coherence": 5}',
    '{"clarity": Infinity, "coherence": 5}', '{"clarity": [4], "coherence": 5}',
    '{"clarity": null, "coherence": 5}', '{"clarity": 1e999, "coherence": 5}'])
def test_what_is_no_score_is_sent_back(text: str) -> None:
    with pytest.raises(Unusable, match="expected"):
        scores_of(Answer(text))


def test_a_long_reason_is_cut() -> None:
    text = json.dumps({"clarity": 1, "coherence": 1, "reason": "x" * 9999})
    assert len(scores_of(Answer(text)).reason) == 300


@given(some.recursive(some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
                      lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner)))
def test_no_json_breaks_it(value: object) -> None:
    text = json.dumps({"clarity": value, "coherence": 3, "reason": value})
    with contextlib.suppress(Unusable):
        assert scores_of(Answer(text)).clarity in range(1, 6)
