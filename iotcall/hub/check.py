"""Whether a hub could start with its settings: everything is opened once, the broker too.

Leaves out: serving. Changes nothing but what opening a store of an older version changes, and
takes nothing from a hub that runs: the broker is asked under another client id.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from iotcall.errors import BrokerError, FileError, IotcallError, StoreError
from iotcall.hub.audit import verify_audit
from iotcall.hub.config import (
    HubFile,
    credential,
    hub_settings,
    is_server,
    listen_address,
    store_path,
)
from iotcall.hub.fallback import Failed, Fallback
from iotcall.hub.fallback.check import ask_once
from iotcall.hub.settings import Broker, HubSettings
from iotcall.hub.visit import BAD_PROTOCOL, Refused, visit

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from iotcall.bundle import Bundle

T = TypeVar("T")
Level = Literal["ok", "warning", "error"]

_LOOPBACK = ("localhost", "127.", "::1")


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    what: str
    """A key of the file, or `broker`."""
    level: Level
    found: str
    do: str = ""
    """What to do about it; empty where nothing is to be done."""


def check_hub(file: HubFile, broker: Broker | None = None) -> list[Finding]:
    """Findings in the order of the file; a hub starts where none is an error.

    `broker` stands in for the file's. The student is loaded, which takes a second and its memory.
    """
    checks: list[tuple[str, Callable[[HubFile], Iterable[Finding]]]] = [
        ("bundle", _student), ("broker", _secrets), ("store.path", _store),
        ("wyoming.listen", lambda file: _listen("wyoming.listen", file.wyoming.listen)),
        ("metrics.listen", lambda file: _listen("metrics.listen", file.metrics.listen)),
        ("audit.path", _audit), ("broker", lambda file: _broker(file, broker)),
        ("fallback", lambda file: _fallback(file, broker)),
    ]
    found: list[Finding] = []
    for what, check in checks:
        try:
            found += check(file)
        except (IotcallError, OSError) as error:
            found.append(Finding(what, "error", str(error), _mend(what)))
    return found


def is_error(findings: Iterable[Finding]) -> bool:
    """Whether a hub would not start: exit code 2."""
    return any(each.level == "error" for each in findings)


def _mend(what: str) -> str:
    return f"mend it, or set `{what}` otherwise"


def _opened(told: list[Finding], what: str, open_it: Callable[[], T], say: Callable[[T], str]
            ) -> T | None:
    """What was opened, if it could be; what there is to say of it is added to `told`."""
    try:
        value = open_it()
    except (IotcallError, OSError) as error:
        told.append(Finding(what, "error", str(error), _mend(what)))
        return None
    told.append(Finding(what, "ok", say(value)))
    return value


def _student(file: HubFile) -> list[Finding]:
    """Home, board, trusted keys, bundle, and the student with the names of the home."""
    from iotcall.bundle import read_public_key
    from iotcall.devices import load_home
    from iotcall.runtime import Student
    from iotcall.runtime.board import load_board
    from iotcall.shipped import find

    told: list[Finding] = []
    home = _opened(
        told, "home", lambda: load_home(find("devices/homes", file.home, ".toml")),
        lambda home: f"{len(home.devices)} devices in {len(home.rooms)} rooms"
        + (", more by discovery" if home.file.discovery.sources else ""))
    board = _opened(told, "board", lambda: load_board(file.board), lambda board: board.summary)
    keys = _opened(
        told, "trust.keys", lambda: [read_public_key(Path(key)) for key in file.trust.keys],
        lambda keys: f"{len(keys)} keys" if keys else
        "no keys: any whole bundle is opened, whoever made it")
    if keys is None:
        return told  # subtle: without keys any bundle would do
    bundle = _opened(told, "bundle", lambda: _bundle(file, keys),
                     lambda bundle: f"{bundle.name} of {bundle.manifest.catalogue}")
    if home is None or board is None or bundle is None:
        return told
    with Student.open(bundle, threads=file.threads or None, settings=board.runtime) as student:
        told += [Finding("home", "error", f"the student cannot write {name!r}, a name in the home",
                         "rename it without quotes and control characters")
                 for name in student.bind_registry(home.names())]
    return told


def _bundle(file: HubFile, keys: list[Ed25519PublicKey]) -> Bundle:
    from iotcall.bundle import open_bundle, verify_bundle
    from iotcall.dialogue import dialogue_of
    from iotcall.shipped import find

    folder = find("bundles", file.bundle)
    verify_bundle(folder, full=True, trusted_keys=keys or None)
    bundle = open_bundle(folder)
    dialogue_of(bundle)
    return bundle


def _secrets(file: HubFile) -> Iterator[Finding]:
    """Whether others may read what only the hub should."""
    table = file.broker
    for what, path in (
            ("broker.password_file", credential("broker.password_file", table.password_file)),
            ("broker.key_file", credential("broker.key_file", table.key_file) or table.cert_file)):
        if path and os.path.exists(path) and stat.S_IMODE(os.stat(path).st_mode) & 0o007:
            yield Finding(what, "warning", f"everybody on this machine may read {path}",
                          f"chmod o= {path}")


def _store(file: HubFile) -> Iterator[Finding]:
    from iotcall.store import open_store
    from iotcall.store.sqlite import Damaged, SqliteBackend

    if is_server(file.store.path):
        open_store(file.store.path).close()
        yield Finding("store.path", "ok", "the server is there and may keep a journal")
        return
    path = store_path(file)
    if not path.exists():
        yield _place("store.path", path)
        return
    try:
        SqliteBackend(path, max_bytes=32 << 20, busy_seconds=0.2).close()
        yield Finding("store.path", "ok", f"{path}, {path.stat().st_size} bytes")
    except Damaged as error:
        yield Finding("store.path", "warning", f"{path} is damaged: {error}",
                      "keep a copy if it matters: the next start puts it aside and begins anew")
    except FileError as error:
        yield Finding("store.path", "error", str(error), "move it away, or name another file")
    except StoreError as error:
        yield Finding("store.path", "warning", str(error), "nothing, if a hub runs with this file")


def _audit(file: HubFile) -> Iterator[Finding]:
    if not file.audit.path:
        yield Finding("audit.path", "ok", "no audit is kept")
        return
    path = Path(file.audit.path)
    if not path.exists():
        yield _place("audit.path", path)
        return
    report = verify_audit(path)
    if not report.faults:
        yield Finding("audit.path", "ok", f"{report.records} records in {report.files} files, "
                      "whole and unaltered")
    for fault in report.faults[:5]:
        yield Finding("audit.path", "warning", str(fault),
                      "find out who changed it; the hub goes on writing")


def _place(what: str, path: Path) -> Finding:
    """Whether a new file can be made there."""
    folder = path.parent
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return Finding(what, "ok", f"{path} will be made")
    why = "may not be written to" if folder.is_dir() else "is no folder"
    return Finding(what, "error", f"{folder} {why}",
                   f"make it writable for user {os.geteuid()}, or name another place")


def _listen(what: str, given: str) -> Iterator[Finding]:
    address = listen_address(given)
    if address is None:
        return
    host, port = address
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        yield Finding(what, "warning", f"{given} cannot be listened at: {error.strerror or error}",
                      "nothing, if a hub runs with this address; else name another")
        return
    if host.startswith(_LOOPBACK):
        yield Finding(what, "ok", given)
    else:
        yield Finding(what, "warning", f"{given} can be reached from other machines, without a "
                      "password", "listen at 127.0.0.1, or let a firewall say who may")


def _broker(file: HubFile, instead: Broker | None) -> Iterator[Finding]:
    settings = _hub_settings(file, instead)
    broker = settings.broker
    if not broker.tls and not broker.host.startswith(_LOOPBACK):
        yield Finding("broker.url", "warning", f"{broker} is another machine and speaks no TLS: "
                      "utterances, commands and the password are readable on the way",
                      "use mqtts:// (docs/operations.md)")
    wanted = settings.mqtt_version
    refusal = _refusal(settings, five=wanted != "3.1.1")
    version = "3.1.1" if wanted == "3.1.1" else "5"
    if refusal == BAD_PROTOCOL and wanted == "auto":
        refusal, version = _refusal(settings, five=False), "3.1.1"
    if refusal:
        yield Finding("broker", "error", f"{broker} refused us: {refusal}",
                      "check username and password, and the broker's access list")
    else:
        yield Finding("broker", "ok", f"{broker} lets us in, MQTT {version}"
                      + (", TLS" if broker.tls else ""))


def _fallback(file: HubFile, instead: Broker | None) -> Iterator[Finding]:
    """Whether the bigger model answers: it is asked one question, as a hub would ask it."""
    settings = file.fallback
    if settings == Fallback():
        return
    what = "fallback.topic" if settings.topic else "fallback.url"
    try:
        catalogue, hub = _bundle(file, []).catalogue, _hub_settings(file, instead)
    except IotcallError:
        return  # that is told already
    try:
        found = ask_once(settings, catalogue, hub, os.environ)
    except BrokerError:
        yield Finding(what, "warning", "was not asked: the broker is not there, or refused us",
                      "see `broker`")
        return
    if isinstance(found, Failed):
        yield Finding(what, "warning", f"did not answer ({found.reason}): {found.detail}",
                      "start who answers there; a hub starts without, and leaves what its student "
                      "is not sure of not understood")
    else:
        yield Finding(what, "ok", found)


def _hub_settings(file: HubFile, instead: Broker | None) -> HubSettings:
    settings = hub_settings(file)
    return settings if instead is None else msgspec.structs.replace(settings, broker=instead)


def _refusal(settings: HubSettings, *, five: bool) -> str:
    """Connect and disconnect; the broker's own words where it refuses, empty where it does not.

    Raises:
        BrokerError: it cannot be reached.
    """
    try:
        with visit(settings, "5" if five else "3.1.1"):
            return ""
    except Refused as refused:
        return str(refused)
