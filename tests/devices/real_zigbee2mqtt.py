"""The real zigbee2mqtt from npm, with modelled devices where its radio would be.

Leaves out: the broker, and what is asserted. It is installed once into iotcall's cache folder, with
the node that it needs.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from iotcall.export.providers.environments import cache_folder

PACKAGES = ("zigbee2mqtt@2.14.1", "node@24.21.0")
"""What npm installs: 270 MB on the disk."""
_INSTALL_SECONDS = 900
_START_SECONDS = 120
_RADIO = Path(__file__).with_name("zigbee_radio.js")


class Modelled(msgspec.Struct, frozen=True, kw_only=True):
    """A device as its maker's is in zigbee-herdsman-converters."""

    name: str
    """Its friendly name."""
    address: str
    """IEEE address."""
    model: str
    """What it calls itself, by which zigbee2mqtt knows it."""
    maker: str
    attributes: dict[str, dict[str, Any]]
    """Cluster -> attribute -> value, as they are on the air."""
    ranges: dict[str, tuple[int, int]] = {}
    """Attribute -> what may be written to it."""
    silent: bool = False
    """It does what it is told and reports nothing."""


_CLUSTERS = {
    "genBasic": 0, "genPowerCfg": 1, "genIdentify": 3, "genGroups": 4, "genScenes": 5,
    "genOnOff": 6, "genLevelCtrl": 8, "genPollCtrl": 32, "closuresDoorLock": 257,
    "closuresWindowCovering": 258, "hvacThermostat": 513, "lightingColorCtrl": 768,
    "msTemperatureMeasurement": 1026, "msRelativeHumidity": 1029, "seMetering": 1794,
    "haElectricalMeasurement": 2820,
}
"""Their numbers in the Zigbee Cluster Library."""

LAMP = Modelled(
    name="den/colour lamp", address="0x00158d0000000001", maker="IKEA of Sweden",
    model="TRADFRI bulb E27 CWS 806lm",
    attributes={
        "genOnOff": {"onOff": 0}, "genLevelCtrl": {"currentLevel": 254},
        "lightingColorCtrl": {
            "colorCapabilities": 0x18, "colorTemperature": 370, "colorMode": 2, "currentX": 30138,
            "currentY": 26909, "colorTempPhysicalMin": 250, "colorTempPhysicalMax": 454}})
PLUG = Modelled(
    name="plug", address="0x00158d0000000002", maker="innr", model="SP 120",
    attributes={"genOnOff": {"onOff": 0}, "haElectricalMeasurement": {
        "activePower": 42, "rmsCurrent": 180, "rmsVoltage": 231},
        "seMetering": {"currentSummDelivered": 1250, "multiplier": 1, "divisor": 100}})
LOCK = Modelled(
    name="front door", address="0x00158d0000000003", maker="Yale", model="YRD226 TSDB",
    attributes={"closuresDoorLock": {"lockState": 2}, "genPowerCfg": {
        "batteryPercentageRemaining": 180}}, silent=True)
COVER = Modelled(
    name="blind", address="0x00158d0000000004", maker="IKEA of Sweden",
    model="FYRTUR block-out roller blind",
    attributes={"closuresWindowCovering": {"currentPositionLiftPercentage": 0},
                "genPowerCfg": {"batteryPercentageRemaining": 80}})
THERMOSTAT = Modelled(
    name="heater", address="0x00158d0000000005", maker="Plugwise", model="158-01",
    attributes={"hvacThermostat": {"localTemp": 1950, "occupiedHeatingSetpoint": 1900,
                                   "systemMode": 1},
                "genPowerCfg": {"batteryPercentageRemaining": 120}},
    ranges={"occupiedHeatingSetpoint": (0, 3000)})
SENSOR = Modelled(
    name="cellar", address="0x00158d0000000006", maker="eWeLink", model="SNZB-02P",
    attributes={"msTemperatureMeasurement": {"measuredValue": 1234},
                "msRelativeHumidity": {"measuredValue": 5678}, "genPollCtrl": {},
                "genPowerCfg": {"batteryPercentageRemaining": 200}})
DEVICES = (LAMP, PLUG, LOCK, COVER, THERMOSTAT, SENSOR)


def installed() -> Path:
    """The folder of the packages; skips the test, saying why, where npm cannot install them."""
    folder = cache_folder() / "npm" / "-".join(PACKAGES)
    if (folder / "node_modules").is_dir():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm, to install the real zigbee2mqtt")
    partial = folder.with_name(f"{folder.name}.{os.getpid()}")
    partial.mkdir(parents=True)
    (partial / "package.json").write_text('{"private": true}\n')
    try:
        done = subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--loglevel=error", *PACKAGES],
            cwd=partial, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
        node = partial / "node_modules" / ".bin" / "node"
        if done.returncode or not node.exists():
            said = done.stderr.strip().splitlines() or ["it installed no node"]
            pytest.skip(f"npm cannot install {' and '.join(PACKAGES)}: {said[0]}")
        with contextlib.suppress(OSError):  # another process was faster
            partial.rename(folder)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm took more than {_INSTALL_SECONDS} s to install zigbee2mqtt")
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


