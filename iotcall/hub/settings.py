"""What a hub is started with. Leaves out: home and bundle, which the caller opens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

import msgspec

from iotcall.errors import InputError

MqttVersion = Literal["auto", "5", "3.1.1"]

_REFUSED_AT_ONCE = 248  # beside the utterances that wait; each costs some hundred bytes
_CLIENT_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """Where the MQTT broker is and how we log in."""

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = None
    tls: bool = False
    ca_file: Path | None = None
    """PEM; the authorities that may vouch for the broker, and no others. None: the system's."""
    cert_file: Path | None = None
    """PEM; the certificate that we show, where the broker asks for one."""
    key_file: Path | None = None
    """PEM, without a passphrase; None: it is in `cert_file`."""

    def __str__(self) -> str:
        """For messages and logs: never holds the password."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"

    def __repr__(self) -> str:
        """As `__str__`: whoever logs a struct that holds a broker tells no password."""
        return f"<Broker {self}>"


class HubSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Every knob of the daemon; the defaults are what `iotcall hub` uses."""

    broker: Broker
    client_id: str = "iotcall-hub"
    """Names our session at the broker and our status topic; one hub, one id."""
    share: str = ""
    """Name of the group of workers that share the utterances; empty: we hear all of them."""
    mqtt_version: MqttVersion = "auto"
    """`auto` speaks MQTT 5 and falls back to 3.1.1 with a broker that does not."""
    session_expiry_seconds: int = 120
    """How long an utterance stays worth doing while the hub or the broker is away."""
    queue: int = 8
    """Utterances that wait while one is in hand; one more is answered "busy"."""
    text_limit_characters: int = 400
    """Longest utterance."""
    payload_limit_bytes: int = 16384
    """Longest voice message."""
    acknowledge_seconds: float = 2.0
    """A device that has not reported by then is "unconfirmed"; silent ones are asked before."""
    command_seconds: float = 10.0
    """A command that the broker has not taken by then is given up: late commands are ghosts."""
    decode_seconds: float = 10.0
    """Longest time the student may take over an utterance."""
    connect_seconds: float = 5.0
    """Longest time for each step of a connection."""

    @property
    def asked_as(self) -> str:
        """The name in the topics on which we are asked: the whole group's, in a group."""
        return self.share or self.client_id

    @property
    def stop_seconds(self) -> float:
        """Longest time to finish the utterance in hand when told to stop."""
        return self.decode_seconds + self.command_seconds + self.acknowledge_seconds + 1.0

    @property
    def receive_maximum(self) -> int:
        """Unacknowledged messages the broker may send: all that are queued, and those to refuse.

        subtle: acknowledgements go in order, so one that was told "busy" at once counts until the
        utterances before it are done. With few of them the rest would wait at the broker, which
        drops them in silence when its own queue is full (mosquitto: max_queued_messages, 1000).
        """
        return self.queue + _REFUSED_AT_ONCE


def read_broker(url: str) -> Broker:
    """The broker of ``mqtt[s]://[user[:password]@]host[:port]``; percent-escapes are resolved.

    Raises:
        InputError: shows the expected form; never repeats the URL, which may hold a password.
    """
    expected = "expected mqtt://[user:password@]host[:port] or mqtts://..."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InputError(f"the broker's address is unreadable; {expected}") from error
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise InputError(f"the broker's address has no mqtt:// or no host; {expected}")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise InputError(f"the broker's address has something after the port; {expected}")
    tls = parts.scheme == "mqtts"
    return Broker(
        host=parts.hostname,
        port=port or (8883 if tls else 1883),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=tls,
    )


def check_settings(settings: HubSettings) -> HubSettings:
    """The settings as they are.

    Raises:
        InputError: a value is out of its range.
    """
    if not _CLIENT_ID.fullmatch(settings.client_id):
        raise InputError(f"the client id {settings.client_id!r} is a part of topics; expected 1 "
                         "to 64 letters, digits, `_`, `.` or `-`")
    if settings.share and not _CLIENT_ID.fullmatch(settings.share):
        raise InputError(f"the group {settings.share!r} is a part of topics; expected 1 to 64 "
                         "letters, digits, `_`, `.` or `-`")
    if settings.share and settings.mqtt_version == "3.1.1":
        raise InputError("shared subscriptions are MQTT 5, and --mqtt-version is 3.1.1: drop one "
                         "of --share and --mqtt-version")
    if not 1 <= settings.queue <= 1000:
        raise InputError(f"the queue holds 1 to 1000 utterances, found {settings.queue}")
    if not 1 <= settings.session_expiry_seconds <= 86400:
        raise InputError("the session expiry is 1 to 86400 seconds, found "
                         f"{settings.session_expiry_seconds}")
    return settings
