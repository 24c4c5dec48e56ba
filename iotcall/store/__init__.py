"""What the hub keeps over restarts: a journal of commands, timers, lists and sessions."""

from iotcall.store.backend import Backend
from iotcall.store.clocks import Clocks
from iotcall.store.journal import AlreadyBegun, Entry, Intended, Journal, Step, Verdict
from iotcall.store.lists import Added, Lists, Removed
from iotcall.store.notes import Notes
from iotcall.store.sessions import KeptSession, Sessions
from iotcall.store.sharing import LeaseLost, Sharing
from iotcall.store.store import Store, StoreSettings, open_store, state_file
from iotcall.store.timers import Cancelled, Due, Timer, Timers

__all__ = [
    "Added",
    "AlreadyBegun",
    "Backend",
    "Cancelled",
    "Clocks",
    "Due",
    "Entry",
    "Intended",
    "Journal",
    "KeptSession",
    "LeaseLost",
    "Lists",
    "Notes",
    "Removed",
    "Sessions",
    "Sharing",
    "Step",
    "Store",
    "StoreSettings",
    "Timer",
    "Timers",
    "Verdict",
    "open_store",
    "state_file",
]
