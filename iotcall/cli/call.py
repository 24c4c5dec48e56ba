"""``iotcall call``: one utterance, one call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iotcall.cli.output import DEFAULT_BUNDLE, BundleOption, JsonOption, bundle_folder, print_json
from iotcall.errors import InputError

if TYPE_CHECKING:
    from iotcall.catalogue import ToolCall
    from iotcall.runtime import Decoding


def call(
    text: Annotated[list[str], typer.Argument(help="What is said; quotes are optional.")],
    bundle: BundleOption = DEFAULT_BUNDLE,
    session: Annotated[Path | None, typer.Option(
        help="A dialogue to continue: JSON, made if missing, updated after the call.")] = None,
    json: JsonOption = False,
) -> None:
    """Turn one utterance into a call."""
    from iotcall.bundle import open_bundle
    from iotcall.runtime import Student

    utterance = " ".join(text).strip()
    if not utterance:
        raise InputError("expected something that is said, found nothing; "
                         "try: iotcall call \"kitchen lights on\"")
    opened = open_bundle(bundle_folder(bundle))
    history = _Session(session, opened.name)
    with Student.open(opened) as student:
        decoding = student.decode(history.turns, utterance)
    history.add(utterance, decoding.calls)
    if json:
        print_json({
            "utterance": utterance, "bundle": opened.name, "outcome": decoding.outcome,
            "calls": [{"name": c.name, "arguments": c.arguments} for c in decoding.calls],
            "confidence": round(decoding.confidence, 4), "text": decoding.text,
            "latency_ms": round(decoding.prefill_ms + decoding.decode_ms, 2),
            "decisions": decoding.decisions, "tokens": decoding.tokens,
            "passes": decoding.passes,
        })
    else:
        typer.echo(_line(decoding))
    if decoding.outcome != "call":
        raise typer.Exit(1)


def _line(decoding: Decoding) -> str:
    ms = decoding.prefill_ms + decoding.decode_ms
    if decoding.outcome != "call":
        return f"no call: {decoding.outcome.replace('_', ' ')} after {decoding.text!r}"
    calls = "; ".join(map(str, decoding.calls))
    return (f"{calls}\nconfidence {decoding.confidence:.2f}   {ms:.1f} ms   "
            f"{decoding.decisions} decisions for {decoding.tokens} tokens")


class _Session:
    """The dialogue in a session file; without a file it is empty and not kept."""

    def __init__(self, path: Path | None, bundle: str) -> None:
        from iotcall.catalogue import call_from_json
        from iotcall.errors import CallError, FileError
        from iotcall.runtime import Turn

        self._path = path
        self._record: dict[str, Any] = {"bundle": bundle, "turns": []}
        self.turns: list[Turn] = []
        if path is None or not path.exists():
            return
        import json

        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["bundle"] != bundle:
                raise FileError(path, f"is a dialogue with the bundle {found['bundle']!r}, not "
                                      f"{bundle!r}; choose another --session")
            for turn in found["turns"]:
                calls = tuple(map(call_from_json, turn["calls"]))
                self.turns.append(Turn(str(turn["utterance"]), calls))
        except (OSError, ValueError, KeyError, TypeError, CallError) as error:
            if isinstance(error, FileError):
                raise
            raise FileError(path, f"is no session file: {error!r}; remove it to begin "
                                  "anew") from error
        self._record = found

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
