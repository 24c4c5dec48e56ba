"""Several workers on one broker and one Redis: any of them takes the next turn of a dialogue.

Real mosquitto, real Redis or Valkey, real processes with the stand-in for the student.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from iotcall.devices.simulated import SimulatedHome
from iotcall.dialogue.pins import pin_hash
from iotcall.errors import BrokerError, InputError
from iotcall.hub.link import Link
from iotcall.hub.settings import Broker, HubSettings, check_settings, read_broker
from iotcall.shipped import shipped
from iotcall.store import open_store
from tests.hub.actors import ROOT, Gates, HubProcess, Mosquitto, Proxy, Satellite, wait_until
from tests.redis_server import RedisServer

FRONT, KITCHEN, BEDROOM = (f"zigbee2mqtt/{name}/set" for name in (
    "front door lock", "kitchen light", "bedroom light"))
NAMES = ("red", "green", "blue")
Start = Callable[..., HubProcess]

pytestmark = pytest.mark.usefixtures("simulated_home")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def start(mosquitto: Mosquitto, satellite: Satellite, redis: RedisServer, tmp_path: Path,
          simulated_home: SimulatedHome) -> Iterator[Start]:
    """Starts a worker of that name, and waits until it hears."""
    started: list[HubProcess] = []

    def again(name: str, *options: str) -> HubProcess:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        worker = HubProcess(folder, mosquitto.url, "--share", "homes", "--client-id", name,
                            "--store", redis.url(), "--lease-seconds", "1", "--queue", "40",
                            "--gates", str(tmp_path), *options)
        started.append(worker)
        worker.start()
        return worker

    def start(*names: str, options: tuple[str, ...] = ()) -> Any:
        workers = [again(name, *options) for name in names]
        for name in names:
            satellite.wait_for(f"iotcall/{name}/status", {"state": "online"})
        return workers[0] if len(workers) == 1 else workers

    yield start
    for worker in started:
        worker.close()


def turns(satellite: Satellite, site: str) -> list[tuple[str, dict[str, Any]]]:
    """Who told what of a site."""
    return [(name, turn) for name in NAMES for turn in satellite.heard(f"iotcall/{name}/turn")
            if turn["site_id"] == site]


def answer(satellite: Satellite, site: str, utterance: str) -> dict[str, Any]:
    """What came of an utterance, as soon as it is told."""
    def found() -> dict[str, Any] | None:
        return next((turn for _, turn in turns(satellite, site)
                     if turn["utterance"] == utterance), None)

    told: dict[str, Any] = wait_until(found, f"an answer to {utterance!r} at {site}")
    return told


def test_dialogues_at_twenty_sites_go_on_though_workers_are_killed_and_nothing_is_sent_twice(
    start: Start, satellite: Satellite
) -> None:
    sites = [f"home {number}" for number in range(20)]
    start("red", "green")
    # It dies when its first command is out, which is that of a yes.
    dying = start("blue", options=("--killed-at", "published"))

    def say(utterance: str) -> None:
        for site in sites:
            satellite.say(utterance, site=site)

    def outcomes(utterance: str) -> list[str]:
        return [answer(satellite, site, utterance)["outcome"] for site in sites]

    say("unlock front")
    assert outcomes("unlock front") == ["question"] * 20
    say("yes")
    assert dying.wait() == -9
    other = start("blue")  # as its supervisor does
    told = outcomes("yes")
    # A yes that has waited at the broker may be older than its question: it opens nothing.
    assert set(told) == {"done", "refused"}
    assert told.count("done") > 20 / 2
    # The broker may hand out an answer before a command that went out first.
    assert len(satellite.wait(FRONT, told.count("done"))) == told.count("done")
    say("kitchen lights on")
    assert outcomes("kitchen lights on") == ["done"] * 20
    assert len(satellite.wait(KITCHEN, 20)) == 20
    say("and bedroom")
    other.kill()  # wherever it is
    start("blue")
    answers = [answer(satellite, site, "and bedroom") for site in sites]
    assert {told["outcome"] for told in answers} <= {"done", "unconfirmed"}
    # What had been begun is not sent by the heir, who tells of no command: it asks the light, which
    # another site may have switched on.
    afresh = [told for told in answers if told["commands"]]
    assert len(afresh) >= 19  # the killed one had one utterance in hand
    assert len(afresh) <= len(satellite.wait(BEDROOM, len(afresh))) <= 20
    workers = [{name for name, _ in turns(satellite, site)} for site in sites]
    assert max(map(len, workers)) > 1  # dialogues went from worker to worker


def test_two_utterances_of_one_site_are_handled_one_after_the_other(
    start: Start, satellite: Satellite, gates: Gates, redis: RedisServer
) -> None:
    start("red", "green")
    satellite.say("hold first kitchen lights on", site="home 1")
    gates.wait_reached("first")
    satellite.say("and bedroom", site="home 1")
    with closing(Redis(port=redis.port)) as looking:
        wait_until(lambda: looking.zcard("{test}:lock:home 1:waiting"), "a worker to wait")
    assert turns(satellite, "home 1") == []
    gates.open("first")
    assert answer(satellite, "home 1", "and bedroom")["outcome"] == "done"
    assert satellite.order(KITCHEN, BEDROOM) == [KITCHEN, BEDROOM]
    assert {name for name, _ in turns(satellite, "home 1")} == {"red", "green"}


def test_what_rhasspy_makes_of_one_utterance_is_one_for_all_workers(
    start: Start, satellite: Satellite
) -> None:
    start("red", "green")
    for _ in range(3):  # the broker gives them in turn
        satellite.say("kitchen lights on", site="home 1", session="s")
        satellite.publish("hermes/nlu/query", {
            "input": "kitchen lights on", "siteId": "home 1", "sessionId": "s"})
    for _ in range(2):  # one to each
        satellite.say("thermostat 70", site="home 1")
    wait_until(lambda: len(turns(satellite, "home 1")) >= 5, "all answers")
    assert len(satellite.heard(KITCHEN)) == 3


def test_another_delivery_of_what_a_dead_worker_began_is_not_done_again_and_its_end_is_found_out(
    start: Start, satellite: Satellite, redis: RedisServer
) -> None:
    start("blue", options=("--killed-at", "published"))
    satellite.say("kitchen lights on", site="home 1")
    wait_until(lambda: satellite.heard(KITCHEN), "the command")
    worker = start("red")
    worker.wait_logged("command.reconciled")
    with open_store(redis.url()) as store:
        wait_until(lambda: not store.journal.open_entries(), "the journal to be settled")
    for _ in range(2):  # the broker keeps one for the worker that is away
        satellite.say("kitchen lights on", site="home 1")
    wait_until(lambda: turns(satellite, "home 1"), "the answer")
    [(name, turn)] = turns(satellite, "home 1")
    assert (name, turn["outcome"], turn["reply"]) == ("red", "done", "That was done already.")
    assert satellite.heard(KITCHEN) == [{"state": "ON"}]


def test_a_worker_that_is_told_to_end_does_what_it_has_and_leaves_the_rest_to_others(
    start: Start, satellite: Satellite, gates: Gates
) -> None:
    red, _ = start("red", "green")
    for number in (1, 2, 3, 4):
        satellite.say(f"hold h{number} kitchen lights on", site=f"home {number}")
    gates.wait_reached("h1")
    red.terminate()
    red.wait_logged("hub.stopping")
    for number in (1, 2, 3, 4):
        gates.open(f"h{number}")
    assert red.wait() == 0
    for number in (5, 6, 7, 8):
        satellite.say("bedroom lights on", site=f"home {number}")
    for number in (1, 2, 3, 4):
        answer(satellite, f"home {number}", f"hold h{number} kitchen lights on")
    for number in (5, 6, 7, 8):
        answer(satellite, f"home {number}", "bedroom lights on")
        assert [name for name, _ in turns(satellite, f"home {number}")] == ["green"]
    assert len(satellite.heard(KITCHEN)) == 4


def test_timers_are_rung_by_one_worker_whichever_has_set_them(
    start: Start, satellite: Satellite
) -> None:
    workers = start(*NAMES, options=("--grammar", "home"))
    names = ("egg", "tea", "rice", "soup", "cake", "pasta", "bread", "roast", "stew")
    for name in names:  # one after the other, so that no two run out at once
        satellite.say(f"timer|action=start|duration=two seconds|name={name}", site=name)
        wait_until(lambda name=name: turns(satellite, name), f"the {name} timer to be set")

    def rung() -> list[str]:
        return [said["siteId"] for said in satellite.heard("hermes/tts/say")
                if "is over" in said["text"]]

    wait_until(lambda: len(rung()) >= len(names), "all timers to ring")
    assert rung() == list(names)
    assert len([worker for worker in workers if "timer.rung" in worker.log.read_text()]) == 1


def test_three_workers_let_a_pin_be_tried_three_times_together(
    start: Start, satellite: Satellite, tmp_path: Path
) -> None:
    home = tmp_path / "pin.toml"
    text = (shipped("devices") / "homes" / "demo.toml").read_text()
    home.write_text(f'{text}\n[safety]\npin = ["front door"]\npin_hash = "{pin_hash("2468")}"\n')
    start(*NAMES, options=("--home", str(home)))
    sites = [f"home {number}" for number in range(9)]
    for site in sites:  # the broker gives them in turn
        satellite.say("unlock front", site=site)
    for site in sites:
        assert answer(satellite, site, "unlock front")["outcome"] == "question"
    outcomes = []
    for site in sites:
        satellite.publish(f"iotcall/homes/keypad/{site}", b"1111")
        outcomes.append(answer(satellite, site, "")["outcome"])
    assert outcomes == ["question"] * 2 + ["refused"] * 7
    satellite.say("unlock front", site="home 1")
    wait_until(lambda: len(turns(satellite, "home 1")) == 3, "an answer of whoever has it")
    assert "none for 5 minutes" in "".join(
        turn["reply"] for _, turn in turns(satellite, "home 1") if turn["utterance"])
    assert satellite.heard(FRONT) == []


def test_a_group_is_asked_by_its_own_name(start: Start, satellite: Satellite) -> None:
    start("red", "green")
    satellite.publish("iotcall/homes/ask", {"text": "kitchen lights on", "id": "7"})
    [told] = satellite.wait("iotcall/homes/answer")
    assert (told["id"], told["outcome"]) == ("7", "done")


def test_a_group_without_a_server_and_a_server_without_a_group_are_refused(
    mosquitto: Mosquitto, redis: RedisServer, tmp_path: Path
) -> None:
    for options in (["--share", "homes", "--store", str(tmp_path / "hub.db")], ["--share", "homes"],
                    ["--store", redis.url()]):
        ended = subprocess.run(
            [sys.executable, "tests/hub/stand_in.py", "--broker", mosquitto.url, *options],
            cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60,
            check=False)
        assert ended.returncode == 2
        assert "give both or neither" in ended.stderr


def test_shared_subscriptions_are_refused_under_mqtt_3_1_1(mosquitto: Mosquitto) -> None:
    with pytest.raises(InputError, match="shared subscriptions are MQTT 5"):
        check_settings(HubSettings(broker=Broker(host="box"), share="homes",
                                   mqtt_version="3.1.1"))
    with closing(Proxy(mosquitto.port, refuses_mqtt_5=True)) as proxy:
        link = Link(HubSettings(broker=read_broker(proxy.url), share="homes"), subscriptions=[],
                    on_session=lambda present: None, on_arrival=lambda arrival: None,
                    on_up=lambda: None)
        with pytest.raises(BrokerError, match=r"speaks no MQTT 5 .*without --share"):
            link.open()


@pytest.mark.parametrize("group", ["a/b", "#", "x" * 65])
def test_a_group_that_fits_no_topic_is_refused(group: str) -> None:
    with pytest.raises(InputError, match="the group"):
        check_settings(HubSettings(broker=Broker(host="box"), share=group))
