"""A home to try the hub on: broker, simulated devices and a real hub, for as long as one looks."""

from iotcall.demo.broker import RunningBroker, running_broker
from iotcall.demo.script import Line, read_script
from iotcall.demo.stage import Cast, Stage, running_stage

__all__ = [
    "Cast",
    "Line",
    "RunningBroker",
    "Stage",
    "read_script",
    "running_broker",
    "running_stage",
]
