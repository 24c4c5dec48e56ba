"""``iotcall hub``: the daemon between voice topics and devices."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from iotcall.cli.output import (
    DEFAULT_BOARD,
    DEFAULT_BUNDLE,
    BoardOption,
    BundleOption,
    JsonOption,
    bundle_folder,
)

if TYPE_CHECKING:
    from iotcall.bundle import Bundle
    from iotcall.hub.fallback import Router
    from iotcall.runtime import Student


def hub(
    home: Annotated[str, typer.Option(
        metavar="FILE|NAME", help="Your home's file, or the name of a shipped one.")],
    bundle: BundleOption = DEFAULT_BUNDLE,
    broker: Annotated[str, typer.Option(
        "--broker", metavar="URL", envvar="IOTCALL_BROKER",
        help="mqtt://[user:password@]host[:port], or mqtts:// for TLS. A password is better kept "
             "in the environment than on the command line.")] = "mqtt://127.0.0.1:1883",
    client_id: Annotated[str, typer.Option(
        help="Names this hub at the broker, which keeps utterances for it.")] = "iotcall-hub",
    mqtt_version: Annotated[Literal["auto", "5", "3.1.1"], typer.Option(
        help="auto: 5, or 3.1.1 where the broker speaks no 5.")] = "auto",
    session_expiry_seconds: Annotated[int, typer.Option(
        help="How long an utterance waits for a hub or a broker that is away.")] = 120,
    queue: Annotated[int, typer.Option(
        help="Utterances that wait; one more is told that the hub is busy.")] = 8,
    threads: Annotated[int | None, typer.Option(
        min=1, help="Threads of the student, in place of the board's.")] = None,
    board: BoardOption = DEFAULT_BOARD,
    store: Annotated[Path | None, typer.Option(
        metavar="FILE", envvar="IOTCALL_STORE",
        help="What is kept over restarts: journal, timers, lists, dialogues. Without it: a file "
             "named after the client id in $XDG_STATE_HOME/iotcall.")] = None,
    wyoming: Annotated[str | None, typer.Option(
        metavar="URL", help="Listen for Home Assistant's Assist too: tcp://0.0.0.0:10500.")] = None,
    fallback: Annotated[Path | None, typer.Option(
        metavar="FILE", help="Whom to ask when the student is not sure: a TOML file.")] = None,
    trusted_key: Annotated[list[Path] | None, typer.Option(
        metavar="FILE", envvar="IOTCALL_TRUSTED_KEYS",
        help="A public key; may be repeated. With any, only a bundle that one of them signed is "
             "opened, and every file of it is hashed.")] = None,
    log_level: Annotated[Literal["debug", "info", "warning", "error"], typer.Option(
        help="Only debug logs what people say.")] = "info",
    json: JsonOption = False,
) -> None:
    """Turn utterances on Hermes voice topics into device commands, until SIGTERM or Ctrl-C."""
    from iotcall.bundle import open_bundle, read_public_key
    from iotcall.devices import load_home
    from iotcall.dialogue import read_dialogue
    from iotcall.errors import InputError
    from iotcall.hub.daemon import run_hub
    from iotcall.hub.logs import configure_logs
    from iotcall.hub.settings import HubSettings, check_settings, read_broker
    from iotcall.hub.wyoming import read_address
    from iotcall.runtime import Student
    from iotcall.runtime.board import load_board
    from iotcall.shipped import find
    from iotcall.store import open_store, state_file

    configure_logs(log_level, json=json)
    settings = check_settings(HubSettings(
        broker=read_broker(broker), client_id=client_id, mqtt_version=mqtt_version,
        session_expiry_seconds=session_expiry_seconds, queue=queue))
    known_home = load_home(find("devices/homes", home, ".toml"))
    trusted = [read_public_key(path) for path in trusted_key or ()]
    opened = open_bundle(bundle_folder(bundle), trusted_keys=trusted or None)
    if opened.dialogue_toml is None:
        raise InputError(f"the bundle {opened.name!r} has no dialogue.toml: it makes calls, but "
                         "says nothing of devices; export it from a catalogue that has one")
    dialogue = read_dialogue(opened.dialogue_toml, opened.catalogue,
                             opened.folder / "dialogue.toml")
    tuning = load_board(board).runtime
    with open_store(store or state_file(client_id)) as kept, \
            Student.open(opened, threads=threads, settings=tuning) as student:
        if kept.put_aside:
            typer.echo(f"what was kept is damaged and was put aside: {kept.put_aside}", err=True)
        for name in student.bind_registry(known_home.names()):
            raise InputError(f"the student cannot write {name!r}, a name in the home: rename it "
                             "without quotes and control characters")
        run_hub(settings, known_home, opened.catalogue, dialogue, student, kept,
                wyoming=read_address(wyoming) if wyoming else None,
                router=_router(fallback, opened, student, state_file(client_id)))


def _router(file: Path | None, bundle: Bundle, student: Student, state: Path) -> Router | None:
    """The way to the bigger model, where the owner wants one."""
    if file is None:
        return None
    from iotcall.hub.fallback import Fallback, Grounding, open_router
    from iotcall.settings import read_toml

    return open_router(
        read_toml(file, Fallback), Grounding.of(bundle, student.parts, student.tokenizer),
        environ=os.environ, traces=state.with_suffix(".traces.jsonl"))
