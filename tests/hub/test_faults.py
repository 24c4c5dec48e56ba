"""The hub recovers alone from what a house does to it; nothing is lost, and nothing is done twice.

Brokers that restart, networks that go and come, clocks that jump, full disks, damaged files.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.hub.actors import Gates, HubProcess, Mosquitto, Satellite, wait_until
from tests.hub.strain import Asker, Cable, open_files, process_id

TURN = "iotcall/iotcall-hub/turn"
ROOMS = ("kitchen", "bedroom", "bathroom", "hallway")
SETS = {"kitchen": "zigbee2mqtt/kitchen light/set", "bedroom": "zigbee2mqtt/bedroom light/set",
        "bathroom": "zigbee2mqtt/bathroom_light/set", "hallway": "zigbee2mqtt/hallway_light/set"}
CUT_SECONDS = 2.0  # less than the ten within which a command must have gone out
FULL = "My memory is full, so I leave out what must not be done twice."
OWN_DISKS = ["unshare", "--user", "--map-root-user", "--mount"]
HERE = Path(__file__).parent
StartHub = Callable[..., HubProcess]

pytestmark = pytest.mark.usefixtures("simulated_home")


@pytest.fixture
def asker(mosquitto: Mosquitto) -> Iterator[Asker]:
    client = Asker(mosquitto.port)
    yield client
    client.close()


@pytest.fixture
def start_other(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Callable[..., HubProcess]]:
    """Starts a hub by another command than usual: what comes before the options."""
    with contextlib.ExitStack() as started:
        def start(command: list[str], *options: str) -> HubProcess:
            hub = HubProcess(tmp_path, mosquitto.url, *options, command=command)
            started.callback(hub.close)
            hub.start()
            hub.wait_logged("hub.started")
            return hub

        yield start


@pytest.mark.parametrize("keeps", [
    pytest.param(True, id="with persistence"),
    pytest.param(False, id="without", marks=pytest.mark.slow)])
def test_a_restart_of_the_broker_loses_no_utterance_and_repeats_none(
    start_hub: StartHub, satellite: Satellite, mosquitto: Mosquitto, gates: Gates, asker: Asker,
    tmp_path: Path, keeps: bool
) -> None:
    hub = start_hub("--store", str(tmp_path / "hub.db"))
    asker.ask("kitchen", "hold a kitchen lights on")
    gates.wait_reached("a")
    for room in ROOMS[1:3]:
        asker.query(room, f"{room} lights on")
    asker.ask("no text", "")  # answered at once, so the others wait in the hub by now
    asker.wait_answered({"no text"})
    if keeps:
        mosquitto.stop()
    else:
        mosquitto.kill_and_forget()
    hub.wait_logged("broker.lost")
    asker.ask("hallway", "hallway lights on")  # said while the broker is away
    mosquitto.start()
    asker.wait_ready()
    satellite.wait_ready()
    gates.open("a")
    answers = asker.wait_answered(set(ROOMS))
    assert answers == {"kitchen": ["done"], "bedroom": ["The bedroom light is on."],
                       "bathroom": ["The bathroom light is on."], "hallway": ["done"]}
    assert_each_light_was_told_once(satellite)
    asker.ask("afterwards", "status thermostat")
    assert asker.wait_answered({"afterwards"}) == {"afterwards": ["answer"]}
    assert asker.wait_answered(set(ROOMS)) == answers


def test_a_network_that_is_cut_for_some_seconds_in_mid_utterance_delays_it_and_nothing_more(
    start_hub: StartHub, satellite: Satellite, mosquitto: Mosquitto, gates: Gates, asker: Asker
) -> None:
    with closing(Cable(mosquitto.port)) as cable:
        start_hub(broker_url=cable.url)
        asker.ask("kitchen", "hold a kitchen lights on")
        gates.wait_reached("a")
        cable.unplug()
        gates.open("a")
        for room in ROOMS[1:]:
            asker.ask(room, f"{room} lights on")
        threading.Event().wait(CUT_SECONDS)  # nothing to wait for: this is how long it is cut
        assert satellite.heard(SETS["kitchen"]) == []
        cable.plug_in()
        assert asker.wait_answered(set(ROOMS)) == {room: ["done"] for room in ROOMS}
        assert_each_light_was_told_once(satellite)


def test_a_command_that_a_cut_network_held_up_too_long_does_not_arrive_later(
    start_hub: StartHub, satellite: Satellite, mosquitto: Mosquitto, asker: Asker
) -> None:
    with closing(Cable(mosquitto.port, breaks_at=SETS["kitchen"].encode())) as cable:
        hub = start_hub("--command-seconds", "1", "--acknowledge-seconds", "0.3",
                        broker_url=cable.url)
        asker.ask("kitchen", "kitchen lights on")
        hub.wait_logged("event=command.undelivered")
        wait_until(cable.is_reset, "the hub to let go of the connection")
        cable.plug_in()
        assert asker.wait_answered({"kitchen"}) == {"kitchen": ["unconfirmed"]}
        asker.ask("bedroom", "bedroom lights on")
        assert asker.wait_answered({"bedroom"}) == {"bedroom": ["done"]}
        assert satellite.heard(SETS["kitchen"]) == []
        assert len(satellite.heard(SETS["bedroom"])) == 1


@pytest.mark.slow
def test_a_broker_that_goes_right_after_the_start_is_found_again_and_costs_nothing(
    start_hub: StartHub, satellite: Satellite, mosquitto: Mosquitto, asker: Asker
) -> None:
    hub = start_hub()
    asker.ask("first", "status thermostat")
    asker.wait_answered({"first"})
    before = open_files(hub)
    mosquitto.stop()
    wait_until(lambda: hub.log.read_text().count("broker.unreachable") >= 2, "two attempts")
    asker.ask("kitchen", "kitchen lights on")
    mosquitto.start()
    assert asker.wait_answered({"kitchen"}) == {"kitchen": ["done"]}
    assert open_files(hub) <= before + 2  # those of the lost connection, until it is collected
    assert satellite.wait(SETS["kitchen"]) == [{"state": "ON"}]


def test_deadlines_do_not_follow_a_wall_clock_that_jumps_by_years(
    start_other: Callable[..., HubProcess], satellite: Satellite, tmp_path: Path
) -> None:
    command = [sys.executable, str(HERE / "jumping.py")]
    hub = start_other(command, "--store", str(tmp_path / "hub.db"))
    satellite.say("kitchen lights on")
    satellite.say("unlock front")
    first, asked = satellite.wait(TURN, 2)
    assert (first["outcome"], asked["outcome"]) == ("done", "question")
    satellite.say("yes")
    opened = satellite.wait(TURN, 3)[-1]
    assert (opened["outcome"], opened["reply"]) == ("done", "The front door is unlocked.")
    assert satellite.heard(SETS["kitchen"]) == [{"state": "ON"}]
    assert 0 <= first["latency_ms"]["total"] < 60_000
    hub.terminate()
    assert hub.wait() == 0


@pytest.mark.slow
def test_a_timer_rings_when_its_time_is_over_whatever_the_wall_clock_says(
    start_other: Callable[..., HubProcess], satellite: Satellite, tmp_path: Path
) -> None:
    start_other([sys.executable, str(HERE / "jumping.py")], "--store", str(tmp_path / "hub.db"),
                "--grammar", "home")
    satellite.say("timer|action=start|duration=two seconds|name=egg", site="kitchen")
    satellite.say("timer|action=start|duration=two hours|name=roast", site="kitchen")
    assert satellite.wait(TURN, 2)[0]["reply"] == "The egg timer is set for 2 seconds."
    satellite.wait_for("hermes/tts/say", {"text": "The egg timer is over.", "siteId": "kitchen"})
    satellite.say("timer|action=left", site="kitchen")
    assert "roast timer" in satellite.wait(TURN, 3)[-1]["reply"]
    assert "The roast timer is over." not in [
        each["text"] for each in satellite.heard("hermes/tts/say")]


def test_on_a_full_disk_lights_work_and_doors_do_not_until_there_is_room(
    start_other: Callable[..., HubProcess], satellite: Satellite, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=2m tmpfs {disk}"
    if not shutil.which("unshare") or subprocess.run(
            [*OWN_DISKS, "sh", "-c", mount], capture_output=True, timeout=60,
            check=False).returncode:
        pytest.skip("no file system of one's own can be mounted here")
    hub = start_other([*OWN_DISKS, "sh", "-c", f'{mount} && exec "$0" "$@"', sys.executable,
                       str(HERE / "stand_in.py")], "--store", str(disk / "hub.db"))
    replies: list[str] = []

    def said(text: str, outcome: str) -> str:
        satellite.say(text)
        turn = satellite.wait(TURN, len(replies) + 1)[-1]
        replies.append(turn["reply"])
        assert turn["outcome"] == outcome, turn
        return str(turn["reply"])

    assert said("kitchen lights on", "done") == "The kitchen light is on."
    with fill(Path(f"/proc/{process_id(hub)}/root{disk}/filler")):
        said("unlock front", "question")
        assert FULL in said("yes", "refused")
        assert said("bedroom lights on", "done") == f"The bedroom light is on. {FULL}"
        assert satellite.heard("zigbee2mqtt/front door lock/set") == []
    said("unlock front", "question")
    assert said("yes", "done") == "The front door is unlocked."
    assert said("hallway lights on", "done") == "The hallway light is on."
    assert len(satellite.heard("zigbee2mqtt/front door lock/set")) == 1
    assert hub.running()


@pytest.mark.parametrize("damage", [
    "header", *(pytest.param(each, marks=pytest.mark.slow) for each in ("middle", "cut short"))])
def test_a_damaged_store_is_put_aside_at_the_start_and_a_new_one_serves(
    start_hub: StartHub, satellite: Satellite, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "hub.db"
    hub = start_hub("--store", str(path))
    satellite.say("kitchen lights on")
    satellite.wait(TURN)
    hub.terminate()
    assert hub.wait() == 0
    whole = path.read_bytes()
    damaged = {"header": b"\xff" * 100 + whole[100:],
               "middle": whole[:4096] + b"\xff" * 4096 + whole[8192:],
               "cut short": whole[:len(whole) // 2]}[damage]
    path.write_bytes(damaged)
    start_hub("--store", str(path), "--killed-at", "published").wait_logged("event=store.put_aside")
    (aside,) = tmp_path.glob("hub.db.corrupt-*Z")
    assert aside.read_bytes() == damaged
    satellite.say("bedroom lights on")  # kills it, when it is in the new store
    satellite.wait(SETS["bedroom"])
    satellite.wait_for("iotcall/iotcall-hub/status", {"state": "offline"})
    start_hub("--store", str(path))
    assert satellite.wait(TURN, 2)[-1]["reply"] == "That was done already."
    assert len(satellite.heard(SETS["bedroom"])) == 1


def assert_each_light_was_told_once(satellite: Satellite) -> None:
    assert {room: satellite.wait(topic) for room, topic in SETS.items()} == {
        room: [{"state": "ON"}] for room in SETS}


@contextlib.contextmanager
def fill(filler: Path) -> Iterator[None]:
    """Not a byte is free on its disk in this block."""
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as full:
        while True:
            full.write(bytes(4096))
    yield
    filler.unlink()
