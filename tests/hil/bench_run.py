"""A run of the bench on this machine, with a suite of a few lines and perhaps a fault."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from iotcall.hil.bench import run_suite
from iotcall.hil.rows import Row, Run

PLANTED = Path(__file__).with_name("planted.py")


def bench(folder: Path, suite: str, *, fault: str = "none", bundle: str | Path = "smart_home",
          board: str = "", bench: str = "", python: Path = Path(sys.executable),
          others: Sequence[Path] = ()) -> Run:
    """Run a suite of these tables; `board`, `bench`: more lines of the board's file, before its
    tables and in that one; `python`: the interpreter that its iotcall runs in.
    """
    interpreter = folder / "python"
    interpreter.write_text(f'#!/bin/sh\nexec "{python}" "{PLANTED}" {fault} "$@"\n')
    interpreter.chmod(0o755)
    (folder / "board.toml").write_text(
        f'summary = "this machine"\n{board}\n[bench]\nenvironment = "host-x86"\n'
        f'python = "{interpreter}"\nfolder = "{folder}"\n{bench}\n')
    (folder / "suite.toml").write_text(f'summary = "a part"\n{suite}\n')
    return run_suite(suite=str(folder / "suite.toml"), board=str(folder / "board.toml"),
                     bundle=str(bundle), out=folder / "out", others=others, quiet=True)


def row(run: Run, check: str) -> Row:
    """The one row of a check."""
    found = [row for row in run.rows if row.check == check]
    assert len(found) == 1, [row.check for row in run.rows]
    return found[0]
