from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.evaluate.coverage import calibration_error, risk_coverage
from tests.evaluate.items import item
from tests.workshop import steadily

ANSWERS = st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9, 1.0]), st.booleans()),
                   min_size=1, max_size=6)


def _items(answers: list[tuple[float, bool]]) -> list:
    return [item(confidence=confidence, right=right) for confidence, right in answers]


@given(ANSWERS)
@steadily
def test_the_area_is_the_mean_over_all_orders_of_ties(answers: list[tuple[float, bool]]) -> None:
    """The oracle averages the risk at every coverage over every order that confidence allows."""
    areas = []
    for order in itertools.permutations(answers):
        if all(one[0] >= other[0] for one, other in itertools.pairwise(order)):
            wrong = list(itertools.accumulate(not right for _, right in order))
            areas.append(sum(count / n for n, count in enumerate(wrong, start=1)) / len(order))
    assert risk_coverage(_items(answers)).area == pytest.approx(sum(areas) / len(areas))


@given(ANSWERS)
@steadily
def test_a_point_says_what_its_threshold_accepts(answers: list[tuple[float, bool]]) -> None:
    for point in risk_coverage(_items(answers)).points:
        accepted = [right for confidence, right in answers if confidence >= point.threshold]
        assert point.coverage == pytest.approx(len(accepted) / len(answers))
        assert point.risk == pytest.approx(accepted.count(False) / len(accepted))
    assert point.coverage == 1.0


def test_confidence_that_is_as_often_right_as_it_says_has_no_error() -> None:
    honest = [(0.75, True)] * 3 + [(0.75, False)] + [(1.0, True)] * 4
    assert calibration_error(_items(honest)) == pytest.approx(0.0)
    boasting = [(1.0, True), (1.0, False)]
    assert calibration_error(_items(boasting)) == pytest.approx(0.5)


def test_bins_keep_over_and_underconfidence_apart() -> None:
    assert calibration_error(_items([(0.9, False), (0.1, True)])) == pytest.approx(0.9)


def test_nothing_has_neither_risk_nor_error() -> None:
    assert risk_coverage([]).area == 0.0
    assert risk_coverage([]).points == ()
    assert calibration_error([]) == 0.0
