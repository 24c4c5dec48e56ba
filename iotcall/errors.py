"""Every error of iotcall, in one tree. Leaves out: what is no error ("I did not understand").

    IotcallError                 exit code 1: something failed that was set up rightly
    ├── InputError               exit code 2: what the person gave cannot be used
    │   ├── FileError            a user's file: path, place in it, what is wrong
    │   ├── CatalogueError       tools that cannot be read
    │   │   └── SchemaError      a keyword that cannot be honoured, by name and JSON pointer
    │   ├── CallError            a text or structure that is not a call of the catalogue
    │   ├── BundleError          a bundle that is missing, altered or of another version
    │   ├── ExportError          a checkpoint that cannot be exported
    │   └── LimitError           something longer, or one more, than the hub keeps
    ├── DeviceError              a device that did not do what it was told
    ├── BrokerError              the MQTT broker cannot be reached or refused us
    └── StoreError               what the hub keeps cannot be read or written
        └── StoreFull            there is no room for more; what was kept can still be read

Every message says what was found, what was expected and what to do.
"""

from __future__ import annotations

from pathlib import Path


class IotcallError(Exception):
    """Base of all errors that iotcall raises on purpose."""

    exit_code = 1


class InputError(IotcallError):
    """The person's input cannot be used; nothing was changed."""

    exit_code = 2


class FileError(InputError):
    """A user's file is missing, does not parse or says something we do not know."""

    def __init__(self, path: Path, message: str, *, place: str = "") -> None:
        self.path = path
        self.place = place
        """Table and key, JSON pointer or line: whatever finds the spot; may be empty."""
        self.detail = message
        super().__init__(f"{path}{f' [{place}]' if place else ''}: {message}")


class CatalogueError(InputError):
    """A tool catalogue cannot be read."""


class SchemaError(CatalogueError):
    """A JSON Schema keyword cannot be honoured."""

    def __init__(self, pointer: str, message: str) -> None:
        self.pointer = pointer
        """JSON pointer into the tools array, e.g. ``/0/function/parameters/properties/room``."""
        super().__init__(f"{pointer}: {message}")


class CallError(InputError):
    """A text or structure is not a call of the catalogue."""


class BundleError(InputError):
    """A bundle is missing, altered or of another format version."""


class ExportError(InputError):
    """A checkpoint cannot be exported to the target."""


class LimitError(InputError):
    """Something is longer than the hub keeps, or there is one more of it."""

    def __init__(self, what: str, found: float, limit: float) -> None:
        self.what = what
        """What is bounded and in which unit, e.g. ``timers`` or ``characters of a list's name``."""
        self.found = found
        self.limit = limit
        super().__init__(f"{found:g} {what}; expected at most {limit:g}")


class DeviceError(IotcallError):
    """A device did not do what it was told."""


class BrokerError(IotcallError):
    """The MQTT broker cannot be reached or refused the connection."""


class StoreError(IotcallError):
    """What the hub keeps over restarts cannot be read or written."""


class StoreFull(StoreError):
    """There is no room for more; what was kept before can still be read."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self.path = path
        self.limit_bytes = limit_bytes
        """What the store may grow to, however large its disk is."""
        super().__init__(f"{path}: nothing more can be kept: the disk is full, or the file has "
                         f"reached its {limit_bytes / 2**20:g} MiB; make room, and it goes on")
