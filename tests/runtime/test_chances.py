"""How likely each tool is to be called first, against all answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from iotcall.bundle import Bundle, open_bundle
from iotcall.catalogue import catalogue_from_json
from iotcall.formats import COMPACT, format_named
from iotcall.formats.registry import FORMATS
from iotcall.runtime import Others, Student
from iotcall.runtime.answers import Decision
from iotcall.runtime.chances import Chances, heads
from iotcall.shipped import shipped
from tests.lamp import STUDENTS

NAMES = catalogue_from_json([{"type": "function", "function": {
    "name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("turn", "turn_on", "talk")], "names")


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_no_beginning_begins_another(name: str) -> None:
    found = heads(format_named(name), NAMES)
    assert set(found) == {"turn", "turn_on", "talk"}
    assert not any(a != b and found[a].startswith(found[b]) for a in found for b in found)


@pytest.mark.parametrize("family", sorted(STUDENTS))
@pytest.mark.parametrize("utterance", ["switch on the attic lamp", "heat to 20", "lamps off"])
def test_it_is_what_all_answers_of_a_tool_come_to(
    bundle_of: Callable[[str], Bundle], family: str, utterance: str
) -> None:
    with Student.open(bundle_of(family), threads=1) as student:
        decoding = student.decode([], utterance, others=Others(count=300, passes=300))
    found: Counter[str] = Counter()
    for answer in (decoding, *decoding.others):
        found[answer.calls[0].name] += answer.confidence
    left = 1.0 - found.total()  # answers that were not looked at
    assert left < 0.05
    told = dict(decoding.tools)
    assert sum(told.values()) == pytest.approx(1.0, abs=1e-4)
    for name, share in found.items():
        assert share - 1e-4 <= told[name] <= share + left + 1e-4
    assert decoding.wish(()) == 1.0
    assert decoding.wish({decoding.calls[0].name}) == pytest.approx(
        1.0 - told[decoding.calls[0].name])


def test_a_shipped_student_that_hears_talk_says_that_nothing_is_wanted() -> None:
    with Student.open(open_bundle(shipped("bundles") / "smart_home"), threads=1) as student:
        asked, talked = (student.decode([], said) for said in (
            "turn on the kitchen light", "tell me a joke about my uncle"))
    assert asked.wish({"intent_unclear"}) > 0.9
    assert talked.wish({"intent_unclear"}) < 0.1


def test_what_the_answer_does_not_decide_is_left_out() -> None:
    """"t" is the answer's and goes on, "tu" beside it may be turn or turn_on."""
    texts = {1: "t", 2: "tu", 3: "alk(", 4: "urn("}
    decisions = [Decision(after, np.array(tokens), np.log(np.array(shares, np.float32)), 0.0, 0)
                 for after, tokens, shares in ((0, [1, 2], [0.75, 0.25]), (1, [3, 4], [0.6, 0.4]))]
    chances = Chances(COMPACT, NAMES, lambda tokens: "".join(texts[token] for token in tokens))
    for _ in range(2):  # what is remembered is the same
        assert dict(chances.of(decisions, [1, 3])) == pytest.approx({"talk": 0.45, "turn": 0.3})
