"""The daemon between voice topics and devices: nothing that was said is lost or done twice."""

from iotcall.hub.daemon import run_hub
from iotcall.hub.settings import Broker, HubSettings, check_settings, read_broker
from iotcall.hub.turn import CommandRecord, LatencyRecord, Outcome, TurnRecord, read_turn
from iotcall.hub.understanding import Understander

__all__ = [
    "Broker",
    "CommandRecord",
    "HubSettings",
    "LatencyRecord",
    "Outcome",
    "TurnRecord",
    "Understander",
    "check_settings",
    "read_broker",
    "read_turn",
    "run_hub",
]
