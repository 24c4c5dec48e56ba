"""Execution providers in environments and processes of their own: probing, running, compiling."""
