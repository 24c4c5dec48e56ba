"""A flood of nonsense is no flood of lines, and what was left out is told."""

from __future__ import annotations

import itertools
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest
import structlog

from iotcall.hub.logs import OF_STRANGERS, Sparing
from tests.hub.actors import HubProcess, Satellite


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def passes(now: list[float]) -> Callable[..., MutableMapping[str, Any] | None]:
    """What is left of an event; None: it was left out."""
    sparing = Sparing(most=3, seconds=10.0, clock=lambda: now[0])

    def passes(event: str = "voice.malformed") -> MutableMapping[str, Any] | None:
        try:
            return sparing(None, "warning", {"event": event})
        except structlog.DropEvent:
            return None

    return passes


def test_a_few_of_each_event_pass_and_the_next_ones_count_tells_of_the_rest(
    passes: Callable[..., Any], now: list[float]
) -> None:
    assert [passes() for _ in range(7)] == [{"event": "voice.malformed"}] * 3 + [None] * 4
    assert passes("state_malformed") == {"event": "state_malformed"}
    now[0] = 9.9
    assert passes() is None
    now[0] = 10.0
    assert passes() == {"event": "voice.malformed", "left_out_before": 5}
    assert passes() == {"event": "voice.malformed"}
    now[0] = 30.0
    assert passes() == {"event": "voice.malformed"}


def test_what_no_stranger_brings_about_is_never_left_out(passes: Callable[..., Any]) -> None:
    assert None not in [passes("command.unconfirmed") for _ in range(100)]


def test_events_that_are_left_out_are_events_that_there_are(source: str) -> None:
    assert [event for event in sorted(OF_STRANGERS) if f'"{event}"' not in source] == []


@pytest.fixture(scope="module")
def source() -> str:
    from pathlib import Path

    import iotcall

    folder = Path(iotcall.__file__).parent
    texts = itertools.chain((folder / "hub").glob("*.py"), (folder / "devices").rglob("*.py"))
    return "".join(path.read_text() for path in texts if path.name != "logs.py")


def test_a_hub_writes_few_lines_of_a_thousand_malformed_messages(
    hub: HubProcess, satellite: Satellite
) -> None:
    for _ in range(1000):
        satellite.publish("hermes/asr/textCaptured", b"{")
    satellite.say("kitchen lights on")
    [turn] = satellite.wait("iotcall/iotcall-hub/turn")
    assert turn["outcome"] == "done"
    lines = hub.log.read_text().count("event=voice.malformed")
    assert 10 <= lines < 100
