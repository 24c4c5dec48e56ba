"""Numbers in place of others are such as the schema allows."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest

from iotcall.catalogue import Integer, Number
from iotcall.distill.other_numbers import another


def number(low: str, high: str, step: str) -> Number:
    return Number(Decimal(low), Decimal(high), Decimal(step))


@pytest.mark.parametrize(("node", "old"), [
    (number("0", "1", "0.01"), 0.5), (number("0", "1", "0.001"), 0.25),
    (number("-30", "-1", "0.5"), -4), (number("5", "30", "0.5"), 20.5),
    (number("-900", "-500", "0.5"), -600), (number("0", "100000", "0.01"), 12.5),
    (Integer(0, 5000, 5), 100), (Integer(3, 9), 4), (Integer(-5000, 5000, 10), -200),
])
def test_another_number_is_one_that_the_schema_allows(node: Integer | Number,
                                                      old: float) -> None:
    found = [another(node, old, Random(seed)) for seed in range(200)]
    for value in found:
        exact = Decimal(str(value))
        assert node.minimum <= exact <= node.maximum
        assert not (exact - Decimal(str(node.minimum))) % Decimal(str(node.step))
    assert len(set(found)) > 5


def test_amounts_stay_of_about_the_old_one_s_size_and_places() -> None:
    node = number("0", "1000000", "0.01")
    assert all(another(node, 5, Random(seed)) <= 5000 for seed in range(200))
    assert any(another(node, 12.5, Random(seed)) % 1 for seed in range(20))
