"""The hub's one settings file, `hub.toml`. Leaves out: whether what it names can be used (check).

`devices/hub.toml` shows every key with its default. An empty text stands for "none" where TOML has
no null; relative paths are relative to the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec

from iotcall.errors import FileError, InputError
from iotcall.hub.fallback.settings import Fallback, check_fallback
from iotcall.hub.logs import LogLevel
from iotcall.hub.settings import HubSettings, MqttVersion, check_settings, read_broker
from iotcall.settings import read_toml
from iotcall.shipped import shipped

CREDENTIALS = {"broker.password_file": "broker_password", "broker.key_file": "broker_key"}
"""Key of the file -> name of the systemd credential that stands in for it, where there is one."""

_SECRET_LIMIT_BYTES = 4096
_ADDRESS = re.compile(r"(?:tcp://)?(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(?P<port>\d{1,5})")

_Seconds = Annotated[float, msgspec.Meta(gt=0, le=600)]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file: an unknown key is refused."""


class BrokerTable(_Table, frozen=True):
    """Where the MQTT broker is and who we are there."""

    url: str = "mqtt://127.0.0.1:1883"
    """`mqtt://host[:port]`, or `mqtts://` for TLS; never with a password."""
    client_id: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_.-]{1,64}$")] = "iotcall-hub"
    """Names this hub at the broker, which keeps utterances for it; one hub, one id."""
    mqtt_version: MqttVersion = "auto"
    """`auto`: 5, or 3.1.1 where the broker speaks no 5."""
    share: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_.-]{0,64}$")] = ""
    """Name of the group of workers that share the utterances (docs/hub.md). Empty: none."""
    ca_file: str = ""
    """PEM; the authorities that may vouch for the broker. Empty: the system's."""
    cert_file: str = ""
    """PEM; the certificate that we show. Empty: none."""
    key_file: str = ""
    """PEM, without a passphrase. Empty: it is in `cert_file`."""
    username: str = ""
    """Empty: none."""
    password_file: str = ""
    """A file that holds the password and nothing else. Empty: none."""
    password_env: str = ""
    """Name of the environment variable that holds the password. Empty: none."""


class LimitsTable(_Table, frozen=True):
    """How much and how long; `HubSettings` says what each one is for."""

    queue: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 8
    """Utterances that wait; one more is told that the hub is busy."""
    text_limit_characters: Annotated[int, msgspec.Meta(ge=1, le=4000)] = 400
    """Longest utterance."""
    session_expiry_seconds: Annotated[int, msgspec.Meta(ge=1, le=86400)] = 120
    """How long an utterance waits for a hub or a broker that is away."""
    acknowledge_seconds: _Seconds = 2.0
    """How long a device may take to say that it did what it was told."""
    command_seconds: _Seconds = 10.0
    """How long the broker may take to take a command."""
    decode_seconds: _Seconds = 10.0
    """How long the student may take over an utterance."""


class StoreTable(_Table, frozen=True):
    """What is kept over restarts: journal, timers, lists, dialogues."""

    path: str = ""
    """Empty: a file named after the client id in the state folder. Or a server that the workers of
    a group share: `redis://host[:port][/db][?prefix=NAME]`, with a password in IOTCALL_STORE."""


class ListenTable(_Table, frozen=True):
    """A service of the hub's own."""

    listen: str = ""
    """`host:port`, e.g. `127.0.0.1:9464` or `[::1]:9464`. Empty: it is not offered."""


class AuditTable(_Table, frozen=True):
    """The record of every utterance, for looking back."""

    path: str = ""
    """Empty: none is written."""
    max_bytes: Annotated[int, msgspec.Meta(ge=4096, le=64 << 20)] = 1 << 20
    """Size at which a new file is begun."""
    keep: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 8
    """Full files that are kept beside the one that is written."""


class TrustTable(_Table, frozen=True):
    """Whose bundles are opened."""

    keys: tuple[str, ...] = ()
    """Public keys; with any, only a bundle that one of them signed is opened."""


