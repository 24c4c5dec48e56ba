"""The picture of ``iotcall grammar show``. Leaves out: what is in it (see grammar.drawing)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from iotcall.cli.grammar_source import Source
from iotcall.errors import InputError
from iotcall.grammar.drawing import dot_of

_KINDS = {".svg", ".png", ".pdf", ".dot"}
_TIMEOUT_S = 120


def draw(source: Source, out: Path) -> None:
    """Write the automaton's picture.

    Raises:
        InputError: the kind of picture is not known, or Graphviz is missing or failed.
    """
    if out.suffix not in _KINDS:
        raise InputError(f"{out}: expected a name that ends in {', '.join(sorted(_KINDS))}")

    def text_of(tokens: list[int]) -> str:
        text: str = source.tokenizer.decode(tokens, skip_special_tokens=False)
        return text

    graph = dot_of(source.automaton, text_of, f"{source.catalogue.name} in {source.format.name}")
    if out.suffix == ".dot":
        try:
            out.write_text(graph, encoding="utf-8")
        except OSError as error:
            raise InputError(f"{out} cannot be written: {error.strerror}") from error
        return
    program = shutil.which("dot")
    if program is None:
        raise InputError("Graphviz is not installed ('dot' is missing): apt-get install graphviz, "
                         "or write a .dot file")
    try:
        subprocess.run([program, f"-T{out.suffix[1:]}", "-o", str(out)], input=graph.encode(),
                       check=True, capture_output=True, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise InputError(f"the automaton has {source.automaton.states} states, which Graphviz did "
                         f"not lay out in {_TIMEOUT_S} s; draw a smaller catalogue") from error
    except subprocess.CalledProcessError as error:
        raise InputError(f"Graphviz failed: {error.stderr.decode(errors='replace')[:300]}"
                         ) from error
