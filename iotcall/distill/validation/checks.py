"""What a dialogue must fulfil by itself: valid calls, written and read back, nothing made up.

Leaves out: comparing it with other dialogues (see `iotcall.distill.traces.seen`) and with held-out
ones (see heldout).
"""

from __future__ import annotations

from collections.abc import Sequence

from iotcall.catalogue import Catalogue, ToolCall, equivalent_all
from iotcall.distill.traces.fit import fault_of
from iotcall.distill.traces.rows import LeftOut
from iotcall.distill.validation.grounded import unsaid
from iotcall.errors import CallError
from iotcall.evaluate import Dialogue
from iotcall.formats import Format


def fault(dialogue: Dialogue, catalogue: Catalogue, formats: Sequence[Format]) -> LeftOut | None:
    """Why the dialogue must not be learnt from; None: it may. Details name the turn, from 1."""
    said: list[str] = []
    for number, turn in enumerate(dialogue.turns, start=1):
        said.append(turn.utterance)
        found = _of_turn(turn.utterance, turn.calls, said, catalogue, formats)
        if found:
            return LeftOut(found.reason, f"turn {number}: {found.detail}")
    return None


def _of_turn(utterance: str, calls: tuple[ToolCall, ...], said: Sequence[str],
             catalogue: Catalogue, formats: Sequence[Format]) -> LeftOut | None:
    if not utterance.strip():
        return LeftOut("nothing said", "the utterance is empty")
    if found := fault_of(calls, catalogue):
        return found
    for format in formats:
        for token in format.special_tokens:
            if token in utterance:
                return LeftOut("a format's special token was said", f"{token} of {format.name}")
        if detail := _not_round(calls, catalogue, format):
            return LeftOut(f"does not come back from {format.name}", detail)
    for call in calls:
        if detail := unsaid(call, catalogue, said):
            return LeftOut("grounded value not said", f"{call.name} {detail}")
    return None


def _not_round(calls: tuple[ToolCall, ...], catalogue: Catalogue, format: Format) -> str:
    """What goes wrong where the calls are written and read again; empty: nothing."""
    try:
        text = format.render(calls, catalogue)
    except CallError as error:
        return f"cannot be written: {error}"
    try:
        found = format.parse(text, catalogue)
    except CallError as error:
        return f"{text!r} cannot be read: {error}"
    if not equivalent_all(found, calls):
        return f"{text!r} is read as {'; '.join(map(str, found)) or 'no call'}"
    return ""
