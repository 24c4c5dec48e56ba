"""The home while it is served: its devices are asked, however many they are."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from iotcall.devices import Publication, load_home
from iotcall.hub.household import Household
from tests.hub.actors import DEADLINE_SECONDS, HubProcess, Mosquitto, Satellite, wait_until

MANY = 400
"""More than may wait for the broker at once."""


def many(folder: Path) -> Path:
    """A home of so many lamps, which are asked one by one."""
    path = folder / "many.toml"
    path.write_text('name = "many"\n[rooms.hall]\n' + "".join(
        f'[[devices]]\nname = "lamp {number}"\nkind = "light"\nroom = "hall"\n'
        f'driver = "tasmota"\naddress = "lamp{number}"\n' for number in range(MANY)))
    return path


def test_each_of_four_hundred_devices_is_asked_when_the_hub_connects(
    mosquitto: Mosquitto, satellite: Satellite, tmp_path: Path
) -> None:
    hub = HubProcess(tmp_path, mosquitto.url, "--home", str(many(tmp_path)))
    hub.start()
    try:
        wait_until(lambda: len(asked(satellite)) >= MANY, "all questions")
        assert asked(satellite) == {f"lamp{number}" for number in range(MANY)}
    finally:
        hub.close()


def asked(satellite: Satellite) -> set[str]:
    return {topic.split("/")[1] for topic in satellite.topics() if topic.startswith("cmnd/lamp")}


def test_who_calls_for_the_questions_does_not_wait_for_them(tmp_path: Path) -> None:
    asked, going_on = threading.Event(), threading.Event()

    def send(publications: Sequence[Publication]) -> None:
        if publications:
            asked.set()
            going_on.wait(DEADLINE_SECONDS)

    household = Household(load_home(many(tmp_path)), "hub", on_change=lambda home: None, send=send)
    following = threading.Thread(target=household.run)
    following.start()
    household.ask_all()  # as the keeper of the connection does, which must not stand still
    assert asked.wait(DEADLINE_SECONDS)
    asked.clear()
    household.ask_all()  # the connection was made again meanwhile
    going_on.set()
    assert asked.wait(DEADLINE_SECONDS)
    household.stop()
    following.join(DEADLINE_SECONDS)
    assert not following.is_alive()
