"""All commands, and what a person sees when one fails. Leaves out: what the commands do."""

from __future__ import annotations

import io
import os
import signal
import sys
from threading import Timer
from typing import TYPE_CHECKING

import click
import typer

from iotcall import __version__
from iotcall.cli.bench import bench
from iotcall.cli.bundles import bundles
from iotcall.cli.calibrate import calibrate
from iotcall.cli.call import call
from iotcall.cli.demo import demo
from iotcall.cli.distill import distill
from iotcall.cli.eval import eval_
from iotcall.cli.export import export
from iotcall.cli.grammar import grammar
from iotcall.cli.hil import hil
from iotcall.cli.home import home
from iotcall.cli.hub import hub
from iotcall.cli.keys import keys
from iotcall.cli.selftest import selftest
from iotcall.cli.service import service
from iotcall.cli.targets import targets
from iotcall.cli.train import train
from iotcall.errors import IotcallError

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

app = typer.Typer(
    name="iotcall", no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False,
    add_completion=False, context_settings={"help_option_names": ["-h", "--help"]},
    help="Tiny students turn what people say at home into device commands.",
)
_INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 and the signal's number, as shells have it."""
_EXTRAS = {
    "amqtt": "demo",
    "outlines_core": "grammar",
    "peft": "train", "rapidfuzz": "train",
    "accelerate": "train", "num2words": "train", "spellchecker": "train", "torch": "train",
    "transformers": "train",
    "datasketch": "distill", "fsspec": "distill", "openai": "distill", "phonenumbers": "distill",
    "pyarrow": "distill", "stdnum": "distill",
    "labgrid": "hil", "matplotlib": "hil", "pytest": "hil",
    "onnx": "export", "onnx_ir": "export", "optimum": "export",
}
"""Module that only an extra brings -> the extra."""
_AGAIN_SECONDS = 0.1
"""After which a signal that was swallowed is sent again: longer than what swallowed it takes."""

app.command("call")(call)
app.command("bundles")(bundles)
app.command("bench")(bench)
app.command("eval")(eval_)
app.command("calibrate")(calibrate)
app.command("hub")(hub)
app.command("demo")(demo)
app.command("export")(export)
app.command("train")(train)
app.command("targets")(targets)
app.command("selftest")(selftest)
app.add_typer(distill, name="distill")
app.add_typer(grammar, name="grammar")
app.add_typer(hil, name="hil")
app.add_typer(home, name="home")
app.add_typer(keys, name="keys")
app.add_typer(service, name="service")


@app.callback(invoke_without_command=True)
def _root(context: typer.Context, version: bool = typer.Option(
        False, "--version", help="Print the version and exit.")) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit


def main() -> None:
    """Run the command line; a fault is one line on stderr, exit code 2 where the input is bad."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without our signs is no fault
    signal.signal(signal.SIGTERM, _end)
    sys.unraisablehook = _send_again
    try:
        code = app(standalone_mode=False)
        if code == _INTERRUPTED:  # subtle: typer turns Ctrl-C into this exit code
            print("interrupted", file=sys.stderr)
    except IotcallError as error:
        print(f"error: {error}", file=sys.stderr)
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        print(f"error: {error}; this command needs an extra: pip install 'iotcall[{extra}]'",
              file=sys.stderr)
        code = 2
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        code = _INTERRUPTED
    except BrokenPipeError:
        # the reader has gone (| head): not our fault, and nothing more to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 1
    if code == _INTERRUPTED:
        # subtle: Ctrl-C inside an exec (dataclasses, while torch is imported) makes CPython end
        # `python -m` by the signal and not with this code, until the next one has run
        eval("0")
    sys.exit(code)


def _end(number: int, _: object) -> None:
    """End through all context managers, so that no temporary folder stays."""
    sys.exit(128 + number)


def _send_again(lost: UnraisableHookArgs) -> None:
    """Send a signal again whose exception was lost in a destructor or a callback from C."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        number = int(signal.SIGINT)
    elif isinstance(lost.exc_value, SystemExit) and lost.exc_value.code == 128 + signal.SIGTERM:
        number = int(signal.SIGTERM)
    else:
        sys.__unraisablehook__(lost)
        return
    # subtle: not at once, it would be lost in here just the same
    later = Timer(_AGAIN_SECONDS, os.kill, (os.getpid(), number))
    later.daemon = True
    later.start()
