"""The arithmetic of the floor, by hand."""

from __future__ import annotations

import msgspec
import pytest

from iotcall.bundle.layout import Cost
from iotcall.evaluate.bench.floor import Pass, floor_of
from iotcall.evaluate.bench.machine import Speed

COST = Cost(pass_bytes=1000, token_macs=50, context_macs=2, past_bytes=10)
SPEED = Speed(threads=2, read_bytes=1000, bytes_per_s=1e6,
              products_per_s={"fp32": 1e5, "4 bits": 3e4})


def test_a_pass_reads_its_weights_and_its_past_and_multiplies_for_each_token() -> None:
    found = floor_of([Pass(tokens=3, past=7)], COST, SPEED)
    assert found.reading_ms == pytest.approx((1000 + 7 * 10) / 1e6 * 1000)
    # the three tokens see 7, 8 and 9 before them
    assert found.multiplying_ms == pytest.approx((3 * 50 + 2 * (7 + 8 + 9)) / 1e5 * 1000)
    assert found.floor_ms == max(found.reading_ms, found.multiplying_ms) == found.multiplying_ms
    assert found.in_turn_ms == found.reading_ms + found.multiplying_ms


def test_each_pass_is_bound_by_itself() -> None:
    long, short = Pass(tokens=10, past=0), Pass(tokens=1, past=10)
    one, other = (floor_of([each], COST, SPEED) for each in (long, short))
    assert one.floor_ms == one.multiplying_ms
    assert other.floor_ms == other.reading_ms
    both = floor_of([long, short], COST, SPEED)
    assert both.floor_ms == pytest.approx(one.floor_ms + other.floor_ms)
    assert both.floor_ms > max(both.reading_ms, both.multiplying_ms)
    assert both == one.plus(other)


def test_one_pass_never_costs_more_than_the_same_tokens_in_several() -> None:
    cuts = ([12], [5, 7], [1] * 12)
    floors = []
    for cut in cuts:
        passes = [Pass(tokens, 20 + sum(cut[:place])) for place, tokens in enumerate(cut)]
        floors.append(floor_of(passes, COST, SPEED))
    assert [each.multiplying_ms for each in floors] == pytest.approx([floors[0].multiplying_ms] * 3)
    assert floors[0].floor_ms <= floors[1].floor_ms <= floors[2].floor_ms


def test_no_pass_costs_nothing_and_the_better_speed_is_kept() -> None:
    assert floor_of([], COST, SPEED).in_turn_ms == 0
    other = msgspec.structs.replace(SPEED, bytes_per_s=5e5,
                                    products_per_s={"fp32": 9e4, "4 bits": 3e5})
    for best in (SPEED.or_better(other), other.or_better(SPEED)):
        assert best.bytes_per_s == 1e6
        assert best.products_per_s == {"fp32": 1e5, "4 bits": 3e5}
        assert best.fastest == 3e5
