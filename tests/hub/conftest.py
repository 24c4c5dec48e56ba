from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from iotcall.devices import load_home
from iotcall.devices.simulated import SimulatedHome
from iotcall.shipped import shipped
from tests.hub.actors import Gates, HubProcess, Mosquitto, Satellite


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def satellite(mosquitto: Mosquitto) -> Iterator[Satellite]:
    client = Satellite(mosquitto.port)
    yield client
    client.close()


@pytest.fixture
def gates(tmp_path: Path) -> Gates:
    return Gates(tmp_path)


@pytest.fixture
def simulated_home(mosquitto: Mosquitto) -> Iterator[SimulatedHome]:
    home = load_home(shipped("devices") / "homes" / "demo.toml")
    with SimulatedHome(home, port=mosquitto.port, unreachable=["office light"]) as simulated:
        yield simulated


@pytest.fixture
def start_hub(
    mosquitto: Mosquitto, satellite: Satellite, tmp_path: Path
) -> Iterator[Callable[..., HubProcess]]:
    """Starts a hub and waits until it listens; `broker_url` says where, other options follow."""
    started: list[HubProcess] = []

    def start(*options: str, broker_url: str = mosquitto.url) -> HubProcess:
        hub = HubProcess(tmp_path, broker_url, *options)
        started.append(hub)
        hub.start()
        satellite.wait_for("iotcall/iotcall-hub/status", {"state": "online"})
        return hub

    yield start
    for hub in started:
        hub.close()


@pytest.fixture
def hub(start_hub: Callable[..., HubProcess], simulated_home: SimulatedHome) -> HubProcess:
    """A hub with a home to act on."""
    return start_hub()
