"""Automata that admit valid calls only. The compile side is in `iotcall.grammar.compiler`."""

from iotcall.grammar.automaton import Automaton, AutomatonStats, SlotInfo
from iotcall.grammar.binding import Binder
from iotcall.grammar.walk import Place, Walk

__all__ = ["Automaton", "AutomatonStats", "Binder", "Place", "SlotInfo", "Walk"]
