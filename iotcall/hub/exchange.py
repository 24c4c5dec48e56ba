"""What goes between hub and broker, and what may go wrong. Leaves out: how it goes (mqtt)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from iotcall.errors import BrokerError

Version = Literal["5", "3.1.1"]


class VersionRefused(BrokerError):
    """The broker does not speak this version of MQTT: it said so, hung up or fell silent.

    subtle: amqtt 0.12 says so to a bare MQTT 5 CONNECT only; one with a will or with properties
    it misreads, and then neither answers nor hangs up.
    """


class TakenOver(BrokerError):
    """Another client has connected with our client id; MQTT 5 only.

    It has an exit code of its own, so that a supervisor can leave it at that: started again, the
    two would throw each other out for ever.
    """

    exit_code = 3


class Undelivered(BrokerError):
    """The broker did not take a publication: no connection in time, or no permission."""


class NotPermitted(Undelivered):
    """The broker answered that we may not publish there; MQTT 5 only."""


class Unheard(Undelivered):
    """The broker answered that nobody has subscribed to the topic; MQTT 5 only."""


class Subscription(msgspec.Struct, frozen=True, order=True):
    """One topic, or filter with wildcards, to hear."""

    topic: str
    qos: int
    retain_as_published: bool = False
    """MQTT 5: a message that was published retained says so even when it comes live."""


class Arrival(msgspec.Struct, frozen=True):
    """One message the broker sent us."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    """The broker may have sent it before, on this session."""
    mid: int
    """Packet identifier; a redelivery has the same."""
    acknowledge: Callable[[], None]
    """Lets the broker forget it. Does nothing once the connection is over."""
    response_topic: str | None = None
    """MQTT 5: where the sender waits for an answer."""
    correlation: bytes | None = None
    """MQTT 5: what the sender knows its question by."""
