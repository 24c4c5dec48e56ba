"""The trained students of all families in every layout and precision, and what they should say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from iotcall.bundle import Bundle
from tests.lamp import STUDENTS
from tests.runtime.reference import Reference
from tests.runtime.regraph import KINDS, regraphed

BundleOf = Callable[[str, str], Bundle]


@pytest.fixture(scope="session")
def student_of(bundle_of: Callable[[str], Bundle], checkpoint_of: Callable[[str], Path],
               tmp_path_factory: pytest.TempPathFactory) -> BundleOf:
    """A family's trained student by kind (see `KINDS`), its prefix shipped."""
    made: dict[tuple[str, str], Bundle] = {}

    def bundle(family: str, kind: str) -> Bundle:
        if (family, kind) not in made:
            exported = bundle_of(family)
            made[family, kind] = exported if kind == "int8" else regraphed(
                exported, checkpoint_of(family), kind,
                tmp_path_factory.mktemp(f"{family}-{kind}"))
        return made[family, kind]

    return bundle


EVERY = [(family, kind) for family in sorted(STUDENTS) for kind in KINDS]
"""Each family in each layout and precision: for `pytest.mark.parametrize`, indirectly."""


@pytest.fixture(params=[("qwen3", "fp32"), ("lfm2", "int8"), ("gemma3", "int4"),
                        ("lfm2", "static")], ids="-".join)
def bundle(request: pytest.FixtureRequest, student_of: BundleOf) -> Bundle:
    """Each layout and precision, each family among them; or what a test asks for."""
    return student_of(*request.param)


@pytest.fixture(scope="session")
def reference_of() -> Callable[[Bundle], Reference]:
    """What a bundle's student says, asked the plain way; asked once for the whole session."""
    made: dict[Path, Reference] = {}

    def reference(bundle: Bundle) -> Reference:
        if bundle.folder not in made:
            made[bundle.folder] = Reference(bundle)
        return made[bundle.folder]

    return reference


@pytest.fixture
def reference(bundle: Bundle, reference_of: Callable[[Bundle], Reference]) -> Reference:
    return reference_of(bundle)
