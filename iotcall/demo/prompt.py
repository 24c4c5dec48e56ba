"""What a person sees of a demo, and the prompt they type at. Leaves out: making it happen."""

from __future__ import annotations

import contextlib
import io
import sys

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from iotcall.demo.script import Line, differences
from iotcall.demo.stage import Stage
from iotcall.devices import Value
from iotcall.hub.turn import TurnRecord

HELP = """\
Type what you would say, e.g.: turn on the kitchen lights
  home   the state of every device
  help   this
  quit   leave (Ctrl-D and Ctrl-C too)"""

_STYLES = {"done": "green", "answer": "cyan", "question": "yellow", "unconfirmed": "yellow"}
_LABEL_WIDTH = 8


class Display:
    """Shows turns, to people or as a JSON line each."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._console = Console(stderr=json, highlight=False)

    def say(self, text: str, style: str = "") -> None:
        """A line for people."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    def turn(self, turn: TurnRecord, wrong: list[str] | None = None) -> None:
        """One turn; `wrong` is what a script found different, None where nothing was expected."""
        if self._json:
            record = msgspec.to_builtins(turn)
            if wrong is not None:
                record["differences"] = wrong
            sys.stdout.write(msgspec.json.encode(record).decode() + "\n")
            sys.stdout.flush()
            return
        self._row("heard", turn.utterance, style="bold")
        if turn.confidence is not None:
            calls = "; ".join(map(str, turn.calls)) or "no call"
            self._row("call", f"{calls}   confidence {turn.confidence:.2f}   "
                              f"{turn.latency_ms.decode:.0f} ms")
        for told in turn.commands:
            self._row("sent", f"{told.topic}   {told.payload}")
            self._row("device" if told.verdict in ("confirmed", "accepted") else "silent",
                      f"{told.device}: {_written(told.state)}",
                      style="green" if told.verdict in ("confirmed", "accepted") else "red")
        self._row(turn.outcome, f"{turn.reply}   {turn.latency_ms.total:.0f} ms",
                  style=_STYLES.get(turn.outcome, "red"))
        for difference in wrong or []:
            self._row("WRONG", difference, style="bold red")
        self._console.print()

    def home(self, states: dict[str, dict[str, Value]]) -> None:
        """The state of every device."""
        table = Table("device", "state", box=None, header_style="dim")
        for name, state in sorted(states.items()):
            table.add_row(Text(name), Text(_written(state)))
        self._console.print(table)

    def _row(self, label: str, text: str, style: str = "") -> None:
        row = Text.assemble((f"{label:>{_LABEL_WIDTH}}  ", "dim"), (text, style or "none"))
        self._console.print(row, soft_wrap=True)


def converse(stage: Stage, display: Display) -> None:
    """Read utterances from the terminal (or a pipe) until it ends."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 (gives input() its line editing)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # bytes that are no text become a turn all the same
    if sys.stdin.isatty():
        display.say(HELP, style="dim")
    while True:
        try:
            said = input("> " if sys.stdin.isatty() else "").strip()
        except (EOFError, KeyboardInterrupt):
            display.say("")
            return
        match said.casefold():
            case "":
                continue
            case "quit" | "exit":
                return
            case "help" | "?":
                display.say(HELP, style="dim")
            case "home":
                display.home(stage.states())
            case _:
                display.turn(stage.say(said))


def play(lines: tuple[Line, ...], stage: Stage, display: Display) -> bool:
    """Say every line of a script; whether everything came out as it expects."""
    wrong: list[tuple[Line, list[str]]] = []
    checked = 0
    for line in lines:
        turn = stage.say(line.utterance, line.site)
        found = differences(line, turn.outcome, stage.states())
        display.turn(turn, found)
        checked += len(line.states) + (line.outcome is not None)
        if found:
            wrong.append((line, found))
    display.say(f"{_counted(len(lines), 'utterance')}, {_counted(checked, 'expectation')}, "
                f"{_counted(len(wrong), 'line')} {'differs' if len(wrong) == 1 else 'differ'}",
                style="bold red" if wrong else "bold green")
    for line, found in wrong:
        display.say(f"  line {line.number}: {line.utterance!r}: {'; '.join(found)}", style="red")
    return not wrong


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _written(state: dict[str, Value]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(state.items())) or "unknown"
