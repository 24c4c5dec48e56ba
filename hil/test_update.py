"""A new bundle is taken, a broken one is not. Leaves out: images of the system (RAUC, Mender)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from iotcall.bundle import Bundle
from iotcall.hil.hub import BoardHub
from iotcall.hil.installed import Installation
from iotcall.hil.recorder import Recorder
from iotcall.hil.satellite import Satellite
from iotcall.hil.suite import Suite
from iotcall.hil.update import Updated, update
from iotcall.hil.utterances import one_that_commands, utterances_of
from iotcall.hil.variants import broken, renamed, tampered

ANSWER_S = 120.0


@pytest.fixture(scope="module")
def utterance(bundle: Bundle, hub: BoardHub, satellite: Satellite) -> str:
    return one_that_commands(satellite, utterances_of(bundle, seed=4), seconds=ANSWER_S)


@pytest.fixture
def take(suite: Suite, hub: BoardHub, satellite: Satellite, installed: Installation, utterance: str
         ) -> Callable[[Path], Updated]:
    wanted = suite.update
    assert wanted
    return lambda folder: update(
        installed, hub, satellite, folder, within_s=wanted.health_seconds,
        healthy=lambda: satellite.ask(utterance, seconds=wanted.health_seconds))


def test_a_new_bundle_serves_after_an_update(
        take: Callable[[Path], Updated], bundle: Bundle, installed: Installation, record: Recorder,
        tmp_path: Path) -> None:
    found = take(renamed(bundle, tmp_path / "next", f"{bundle.name}-next"))
    serves = installed.verify(found.version).name if found.version else "none"
    record.verdict("update.taken", found.outcome == "taken" and serves == f"{bundle.name}-next",
                   f"the update was {found.outcome}, {serves} serves{_why(found)}",
                   do="expected it to be taken")


def test_a_tampered_bundle_never_serves(
        take: Callable[[Path], Updated], bundle: Bundle, installed: Installation,
        satellite: Satellite, utterance: str, record: Recorder, tmp_path: Path) -> None:
    before = installed.version()
    found = take(tampered(bundle, tmp_path / "tampered"))
    satellite.ask(utterance, seconds=ANSWER_S)
    record.verdict("update.tampered_refused",
                   found.outcome == "refused" and found.version == before,
                   f"a bundle with one bit altered was {found.outcome}{_why(found)}",
                   do="expected it to be refused: its hashes must be checked before it serves")


def test_a_bundle_that_does_not_work_is_rolled_back(
        take: Callable[[Path], Updated], bundle: Bundle, installed: Installation,
        satellite: Satellite, utterance: str, record: Recorder, tmp_path: Path) -> None:
    before = installed.version()
    found = take(broken(bundle, tmp_path / "broken"))
    satellite.ask(utterance, seconds=ANSWER_S)
    record.verdict("update.rolled_back",
                   found.outcome == "rolled back" and found.version == before,
                   f"a bundle whose graphs do not open was {found.outcome}, and an utterance is "
                   f"answered afterwards{_why(found)}",
                   do="expected it to be rolled back to the one that served")


def _why(found: Updated) -> str:
    return f": {found.why[:200]}" if found.why else ""
