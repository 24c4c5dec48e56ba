"""The command line: ``iotcall COMMAND``. Imports lazily, so that every command starts fast."""

from iotcall.cli.main import main

__all__ = ["main"]
