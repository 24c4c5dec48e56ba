from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from iotcall.errors import BrokerError
from iotcall.hub.exchange import Arrival, Subscription, Undelivered
from iotcall.hub.link import Link
from iotcall.hub.settings import HubSettings, read_broker
from iotcall.hub.topics import VOICE_TOPICS, Message, status_topic
from tests.hub.actors import DEADLINE_SECONDS, Mosquitto, Proxy, Satellite, wait_until
from tests.hub.test_acl import House

STATUS = status_topic("iotcall-hub")
VOICE = VOICE_TOPICS[0]


class Ear:
    """Keeps what a link brings."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.sessions: list[bool] = []
        self._changed = threading.Condition()

    def session(self, present: bool) -> None:
        with self._changed:
            self.sessions.append(present)
            self._changed.notify_all()

    def arrived(self, arrival: Arrival) -> None:
        with self._changed:
            self.arrivals.append(arrival)
            self._changed.notify_all()

    def wait(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, DEADLINE_SECONDS)


@contextmanager
def linked(url: str, ear: Ear | None = None, **options: Any) -> Iterator[Link]:
    ear = ear or Ear()
    link = Link(
        HubSettings(broker=read_broker(url), **options),
        subscriptions=[Subscription(topic, 1, True) for topic in VOICE_TOPICS],
        on_session=ear.session, on_arrival=ear.arrived, on_up=lambda: None)
    link.open()
    with closing(link):
        yield link


def soon() -> float:
    return time.monotonic() + DEADLINE_SECONDS


def test_birth_and_farewell_are_retained(mosquitto: Mosquitto, satellite: Satellite) -> None:
    with linked(mosquitto.url):
        satellite.wait_for(STATUS, {"state": "online"})
    satellite.wait_for(STATUS, {"state": "offline"})
    late = Satellite(mosquitto.port)
    late.wait_for(STATUS, {"state": "offline"})
    assert late.retained(STATUS) == [True]
    late.close()


def test_a_broker_that_is_not_there_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(BrokerError, match=r"cannot reach .* at mqtt://127.0.0.1:9 .*--broker"):
        linked("mqtt://user:geheim@127.0.0.1:9").__enter__()


def test_a_broker_that_wants_another_password_is_an_error(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path, "allow_anonymous false")
    broker.start()
    with closing(_Stopper(broker)), pytest.raises(BrokerError, match=r"refused us.*password") as e:
        linked(broker.url.replace("//", "//user:geheim@")).__enter__()
    assert "geheim" not in str(e.value)


def test_a_subscription_that_is_not_permitted_is_an_error(tmp_path: Path) -> None:
    plugin = next(Path("/usr/lib").rglob("mosquitto_dynamic_security.so"), None)
    if plugin is None:
        pytest.skip("mosquitto without the plugin that refuses subscriptions")
    access = tmp_path / "access.json"
    access.write_text(json.dumps({
        "defaultACLAccess": {"publishClientSend": True, "publishClientReceive": True,
                             "subscribe": False, "unsubscribe": True},
        "clients": [], "groups": [], "roles": []}))
    broker = Mosquitto(tmp_path, "allow_anonymous true", f"plugin {plugin}",
                       f"plugin_opt_config_file {access}")
    broker.start()
    with closing(_Stopper(broker)), pytest.raises(BrokerError, match=f"subscribe to .*{VOICE}"):
        linked(broker.url).__enter__()


def test_auto_speaks_3_1_1_with_a_broker_that_hangs_up_on_mqtt_5(
    mosquitto: Mosquitto, satellite: Satellite
) -> None:
    ear = Ear()
    with closing(Proxy(mosquitto.port, refuses_mqtt_5=True)) as proxy:
        with linked(proxy.url, ear):
            satellite.say("lights on")
            ear.wait(lambda: len(ear.arrivals) == 1)
        with pytest.raises(BrokerError, match="MQTT 5"):
            linked(proxy.url, mqtt_version="5").__enter__()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_the_broker_keeps_messages_while_the_link_is_closed(
    mosquitto: Mosquitto, satellite: Satellite, version: str
) -> None:
    first, second = Ear(), Ear()
    with linked(mosquitto.url, first, mqtt_version=version):
        satellite.say("in hand")
        first.wait(lambda: len(first.arrivals) == 1)
    satellite.say("while away")
    with linked(mosquitto.url, second, mqtt_version=version):
        second.wait(lambda: len(second.arrivals) == 2)
    assert (first.sessions, second.sessions) == ([False], [True])
    assert [arrival.dup for arrival in second.arrivals] == [True, False]
    assert second.arrivals[0].mid == first.arrivals[0].mid
    assert second.arrivals[0].payload == first.arrivals[0].payload


def test_an_acknowledged_message_does_not_come_again(
    mosquitto: Mosquitto, satellite: Satellite
) -> None:
    first, second = Ear(), Ear()
    with linked(mosquitto.url, first):
        satellite.say("one")
        satellite.say("two")
        first.wait(lambda: len(first.arrivals) == 2)
        first.arrivals[0].acknowledge()
    with linked(mosquitto.url, second):
        second.wait(lambda: len(second.arrivals) == 1)
    assert second.arrivals[0].payload == first.arrivals[1].payload


@pytest.mark.parametrize(("version", "known"), [("5", True), ("3.1.1", False)])
def test_a_live_message_that_was_published_retained_says_so_under_mqtt_5(
    mosquitto: Mosquitto, satellite: Satellite, version: str, known: bool
) -> None:
    ear = Ear()
    with linked(mosquitto.url, ear, mqtt_version=version):
        satellite.publish(VOICE, b"{}", retain=True)
        ear.wait(lambda: len(ear.arrivals) == 1)
    assert ear.arrivals[0].retain is known


def test_a_cut_connection_is_made_again_on_the_same_session(
    mosquitto: Mosquitto, satellite: Satellite
) -> None:
    ear = Ear()
    with closing(Proxy(mosquitto.port)) as proxy, linked(proxy.url, ear) as link:
        satellite.say("in hand")
        ear.wait(lambda: len(ear.arrivals) == 1)
        proxy.cut()
        ear.wait(lambda: len(ear.arrivals) == 2)
        assert ear.sessions == [False, True]
        assert ear.arrivals[1].dup
        link.publish(Message("told", b"{}"), soon())
        satellite.wait("told")


def test_what_is_published_while_the_broker_is_away_waits_for_it(
    mosquitto: Mosquitto, satellite: Satellite
) -> None:
    with linked(mosquitto.url) as link:
        mosquitto.stop()
        told = threading.Thread(target=link.publish, args=[Message("told", b"{}"), soon()])
        told.start()
        mosquitto.start()
        satellite.wait_ready()
        told.join(DEADLINE_SECONDS)
        assert not told.is_alive()


def test_what_was_given_up_is_never_published(mosquitto: Mosquitto, satellite: Satellite) -> None:
    with linked(mosquitto.url) as link:
        mosquitto.stop()
        with pytest.raises(Undelivered):
            link.publish(Message("late", b"{}"), time.monotonic() + 0.01)
        mosquitto.start()
        satellite.wait_ready()
        link.publish(Message("after", b"{}"), soon())
        satellite.wait("after")
    assert satellite.heard("late") == []


def test_a_link_gives_up_waiting_when_told_to(mosquitto: Mosquitto) -> None:
    with linked(mosquitto.url) as link:
        mosquitto.stop()
        failures: list[Undelivered] = []

        def publish() -> None:
            try:
                link.publish(Message("late", b"{}"), soon())
            except Undelivered as error:
                failures.append(error)

        waiting = threading.Thread(target=publish)
        waiting.start()
        link.give_up()
        waiting.join(DEADLINE_SECONDS)
        assert len(failures) == 1
    mosquitto.start()


def test_a_topic_that_is_wanted_while_others_are_subscribed_to_is_heard_on_this_connection(
    mosquitto: Mosquitto, satellite: Satellite
) -> None:
    """Between CONNACK and SUBACK: a device is announced as soon as the hub can hear."""
    ear = Ear()
    with closing(Proxy(mosquitto.port)) as proxy:
        proxy.hold(0x90)  # SUBACK
        link = Link(HubSettings(broker=read_broker(proxy.url)),
                    subscriptions=[Subscription(VOICE, 1)], on_session=ear.session,
                    on_arrival=ear.arrived, on_up=lambda: None)
        opening = threading.Thread(target=link.open)
        opening.start()
        assert proxy.holds.wait(DEADLINE_SECONDS)
        link.follow([Subscription(VOICE, 1), Subscription("stat/lamp", 0)])
        proxy.let_go()
        opening.join(DEADLINE_SECONDS)
        with closing(link):
            satellite.publish("stat/lamp", b"on")
            ear.wait(lambda: [each.topic for each in ear.arrivals] == ["stat/lamp"])
            assert ear.sessions == [False]  # of the first connection


def test_a_certificate_that_cannot_be_read_for_a_while_does_not_end_the_link(
    tmp_path: Path
) -> None:
    with House(tmp_path) as house:
        authority = house.authority.certificate
        ear = Ear()
        with closing(Proxy(house.broker.port)) as proxy:
            link = Link(
                HubSettings(broker=house.address(port=proxy.port, username="hub",
                                                 password="of hub")),
                subscriptions=[Subscription(VOICE, 1)], on_session=ear.session,
                on_arrival=ear.arrived, on_up=lambda: None)
            link.open()
            with closing(link), capture_logs() as logs:
                renewed = authority.read_bytes()
                authority.unlink()
                proxy.cut()
                wait_until(lambda: "broker.not_tried" in [each["event"] for each in logs],
                           "a try without the file")
                authority.write_bytes(renewed)
                ear.wait(lambda: ear.sessions == [False, True])
                assert link.wait_up(soon())
        [told, *_] = [each for each in logs if each["event"] == "broker.not_tried"]
        assert str(authority) in told["reason"]


def test_a_fault_of_who_hears_that_it_is_up_does_not_end_the_link(mosquitto: Mosquitto) -> None:
    ear, ups = Ear(), []

    def fail() -> None:
        ups.append(len(ups))
        raise RuntimeError("unforeseen")

    with closing(Proxy(mosquitto.port)) as proxy:
        link = Link(HubSettings(broker=read_broker(proxy.url)),
                    subscriptions=[Subscription(VOICE, 1)], on_session=ear.session,
                    on_arrival=ear.arrived, on_up=fail)
        link.open()
        with closing(link):
            for connections in (2, 3):
                proxy.cut()
                wait_until(lambda connections=connections: len(ups) == connections, "the next")
                assert link.wait_up(soon())


def test_a_thousand_questions_all_reach_the_broker(
    mosquitto: Mosquitto, satellite: Satellite
) -> None:
    with linked(mosquitto.url) as link:
        assert link.publish_all([Message("cmnd/lamp/State", b"%d" % number)
                                 for number in range(1000)], DEADLINE_SECONDS)
    satellite.wait_for("cmnd/lamp/State", 999)
    assert satellite.heard("cmnd/lamp/State") == list(range(1000))


def test_many_are_given_up_where_the_broker_is_away(mosquitto: Mosquitto) -> None:
    with linked(mosquitto.url) as link:
        mosquitto.stop()
        assert not link.publish_all([Message("late", b"{}")] * 3, 0.01)
        mosquitto.start()


class _Stopper:
    def __init__(self, broker: Mosquitto) -> None:
        self.close = broker.stop
