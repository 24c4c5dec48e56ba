"""When the student is not sure, a bigger model is asked; its answer is checked like the student's.

Leaves out: when it is asked (the worker), and whether a call may be carried out: the gate comes
after every call, whoever made it.
"""

from iotcall.hub.fallback.answer import Reply, checked, read_reply, speakable
from iotcall.hub.fallback.breaker import Breaker
from iotcall.hub.fallback.failure import Failed, Reason
from iotcall.hub.fallback.grounding import Grounding
from iotcall.hub.fallback.http import Transport, http_transport
from iotcall.hub.fallback.mqtt import Answers, OverMqtt, answer_topic
from iotcall.hub.fallback.prompt import request_body
from iotcall.hub.fallback.route import Routed, Router, open_router
from iotcall.hub.fallback.settings import (
    BreakerSettings,
    Endpoint,
    Fallback,
    api_key,
    check_fallback,
    read_endpoint,
)
from iotcall.hub.fallback.traces import Recorder

__all__ = [
    "Answers",
    "Breaker",
    "BreakerSettings",
    "Endpoint",
    "Failed",
    "Fallback",
    "Grounding",
    "OverMqtt",
    "Reason",
    "Recorder",
    "Reply",
    "Routed",
    "Router",
    "Transport",
    "answer_topic",
    "api_key",
    "check_fallback",
    "checked",
    "http_transport",
    "open_router",
    "read_endpoint",
    "read_reply",
    "request_body",
    "speakable",
]