class LogTable(_Table, frozen=True):
    """What is said on standard error."""

    level: LogLevel = "info"
    """Only debug logs what people say."""
    json: bool = False
    """An object a line, for machines."""


class HubFile(_Table, frozen=True):
    """A settings file as `read_hub_file` gives it: paths are absolute, or names of shipped ones."""

    home: str = "home.toml"
    """Your home's file, or the name of a shipped one."""
    bundle: str = "home"
    """A bundle's folder, or the name of a shipped one."""
    board: str = "host"
    """How to use this machine: a file, or the name of a shipped one in `devices/boards/`."""
    threads: Annotated[int, msgspec.Meta(ge=0, le=256)] = 0
    """Threads of the student, in place of the board's. 0: the board's."""
    broker: BrokerTable = BrokerTable()
    limits: LimitsTable = LimitsTable()
    store: StoreTable = StoreTable()
    wyoming: ListenTable = ListenTable()
    metrics: ListenTable = ListenTable()
    audit: AuditTable = AuditTable()
    trust: TrustTable = TrustTable()
    fallback: Fallback = Fallback()
    log: LogTable = LogTable()


def read_hub_file(path: Path) -> HubFile:
    """The settings in a file. Nothing that it names is opened, and no password is read.

    Raises:
        FileError: names the table and the key and says what was expected.
    """
    file = read_toml(path, HubFile)
    broker = file.broker
    _check_broker(path, broker)
    for place, listen in (("wyoming", file.wyoming.listen), ("metrics", file.metrics.listen)):
        try:
            listen_address(listen)
        except InputError as error:
            raise FileError(path, str(error), place=f"{place}.listen") from None
    if file.fallback != Fallback():
        try:
            check_fallback(file.fallback)
        except InputError as error:
            raise FileError(path, str(error), place="fallback") from None
    base = path.absolute().parent

    if urlsplit(file.store.path).password is not None:
        raise FileError(path, "holds a password; put the whole address into the environment "
                        "variable IOTCALL_STORE", place="store.path")

    def absolute(given: str) -> str:
        return str(base / Path(given).expanduser()) if given else ""

    def item(folder: str, given: str, suffix: str = "") -> str:
        bare = given and "/" not in given and not given.startswith(".")
        known = bare and (shipped(folder) / f"{given}{suffix}").exists()
        return given if known else absolute(given)

    return msgspec.structs.replace(
        file, home=item("devices/homes", file.home, ".toml"), bundle=item("bundles", file.bundle),
        board=item("devices/boards", file.board, ".toml"),
        broker=msgspec.structs.replace(broker, **{
            name: absolute(getattr(broker, name))
            for name in ("ca_file", "cert_file", "key_file", "password_file")}),
        store=file.store if is_server(file.store.path) else StoreTable(
            path=absolute(file.store.path)),
        audit=msgspec.structs.replace(file.audit, path=absolute(file.audit.path)),
        trust=TrustTable(keys=tuple(map(absolute, file.trust.keys))))


def hub_settings(file: HubFile, environment: Mapping[str, str] = os.environ) -> HubSettings:
    """The daemon's settings; reads the password.

    Where systemd hands us a credential of the name in `CREDENTIALS`, it stands in for the file:
    a service without rights of its own cannot read what only root may
    (https://systemd.io/CREDENTIALS/).

    Raises:
        InputError: the password is not where it was said to be; the message never holds it.
    """
    table, limits = file.broker, file.limits
    broker = msgspec.structs.replace(
        read_broker(table.url), username=table.username or None,
        password=_password(table, environment), ca_file=_path(table.ca_file),
        cert_file=_path(table.cert_file),
        key_file=_path(credential("broker.key_file", table.key_file, environment)))
    return check_settings(HubSettings(
        broker=broker, client_id=table.client_id, mqtt_version=table.mqtt_version,
        share=table.share,
        session_expiry_seconds=limits.session_expiry_seconds, queue=limits.queue,
        text_limit_characters=limits.text_limit_characters,
        acknowledge_seconds=limits.acknowledge_seconds, command_seconds=limits.command_seconds,
        decode_seconds=limits.decode_seconds))


