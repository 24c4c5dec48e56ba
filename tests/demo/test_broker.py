from __future__ import annotations

import importlib.util
import os
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from iotcall.demo.broker import BrokerName, running_broker
from iotcall.errors import BrokerError
from iotcall.hub.exchange import Arrival, Subscription
from iotcall.hub.link import Link
from iotcall.hub.settings import HubSettings, read_broker
from iotcall.hub.topics import Message
from tests.mosquitto import mosquitto_program

needs_amqtt = pytest.mark.skipif(importlib.util.find_spec("amqtt") is None,
                                 reason="amqtt is the optional extra `demo`")


@pytest.mark.parametrize("name", ["mosquitto", pytest.param("amqtt", marks=needs_amqtt)])
def test_a_link_of_any_version_works_with_the_demo_broker(name: BrokerName) -> None:
    if name == "mosquitto":
        mosquitto_program()
    came = threading.Event()
    arrivals: list[Arrival] = []

    def arrived(arrival: Arrival) -> None:
        arrivals.append(arrival)
        came.set()

    with running_broker(name) as broker:
        link = Link(HubSettings(broker=read_broker(broker.url), connect_seconds=1),
                    subscriptions=[Subscription("a/b c", 1)], on_session=lambda present: None,
                    on_arrival=arrived, on_up=lambda: None)
        link.open()
        with closing(link):
            link.publish(Message("a/b c", b"hello"), time.monotonic() + 10)
            assert came.wait(10)
            arrivals[0].acknowledge()
    assert [arrival.payload for arrival in arrivals] == [b"hello"]


@needs_amqtt
def test_a_link_of_mqtt_5_does_not_wait_for_amqtt_for_ever() -> None:
    with running_broker("amqtt") as broker:
        link = Link(HubSettings(broker=read_broker(broker.url), mqtt_version="5",
                                connect_seconds=0.5),
                    subscriptions=[], on_session=lambda present: None,
                    on_arrival=lambda arrival: None, on_up=lambda: None)
        with pytest.raises(BrokerError, match="no answer in time at our MQTT 5 CONNECT"):
            link.open()


def test_mosquitto_is_found_where_the_path_does_not_lead(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mosquitto_program()
    monkeypatch.setitem(os.environ, "PATH", str(tmp_path))
    with running_broker() as broker:
        assert broker.name == "mosquitto"


def test_the_broker_ends_with_the_block() -> None:
    with running_broker() as broker:
        address = read_broker(broker.url)
    link = Link(HubSettings(broker=address), subscriptions=[], on_session=lambda present: None,
                on_arrival=lambda arrival: None, on_up=lambda: None)
    with pytest.raises(BrokerError, match="cannot reach"):
        link.open()
