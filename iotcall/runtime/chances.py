"""How likely each tool is to be the one that is called first. Leaves out: what follows from it.

A tool's name is written before its arguments, so the decisions of any answer show it, whatever
becomes of the arguments: who is sure that something is wanted may well doubt what exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.errors import CallError
from iotcall.formats import Format
from iotcall.grammar.scoring import log_shares
from iotcall.runtime.answers import Decision

_MOST = 512
"""A decision among more tokens than this is not about names."""
_REMEMBERED = 256


class Chances:
    """Of one catalogue in one format; remembers where its decisions lead."""

    def __init__(self, format: Format, catalogue: Catalogue,
                 written: Callable[[Sequence[int]], str]) -> None:
        """`written` makes text of an answer's tokens."""
        self._heads, self._written = heads(format, catalogue), written
        self._known: dict[tuple[tuple[int, ...], bytes], list[str | None]] = {}

    def of(self, decisions: Sequence[Decision], tokens: Sequence[int]
           ) -> tuple[tuple[str, float], ...]:
        """Tools with their P(called first | grammar), as far as the answer's decisions show.

        What lies beside the answer and leads to several tools alike is left out.

        Args:
            tokens: of the answer.
        """
        found: dict[str, float] = {}
        share = 1.0
        for decision in decisions:
            shares = log_shares(decision.logits)
            if shares is None or len(shares) > _MOST:
                break
            chosen, going_on = tokens[decision.after], 0.0
            for token, each, name in zip(decision.allowed.tolist(), np.exp(shares).tolist(),
                                         self._leading(decision, tokens), strict=True):
                if name is not None:
                    found[name] = found.get(name, 0.0) + share * each
                elif token == chosen:
                    going_on = each
            share *= going_on
            if not share:
                break
        return tuple(found.items())

    def _leading(self, decision: Decision, tokens: Sequence[int]) -> list[str | None]:
        """The tool that each allowed token leads to, None where there are several."""
        key = tuple(tokens[:decision.after]), decision.allowed.tobytes()
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = [self._led(self._written([*key[0], token]))
                                for token in decision.allowed.tolist()]
        return self._known[key]

    def _led(self, text: str) -> str | None:
        names = [name for name, head in self._heads.items()
                 if head.startswith(text) or text.startswith(head)]
        return names[0] if len(names) == 1 else None


def heads(format: Format, catalogue: Catalogue) -> dict[str, str]:
    """How an answer begins that calls a tool, to the sign behind its name: none begins another."""
    found = {}
    for tool in catalogue.tools:
        try:
            text = format.render([ToolCall(tool.name)], catalogue)
        except CallError:  # it cannot be written without arguments
            continue
        end = text.index(tool.name) + len(tool.name)
        found[tool.name] = text[:end + 1]
    return found
