"""Tiny students of every architecture, trained on the lamp catalogue, as fixtures.

Their checkpoints lie in ``tests/students/``; ``make fixtures`` trains them again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from iotcall.bundle import Bundle, open_bundle
from iotcall.catalogue import Catalogue, load_catalogue
from tests import lamp as lamp_files

# Two threads of torch wait for each other longer than a tiny student computes.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What hubs keep over restarts is kept for one run of the tests."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session")
def lamp() -> Catalogue:
    return load_catalogue(lamp_files.FOLDER)


@pytest.fixture(scope="session")
def checkpoint_of() -> Callable[[str], Path]:
    """The trained checkpoint of an architecture, in its family's wire format."""
    return lambda architecture: Path(__file__).parent / "students" / architecture


@pytest.fixture(scope="session")
def bundle_of(checkpoint_of: Callable[[str], Path],
              tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Bundle]:
    """The int8 bundle of an architecture's trained student."""
    made: dict[str, Bundle] = {}

    def bundle(architecture: str) -> Bundle:
        if architecture not in made:
            from iotcall.export.exporter import export_student
            from iotcall.export.target import load_target

            out = tmp_path_factory.mktemp("bundles") / architecture
            export_student(str(checkpoint_of(architecture)), lamp_files.FOLDER,
                           load_catalogue(lamp_files.FOLDER), *load_target("cpu-int8"), out)
            made[architecture] = open_bundle(out)
        return made[architecture]

    return bundle

