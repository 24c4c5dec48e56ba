"""Bundles on a board: ``versions/N``, and ``current``, a link to the one that serves.

A bundle is verified on the board, every hash of it, before the link is switched; switching is one
rename. Leaves out: running a hub on it (see hub), and how updates come to a board in the field.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import msgspec

from iotcall.hil.shell import BoardError, Shell

CURRENT = "current"
VERSIONS = "versions"


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What ``iotcall bundles --verify`` said of a bundle on the board."""

    fault: str = ""
    """The first, by file; empty: it is whole."""
    name: str = ""
    signed_by: str = ""
    """Id of the key; empty: nobody signed."""
    provider: str = ""
    target: str = ""


class BundleRefused(BoardError):
    """A bundle that is not whole does not become the one that serves."""


class Installation:
    """The bundles of one run, in a folder of the board."""

    def __init__(self, shell: Shell, folder: str) -> None:
        self._shell, self.folder = shell, folder
        self._latest = 0
        shell.check(f"mkdir -p {shlex.quote(f'{folder}/{VERSIONS}')}")

    @property
    def current(self) -> str:
        """Where the bundle that serves is found, on the board."""
        return f"{self.folder}/{CURRENT}"

    def version(self) -> int | None:
        """The one that serves; None: none does yet."""
        found = self._shell.run(f"readlink {shlex.quote(self.current)}").out.strip()
        return int(found.rpartition("/")[2]) if found else None

    def place(self, version: int) -> str:
        """The folder of a version, on the board."""
        return f"{self.folder}/{VERSIONS}/{version}"

    def land(self, bundle: Path) -> int:
        """Put a bundle on the board as the next version, unverified and not serving."""
        self._latest += 1
        partial = f"{self.place(self._latest)}.partial"
        self._shell.put_folder(bundle, partial)
        self._shell.check(f"mv -T {shlex.quote(partial)} {shlex.quote(self.place(self._latest))}")
        return self._latest

    def verify(self, version: int) -> Verified:
        """Every hash and the signature of a version, as the board's own iotcall sees them."""
        answer, said = self._shell.iotcall("bundles", self.place(version), "--verify",
                                           scratch=self.folder, timeout_s=600)
        if not isinstance(answer, list) or len(answer) != 1:
            raise BoardError(f"'iotcall bundles --verify' on the board gave no answer: {said.tail}")
        return _verified(answer[0])

    def switch(self, version: int) -> None:
        """Let a version serve: whoever opens ``current`` finds the old one or this, never neither.
        """
        link, place = f"{self.folder}/.next", f"{VERSIONS}/{version}"
        self._shell.check(f"ln -sfn {shlex.quote(place)} {shlex.quote(link)} && "
                          f"mv -T {shlex.quote(link)} {shlex.quote(self.current)} && sync")

    def install(self, bundle: Path) -> int:
        """Land, verify, switch; the version.

        Raises:
            BundleRefused: it is not whole; what served goes on serving.
        """
        version = self.land(bundle)
        if fault := self.verify(version).fault:
            raise BundleRefused(fault)
        self.switch(version)
        return version

    def remove(self) -> None:
        """Take everything away."""
        self._shell.run(f"rm -rf {shlex.quote(self.folder)}")


def _verified(answer: dict[str, Any]) -> Verified:
    if "error" in answer:
        return Verified(fault=str(answer["error"]))
    return Verified(name=answer["name"], signed_by=answer["signed_by"] or "",
                    provider=answer["provider"], target=answer["target"])
