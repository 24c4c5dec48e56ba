"""Our own bundles of the compared students, without the comparison with torch that an export makes:
their weights are random, and have nothing to agree on.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from iotcall.bundle import StudentInfo, TargetInfo, open_bundle
from iotcall.bundle import write_bundle as open_writer
from iotcall.catalogue import load_catalogue
from iotcall.export.drafts import Drafts
from iotcall.export.graphs.weights import Weights, weights_hash
from iotcall.export.student.parts import read_parts
from iotcall.export.student.source import open_source
from iotcall.export.target import load_target
from iotcall.runtime import Student
from tests.benchmarks.material import ROOT
from tests.benchmarks.peers.checkpoint import FORMAT_OF, WORK, real_checkpoint

GRAMMAR = ROOT / "grammars" / "smart_home"
_OUTSIDE = 256
"""Tokens asked for beside the grammar's at the first decision, as an export chooses so many."""


def with_draft(family: str, target_name: str, draft: Path) -> Path:
    """The family's bundle with a draft student in it; the large files are links."""
    whole = write_bundle(family, target_name)
    out = whole.with_name(f"{target_name}-drafted")
    if (out / "manifest.json").is_file():
        return out
    known = open_bundle(whole).manifest
    with open_writer(out, name=out.name, catalogue=known.catalogue, student=known.student,
                     target=known.target, made_with={}, replace=True) as folder:
        shutil.copytree(whole, folder, dirs_exist_ok=True, copy_function=os.link,
                        ignore=shutil.ignore_patterns("manifest.json"))
        shutil.copytree(draft, folder / "draft")
    return out


def write_bundle(family: str, target_name: str) -> Path:
    """The family's bundle for a target; made if it is not there."""
    out = WORK / family / target_name
    if (out / "manifest.json").is_file():
        return out
    catalogue, (_, target) = load_catalogue(GRAMMAR), load_target(target_name)

    def progress(step: str, done: int, total: int) -> None:
        print(f"\r{family} {target_name}: {step} {done}/{total}", end="\x1b[K", file=sys.stderr,
              flush=True)

    with open_source(str(real_checkpoint(family)), base=None, revision=None,
                     progress=lambda step: progress(step, 0, 0)) as source, \
            Weights(source.folder) as weights, tempfile.TemporaryDirectory(dir=WORK) as scratch:
        parts = read_parts(source, GRAMMAR, catalogue, target.head, format_name=FORMAT_OF[family],
                           golden=None, calibration=None, progress=lambda step: None)
        student = StudentInfo(architecture=source.architecture, parameters=weights.count(),
                              format=parts.format.name, history_turns=4,
                              checkpoint_sha256=weights_hash(source.folder))
        drafts = Drafts(source, weights, parts, target_name, target, student, Path(scratch),
                        progress)
        drafts.outside = np.arange(1000, 1000 + _OUTSIDE)
        final = drafts.build("final", drafts.layout, final=True)
        with Student.open(drafts.opened(final)) as own:
            own.write_prefixes()
        info = TargetInfo(name=target_name, provider=target.provider.name,
                          precision=target.precision)
        with open_writer(out, name=out.name, catalogue=catalogue.name, student=student,
                         target=info, made_with={}, replace=True) as folder:
            shutil.copytree(final, folder, dirs_exist_ok=True)
    print(file=sys.stderr)
    return out


if __name__ == "__main__":
    for name in sys.argv[2:] or sorted(FORMAT_OF):
        print(write_bundle(name, sys.argv[1]).relative_to(ROOT))
        if sys.argv[1] == "cpu-int4":
            print(with_draft(name, "cpu-int4", ROOT / "bundles" / "smart_home").relative_to(ROOT))
