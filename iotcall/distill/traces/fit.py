"""Whether a dialogue's calls are answers of a catalogue. Leaves out: whether they are right."""

from __future__ import annotations

from iotcall.catalogue import Catalogue, ToolCall, misfit
from iotcall.distill.traces.rows import LeftOut
from iotcall.errors import CallError
from iotcall.evaluate import Dialogue, LabelledTurn


def fit(dialogue: Dialogue, catalogue: Catalogue) -> tuple[Dialogue, LeftOut | None]:
    """The dialogue up to the first turn that is no answer of the catalogue, and why not.

    Arguments come in declared order, without nulls that the schema does not know: a value that was
    not said is left out of a call.
    """
    turns: list[LabelledTurn] = []
    for turn in dialogue.turns:
        calls = tuple(_without_nulls(call, catalogue) for call in turn.calls)
        if fault := fault_of(calls, catalogue):
            return Dialogue(tuple(turns), dialogue.home), fault
        turns.append(LabelledTurn(turn.utterance,
                                  tuple(map(catalogue.in_declared_order, calls))))
    return Dialogue(tuple(turns), dialogue.home), None


def fault_of(calls: tuple[ToolCall, ...], catalogue: Catalogue) -> LeftOut | None:
    """Why the calls are no answer; None: they are one."""
    if not calls and not catalogue.may_decline:
        return LeftOut("answered without a call", "the catalogue's tool_choice is required")
    if len(calls) > catalogue.max_calls:
        return LeftOut("too many calls", f"{len(calls)}; the catalogue's max_tool_calls is "
                                         f"{catalogue.max_calls}")
    known = {tool.name for tool in catalogue.tools}
    for call in calls:
        if call.name not in known:
            return LeftOut("unknown tool", repr(call.name)[:80])
        try:
            catalogue.check(call)
        except (CallError, RecursionError, ArithmeticError) as error:
            return LeftOut("invalid arguments", str(error)[:300])
    return None


def _without_nulls(call: ToolCall, catalogue: Catalogue) -> ToolCall:
    tool = next((tool for tool in catalogue.tools if tool.name == call.name), None)
    if tool is None:
        return call
    nodes = {field.name: field.node for field in tool.parameters.fields}
    return ToolCall(call.name, {
        key: value for key, value in call.arguments.items()
        if value is not None or key not in nodes or not misfit(nodes[key], None, "")})