def store_path(file: HubFile, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the hub keeps its state: as the file says, else in systemd's folder, else in ours.

    The last makes the folder; it raises FileError where that fails.
    """
    if file.store.path and not is_server(file.store.path):
        return Path(file.store.path)
    if folder := environment.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(folder) / f"{file.broker.client_id}.db"
    from iotcall.store import state_file

    return state_file(file.broker.client_id)


def is_server(store: str) -> bool:
    """Whether a store's path is the address of a server."""
    return "://" in store


def credential(place: str, given: str, environment: Mapping[str, str] = os.environ) -> str:
    """Path of the file that a key names, or of the systemd credential that stands in for it."""
    folder = environment.get("CREDENTIALS_DIRECTORY", "")
    stand_in = Path(folder) / CREDENTIALS[place]
    return str(stand_in) if given and folder and stand_in.is_file() else given


def listen_address(given: str) -> tuple[str, int] | None:
    """Host and port of `[tcp://]host:port`; None of an empty text. With port 0 the system chooses.

    Raises:
        InputError: it is neither.
    """
    if not given:
        return None
    found = _ADDRESS.fullmatch(given)
    if found is None or int(found["port"]) > 65535:
        raise InputError(f"{given!r} is no address; expected host:port, e.g. 127.0.0.1:9464, or "
                         "nothing")
    return found["host"].strip("[]"), int(found["port"])


def _check_broker(path: Path, broker: BrokerTable) -> None:
    """Raise FileError where the table contradicts itself; its values are never repeated."""
    def refuse(key: str, why: str) -> None:
        raise FileError(path, why, place=f"broker.{key}")

    try:
        address = read_broker(broker.url)
    except InputError as error:
        raise FileError(path, str(error), place="broker.url") from None
    if address.username is not None or address.password is not None:
        refuse("url", "holds a user or a password; put the user into `username` and the password "
               "into a file that `password_file` names")
    for key in ("ca_file", "cert_file", "key_file"):
        if getattr(broker, key) and not address.tls:
            refuse(key, "is for TLS only; expected an url that begins with mqtts://")
    if broker.key_file and not broker.cert_file:
        refuse("key_file", "is the key of a certificate; expected `cert_file` too")
    if broker.password_file and broker.password_env:
        refuse("password_env", "and `password_file` are both given; keep one of them")
    if (broker.password_file or broker.password_env) and not broker.username:
        refuse("username", "is missing; a password needs one")


def _password(table: BrokerTable, environment: Mapping[str, str]) -> str | None:
    if table.password_env:
        if not (found := environment.get(table.password_env)):
            raise InputError(f"the environment variable {table.password_env}, named by "
                             "broker.password_env, is unset or empty")
        return found
    if not table.password_file:
        return None
    path = Path(credential("broker.password_file", table.password_file, environment))
    try:
        with path.open("rb") as opened:
            secret = opened.read(_SECRET_LIMIT_BYTES + 1).rstrip(b"\r\n").decode()
    except OSError as error:
        raise FileError(path, f"cannot be read: {error.strerror}",
                        place="broker.password_file") from None
    except UnicodeDecodeError:
        secret = ""
    if not secret or len(secret) > _SECRET_LIMIT_BYTES or not secret.isprintable():
        raise FileError(path, "holds no password; expected one line of UTF-8, of at most "
                        f"{_SECRET_LIMIT_BYTES} bytes", place="broker.password_file")
    return secret


def _path(given: str) -> Path | None:
    return Path(given) if given else None


def keys_of(kind: Any, prefix: str = "") -> tuple[str, ...]:
    """Every key of a table's struct and of the tables in it, dotted, in order."""
    found: list[str] = []
    for field in msgspec.structs.fields(kind):
        name = f"{prefix}{field.encode_name}"
        inner = field.type
        is_table = isinstance(inner, type) and issubclass(inner, msgspec.Struct)
        found += keys_of(inner, f"{name}.") if is_table else [name]
    return tuple(found)
