"""``iotcall call``: one utterance, one call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iotcall.cli.output import (
    DEFAULT_BOARD,
    DEFAULT_BUNDLE,
    BoardOption,
    BundleOption,
    JsonOption,
    bundle_folder,
    print_json,
)
from iotcall.errors import InputError

if TYPE_CHECKING:
    from iotcall.catalogue import Catalogue, ToolCall
    from iotcall.runtime import Decoding, Turn

_NOTHING_SAID = ("expected something that is said, found nothing; "
                 "try: iotcall call \"kitchen lights on\"")


def call(
    text: Annotated[list[str], typer.Argument(help="What is said; quotes are optional.")],
    bundle: BundleOption = DEFAULT_BUNDLE,
    session: Annotated[Path | None, typer.Option(
        help="A dialogue to continue: JSON, made if missing, updated after the call.")] = None,
    home: Annotated[str | None, typer.Option(
        metavar="FILE|NAME", help="A home, for parameters that take its names.")] = None,
    runner_up: Annotated[bool, typer.Option(
        help="Say too which call is the likeliest after this one; takes a pass or two more.")
    ] = False,
    board: BoardOption = DEFAULT_BOARD,
    json: JsonOption = False,
) -> None:
    """Turn one utterance into a call."""
    from iotcall.bundle import open_bundle
    from iotcall.catalogue import without_surrogates
    from iotcall.devices import load_home
    from iotcall.dialogue.thresholds import own_thresholds, talk_tools
    from iotcall.runtime import RUNNER_UP, Student, decode_weighed
    from iotcall.runtime.board import load_board
    from iotcall.runtime.prompt import UTTERANCE_LENGTH
    from iotcall.shipped import find

    utterance = without_surrogates(" ".join(text).strip())  # bytes that are no UTF-8
    if not utterance:
        raise InputError(_NOTHING_SAID)
    if len(utterance) > UTTERANCE_LENGTH:
        raise InputError(f"the utterance has {len(utterance)} characters, a student reads at most "
                         f"{UTTERANCE_LENGTH}; say it in fewer")
    opened = open_bundle(bundle_folder(bundle))
    history = _Session(session, opened.name, opened.catalogue)
    names = load_home(find("devices/homes", home, ".toml")).names() if home else None
    with Student.open(opened, settings=load_board(board).runtime) as student:
        student.bind_registry(names)
        decoding = decode_weighed(student, history.turns, utterance,
                                  others=RUNNER_UP if runner_up else None)
    if decoding.outcome == "no_text":
        raise InputError(_NOTHING_SAID)
    history.add(utterance, decoding.calls)
    talk = talk_tools(opened)
    accepted = own_thresholds(opened).accept(decoding, talk)
    if json:
        print_json({
            "utterance": utterance, "bundle": opened.name, "outcome": decoding.outcome,
            "calls": [{"name": c.name, "arguments": c.arguments} for c in decoding.calls],
            "confidence": round(decoding.confidence, 4),
            "wish": round(decoding.wish(talk), 4),
            "accepted": accepted, "text": decoding.text,
            "smallest_margin": (round(decoding.smallest_margin, 4)
                                if decoding.decisions else None),
            "grammar_mass": round(decoding.grammar_mass, 4),
            "latency_ms": round(decoding.prefill_ms + decoding.decode_ms, 2),
            "decisions": decoding.decisions, "tokens": decoding.tokens,
            "passes": decoding.passes, "drafted": decoding.drafted,
        } | ({"runner_up": _runner_up(decoding)} if runner_up else {}))
    else:
        typer.echo(_line(decoding))
        if decoding.calls and not accepted:
            typer.echo("below the bundle's threshold: a hub would not act upon it")
    if decoding.outcome != "call":
        raise typer.Exit(1)


def _line(decoding: Decoding) -> str:
    ms = decoding.prefill_ms + decoding.decode_ms
    if decoding.outcome != "call":
        return f"no call: {decoding.outcome.replace('_', ' ')} after {decoding.text!r}"
    calls = "; ".join(map(str, decoding.calls))
    line = (f"{calls}\nconfidence {decoding.confidence:.2f}   {ms:.1f} ms   "
            f"{decoding.decisions} decisions for {decoding.tokens} tokens in "
            f"{decoding.passes} {'pass' if decoding.passes == 1 else 'passes'}")
    for other in decoding.others:
        line += f"\nrunner-up {'; '.join(map(str, other.calls))}   {other.confidence:.2g}"
    return line


def _runner_up(decoding: Decoding) -> dict[str, Any] | None:
    if not decoding.others:
        return None
    found, = decoding.others
    return {"calls": [{"name": c.name, "arguments": c.arguments} for c in found.calls],
            "confidence": round(found.confidence, 6), "passes": decoding.others_passes}


class _Session:
    """The dialogue in a session file; without a file it is empty and not kept."""

    def __init__(self, path: Path | None, bundle: str, catalogue: Catalogue) -> None:
        self._path = path
        self._record: dict[str, Any] = {"bundle": bundle, "turns": []}
        self.turns: list[Turn] = []
        text = _read(path) if path else None
        if path and text is not None:
            self._record, self.turns = _continued(path, text, bundle, catalogue)

    def add(self, utterance: str, calls: tuple[ToolCall, ...]) -> None:
        """Append the turn and write the file, all or nothing."""
        if self._path is None or not calls:
            return
        import json

        self._record["turns"].append({
            "utterance": utterance,
            "calls": [{"name": c.name, "arguments": c.arguments} for c in calls]})
        partial = self._path.with_name(self._path.name + ".partial")
        try:
            partial.write_text(json.dumps(self._record, indent=2) + "\n", encoding="utf-8")
            partial.replace(self._path)
        except OSError as error:
            raise InputError(f"{self._path}: the session cannot be written: {error}") from error


def _read(path: Path) -> str | None:
    """The file's text; None if there is none yet."""
    from iotcall.errors import FileError

    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise FileError(path, "cannot be made: its folder is missing; make it or choose "
                                  "another --session") from None
        return None
    except UnicodeDecodeError as error:
        raise FileError(path, f"is no session file: {error}; choose another --session") from error
    except OSError as error:  # also a folder, where "remove it" would be bad advice
        raise FileError(path, f"cannot be read: {error.strerror}; choose another "
                              "--session") from error


def _continued(path: Path, text: str, bundle: str,
               catalogue: Catalogue) -> tuple[dict[str, Any], list[Turn]]:
    """The record in a session file and its turns."""
    import json

    from iotcall.catalogue import call_from_json, without_surrogates
    from iotcall.errors import CallError, FileError
    from iotcall.runtime import Turn

    turns = []
    try:
        found = without_surrogates(json.loads(text))
        made_with = found["bundle"]
        for turn in found["turns"]:
            calls = tuple(map(call_from_json, turn["calls"]))
            turns.append(Turn(str(turn["utterance"]), calls))
    except (ValueError, RecursionError, KeyError, TypeError, CallError) as error:
        raise FileError(path, f"is no session file: {error!r}; remove it to begin anew, or choose "
                              "another --session") from error
    if made_with != bundle:
        raise FileError(path, f"is a dialogue with the bundle {made_with!r}, not {bundle!r}; "
                              "choose another --session")
    try:
        for past in turns:
            for call in past.calls:
                catalogue.check(call)
    except CallError as error:
        raise FileError(path, f"was made with another catalogue than the bundle's: {error}; "
                              "remove it to begin anew, or choose another --session") from error
    return found, turns
