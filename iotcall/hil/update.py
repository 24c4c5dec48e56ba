"""Take a new bundle into service on a board, or go back. Leaves out: where bundles come from.

Landed, verified, switched, and then tried: a hub on it must come up and answer. One that does not
is switched back, and the hub goes on with what it had.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from iotcall.errors import IotcallError
from iotcall.hil.installed import BundleRefused, Installation
from iotcall.hil.satellite import Satellite


class Restarted(Protocol):
    """A hub that can be started anew: a process of the bench's, or a service."""

    def start(self, satellite: Satellite, *, within_s: float) -> None:
        """Until it is online, or raise a BoardError."""

    def stop(self) -> None:
        """In good order."""


class Updated(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an update."""

    outcome: str
    """``taken``, ``refused`` (not whole: it never served) or ``rolled back`` (it did not work)."""
    why: str = ""
    version: int | None
    """That serves now."""


def update(installed: Installation, hub: Restarted, satellite: Satellite, bundle: Path, *,
           healthy: Callable[[], object], within_s: float) -> Updated:
    """Try a bundle in place of the one that serves; `healthy` raises where it does not.

    Raises:
        BoardError: it was rolled back, and the old one does not work any more.
    """
    before = installed.version()
    try:
        installed.install(bundle)
    except BundleRefused as error:
        return Updated(outcome="refused", why=str(error), version=installed.version())
    try:
        _restart(hub, satellite, within_s)
        healthy()
    except IotcallError as error:
        assert before is not None
        installed.switch(before)
        _restart(hub, satellite, within_s)
        return Updated(outcome="rolled back", why=str(error), version=installed.version())
    return Updated(outcome="taken", version=installed.version())


def _restart(hub: Restarted, satellite: Satellite, within_s: float) -> None:
    hub.stop()
    hub.start(satellite, within_s=within_s)