@contextlib.contextmanager
def zigbee2mqtt(packages: Path, port: int, data: Path,
                groups: Mapping[str, Sequence[Modelled]] | None = None) -> Iterator[None]:
    """It has started, at the broker of the port; its files and its log are in `data`.

    `groups`: friendly name -> members.
    """
    groups = groups or {}
    data.mkdir(parents=True, exist_ok=True)
    configuration = json.dumps(_configuration(port, groups))
    (data / "configuration.yaml").write_text(configuration)  # JSON is YAML
    (data / "database.db").write_text("".join(
        json.dumps(each) + "\n" for each in (_coordinator(), *map(_entry, DEVICES), *(
            _group(number, members) for number, members in enumerate(groups.values(), 1)))))
    (data / "radio.json").write_text(json.dumps({
        each.address: {"network": _network(each), "silent": each.silent, "ranges": each.ranges,
                       "attributes": {"genBasic": {"zclVersion": 3}, **each.attributes}}
        for each in DEVICES}))
    program = packages / "node_modules" / "zigbee2mqtt"
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(data), "ZIGBEE2MQTT_DATA": str(data),
        "IOTCALL_RADIO": str(data / "radio.json"), "Z2M_ONBOARD_NO_SERVER": "1",
        "GIT_DIR": str(data / "none"),  # it builds itself anew within another's repository
    }
    with (data / "log").open("wb") as log:
        running = subprocess.Popen(
            [packages / "node_modules" / ".bin" / "node", "--require", str(_RADIO),
             str(program / "index.js")], cwd=program, env=environment, stdout=log, stderr=log)
        try:
            _when_started(running, data / "log")
            yield
        finally:
            running.terminate()
            try:
                running.wait(20)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait(10)


def _when_started(running: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while "Zigbee2MQTT started!" not in (said := log.read_text(errors="replace")):
        assert running.poll() is None, f"zigbee2mqtt ended: {said}"
        assert time.monotonic() < deadline, f"zigbee2mqtt does not start: {said}"
        time.sleep(0.1)


def _configuration(port: int, groups: Iterable[str]) -> dict[str, Any]:
    return {
        "version": 5,
        "mqtt": {"server": f"mqtt://127.0.0.1:{port}", "base_topic": "zigbee2mqtt"},
        "serial": {"port": "/dev/null", "adapter": "ember"},
        "frontend": {"enabled": False}, "homeassistant": {"enabled": True},
        "availability": {"enabled": True},
        "advanced": {"log_output": ["console"], "log_level": "info", "channel": 11, "pan_id": 6754,
                     "ext_pan_id": [0xDD] * 8, "network_key": list(range(16))},
        "devices": {each.address: {"friendly_name": each.name} for each in DEVICES},
        "groups": {str(number): {"friendly_name": name} for number, name in enumerate(groups, 1)},
    }


def _coordinator() -> dict[str, Any]:
    return {"id": 1, "type": "Coordinator", "ieeeAddr": "0x00124b0000000000", "nwkAddr": 0,
            "manufId": 0, "epList": [1], "endpoints": {"1": _endpoint(49246, [], 0)},
            "interviewCompleted": True, "interviewState": "SUCCESSFUL", "meta": {}}


def _entry(device: Modelled) -> dict[str, Any]:
    endpoint = _endpoint(260, [_CLUSTERS[name] for name in ("genBasic", *device.attributes)], 1)
    endpoint["clusters"] = {  # what is read when it is paired: divisors, what colours it has
        name: {"attributes": attributes} for name, attributes in device.attributes.items()}
    return {"id": 2 + DEVICES.index(device), "type": "Router",
            "ieeeAddr": device.address, "nwkAddr": _network(device), "manufId": 0,
            "manufName": device.maker, "modelId": device.model, "epList": [1],
            "powerSource": "Mains (single phase)", "endpoints": {"1": endpoint},
            "interviewCompleted": True, "interviewState": "SUCCESSFUL",
            "lastSeen": int(time.time() * 1000),
            "meta": {"configured": "0.0.0"}}  # else it reads the lock's state at its first word


def _group(number: int, members: Sequence[Modelled]) -> dict[str, Any]:
    return {"id": 100 + number, "type": "Group", "groupID": number, "meta": {}, "members": [
        {"deviceIeeeAddr": each.address, "endpointID": 1} for each in members]}


def _endpoint(profile: int, clusters: list[int], device: int) -> dict[str, Any]:
    return {"profId": profile, "epId": 1, "devId": device, "inClusterList": clusters,
            "outClusterList": [], "clusters": {}, "binds": [], "configuredReportings": [],
            "meta": {}}


def _network(device: Modelled) -> int:
    return 1000 + DEVICES.index(device)
