"""Automata that admit valid calls only. The compile side is in `iotcall.grammar.compiler`."""

from iotcall.grammar.automaton import Automaton, AutomatonStats

__all__ = ["Automaton", "AutomatonStats"]
