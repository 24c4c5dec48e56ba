"""Passes over a decoder's graph: each states what it requires and ensures, and whether it changed
anything. The order in which a target runs them is in `iotcall.export.graphs.build`."""
