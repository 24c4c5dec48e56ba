"""``iotcall hub``: the daemon between voice topics and devices."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import typer

from iotcall.cli.output import JsonOption, bundle_folder, print_json

if TYPE_CHECKING:
    from iotcall.bundle import Bundle
    from iotcall.hub.config import HubFile
    from iotcall.hub.fallback import Router
    from iotcall.hub.settings import Broker, HubSettings
    from iotcall.runtime import Student


def hub(
    home: Annotated[str | None, typer.Option(
        metavar="FILE|NAME", help="Your home's file, or the name of a shipped one.")] = None,
    config: Annotated[Path | None, typer.Option(
        metavar="FILE", help="Settings, all of them (docs/operations.md); options given here "
                             "override it.")] = None,
    check: Annotated[bool, typer.Option(
        "--check", help="Open everything, try the broker, say what is found, and end.")] = False,
    bundle: Annotated[str | None, typer.Option(
        "--bundle", "-b", metavar="DIR|NAME",
        help="A bundle's folder, or the name of a shipped one (home).")] = None,
    broker: Annotated[str | None, typer.Option(
        "--broker", metavar="URL", envvar="IOTCALL_BROKER",
        help="mqtt://[user:password@]host[:port], or mqtts:// for TLS (mqtt://127.0.0.1:1883). A "
             "password is better kept in the environment than on the command line.")] = None,
    client_id: Annotated[str | None, typer.Option(
        help="Names this hub at the broker, which keeps utterances for it (iotcall-hub; of a "
             "group: GROUP-HOSTNAME).")] = None,
    share: Annotated[str | None, typer.Option(
        metavar="GROUP", help="Be one of several workers that share the utterances: MQTT 5 and a "
                              "--store redis://... (docs/hub.md).")] = None,
    mqtt_version: Annotated[Literal["auto", "5", "3.1.1"] | None, typer.Option(
        help="auto: 5, or 3.1.1 where the broker speaks no 5.")] = None,
    session_expiry_seconds: Annotated[int | None, typer.Option(
        help="How long an utterance waits for a hub or a broker that is away (120).")] = None,
    queue: Annotated[int | None, typer.Option(
        help="Utterances that wait; one more is told that the hub is busy (8).")] = None,
    threads: Annotated[int | None, typer.Option(
        min=1, help="Threads of the student, in place of the board's.")] = None,
    board: Annotated[str | None, typer.Option(
        "--board", metavar="FILE|NAME",
        help="How to use this machine: a file of devices/boards/ (host).")] = None,
    store: Annotated[str | None, typer.Option(
        metavar="FILE|URL", envvar="IOTCALL_STORE",
        help="What is kept over restarts: journal, timers, lists, dialogues. Without it: a file "
             "named after the client id in $XDG_STATE_HOME/iotcall. Of a group: "
             "redis://[:password@]host[:port][/db][?prefix=NAME].")] = None,
    wyoming: Annotated[str | None, typer.Option(
        metavar="URL", help="Listen for Home Assistant's Assist too: tcp://0.0.0.0:10500.")] = None,
    trusted_key: Annotated[list[Path] | None, typer.Option(
        metavar="FILE", envvar="IOTCALL_TRUSTED_KEYS",
        help="A public key; may be repeated. With any, only a bundle that one of them signed is "
             "opened, and every file of it is hashed.")] = None,
    log_level: Annotated[Literal["debug", "info", "warning", "error"] | None, typer.Option(
        help="info")] = None,
    json: JsonOption = False,
) -> None:
    """Turn utterances on voice topics into device commands, until SIGTERM or Ctrl-C."""
    from iotcall.errors import InputError
    from iotcall.hub.config import HubFile, hub_settings, is_server, read_hub_file
    from iotcall.hub.logs import configure_logs
    from iotcall.hub.settings import Broker, HubSettings, check_settings, read_broker

    if config is None and home is None:
        raise InputError("which home? name its file with --home, or a settings file with --config")
    limits: dict[str, object] = {"session_expiry_seconds": session_expiry_seconds, "queue": queue}
    if share and client_id is None and config is None:
        client_id = _worker_id(share)
    known = {"client_id": client_id, "share": share, "mqtt_version": mqtt_version, **limits}
    check_settings(HubSettings(broker=Broker(host=""), **{  # type: ignore[arg-type]
        key: value for key, value in known.items() if value is not None}))
    file = _overlaid(
        read_hub_file(config) if config else HubFile(), {
            "": {"home": home, "bundle": bundle, "board": board, "threads": threads},
            "broker": {"client_id": client_id, "mqtt_version": mqtt_version, "share": share},
            "limits": limits,
            "store": {"path": store and (store if is_server(store)
                                         else str(Path(store).absolute()))},
            "wyoming": {"listen": wyoming},
            "trust": {"keys": tuple(map(str, trusted_key)) if trusted_key else None},
            "log": {"level": log_level, "json": json or None}})
    configure_logs(file.log.level, json=file.log.json)
    if check:
        _check(file, read_broker(broker) if broker else None, json=json)
        return
    settings = hub_settings(file)
    if broker is not None:
        settings = check_settings(msgspec.structs.replace(settings, broker=read_broker(broker)))
    _run(file, settings)


def _worker_id(group: str) -> str:
    """The same after a restart, as the broker keeps for it what it had in hand."""
    import re
    import socket

    return re.sub(r"[^A-Za-z0-9_.-]", "-", f"{group}-{socket.gethostname()}")[:64]


def _overlaid(file: HubFile, given: dict[str, dict[str, object]]) -> HubFile:
    """The settings with what was said on the command line in their place.

    Raises:
        InputError: a value is out of its range.
    """
    from iotcall.errors import InputError
    from iotcall.hub.config import HubFile

    values = msgspec.to_builtins(file)
    for table, options in given.items():
        inner = values[table] if table else values
        inner.update({key: value for key, value in options.items() if value is not None})
    try:
        return msgspec.convert(values, HubFile)
    except msgspec.ValidationError as error:
        raise InputError(f"a setting does not fit: {error}") from error


def _check(file: HubFile, broker: Broker | None, *, json: bool) -> None:
    from iotcall.hub.check import check_hub, is_error

    findings = check_hub(file, broker)
    if json:
        print_json(findings)
    else:
        for found in findings:
            typer.echo(f"{found.level:<8}{found.what}: {found.found}"
                       + (f"; {found.do}" if found.do else ""))
    if is_error(findings):
        raise typer.Exit(2)


def _run(file: HubFile, settings: HubSettings) -> None:
    from iotcall.bundle import open_bundle, read_public_key
    from iotcall.devices import load_home
    from iotcall.dialogue import dialogue_of
    from iotcall.errors import InputError
    from iotcall.hub.audit import AuditLog
    from iotcall.hub.config import is_server, listen_address, store_path
    from iotcall.hub.daemon import run_hub
    from iotcall.runtime import Student
    from iotcall.runtime.board import load_board
    from iotcall.shipped import find
    from iotcall.store import open_store

    known_home = load_home(find("devices/homes", file.home, ".toml"))
    trusted = [read_public_key(Path(path)) for path in file.trust.keys]
    opened = open_bundle(bundle_folder(file.bundle), trusted_keys=trusted or None)
    dialogue = dialogue_of(opened)
    state = store_path(file)
    with contextlib.ExitStack() as stack:
        kept = stack.enter_context(open_store(
            file.store.path if is_server(file.store.path) else state))
        if kept.put_aside:
            typer.echo(f"what was kept is damaged and was put aside: {kept.put_aside}", err=True)
        audit = stack.enter_context(AuditLog(
            Path(file.audit.path), max_bytes=file.audit.max_bytes, keep=file.audit.keep)
        ) if file.audit.path else None
        student = stack.enter_context(Student.open(
            opened, threads=file.threads or None, settings=load_board(file.board).runtime))
        for name in student.bind_registry(known_home.names()):
            raise InputError(f"the student cannot write {name!r}, a name in the home: rename it "
                             "without quotes and control characters")
        run_hub(settings, known_home, opened.catalogue, dialogue, student, kept,
                wyoming=listen_address(file.wyoming.listen),
                router=_router(file, settings.client_id, opened, student, state), audit=audit,
                metrics=listen_address(file.metrics.listen))


def _router(file: HubFile, client_id: str, bundle: Bundle, student: Student, state: Path
            ) -> Router | None:
    """The way to the bigger model, where the owner wants one."""
    from iotcall.hub.fallback import Grounding, open_router

    if not (file.fallback.url or file.fallback.topic):
        return None
    return open_router(file.fallback, Grounding.of(bundle, student.parts, student.tokenizer),
                       environ=os.environ, client_id=client_id,
                       traces=state.with_suffix(".traces.jsonl"))
