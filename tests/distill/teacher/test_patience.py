from __future__ import annotations

import email.utils
import time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from iotcall.distill.teacher import Patience
from iotcall.distill.teacher.patience import asked_seconds


def test_waits_grow_up_to_a_bound_and_differ_by_chance() -> None:
    patience = Patience(first_wait_seconds=1, longest_wait_seconds=8)
    random = Random(1)
    waits = [patience.wait_seconds(attempt, None, random) for attempt in range(2000)]
    assert 0.5 <= waits[0] <= 1
    assert 2 <= waits[2] <= 4
    assert max(waits) <= 8
    assert len(set(waits[10:])) > 1


def test_what_the_service_asks_for_is_waited_for_but_not_for_ever() -> None:
    patience = Patience()
    assert 7 <= patience.wait_seconds(0, 7.0, Random(1)) < 8
    assert patience.wait_seconds(0, 0.0, Random(1)) == 0
    assert patience.wait_seconds(0, 1e9, Random(1)) < 310


@pytest.mark.parametrize(("headers", "seconds"), [
    ({}, None), ({"retry-after": "3"}, 3), ({"retry-after": "0.5"}, 0.5),
    ({"retry-after-ms": "250", "retry-after": "9"}, 0.25), ({"retry-after": "soon"}, None),
    ({"retry-after": "-1"}, None), ({"retry-after": "inf"}, None), ({"retry-after": "nan"}, None),
    ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
])
def test_retry_after_is_read_in_seconds_and_as_a_date(
        headers: dict[str, str], seconds: float | None) -> None:
    assert asked_seconds(headers) == seconds


def test_a_date_to_come_is_waited_for() -> None:
    date = email.utils.formatdate(time.time() + 3600, usegmt=True)
    assert 3000 < (asked_seconds({"retry-after": date}) or 0) <= 3600


@given(some.text())
def test_no_header_breaks_it(text: str) -> None:
    seconds = asked_seconds({"retry-after": text})
    assert seconds is None or seconds >= 0
