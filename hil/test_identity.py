"""What is on the board is what was sent. Leaves out: whether it is any good."""

from __future__ import annotations

from pathlib import Path

from iotcall.bundle.manifest import MANIFEST, file_entry, read_manifest
from iotcall.hil.plugin import Landed
from iotcall.hil.recorder import Recorder
from iotcall.hil.shell import Shell
from iotcall.hil.suite import Suite
from iotcall.hil.versions import versions_on
from iotcall.runtime.board import Board


def test_every_file_of_the_bundle_is_what_its_manifest_says(landed: Landed, record: Recorder
                                                            ) -> None:
    fault = landed.verified.fault
    record.verdict("identity.hashes", not fault,
                   fault or f"{landed.verified.name}: every hash holds on the board",
                   do="nothing of it runs on the board")


def test_the_manifest_is_the_one_that_was_sent(landed: Landed, bundle_folder: Path, shell: Shell,
                                               record: Recorder) -> None:
    place = f"{landed.installation.place(landed.version)}/{MANIFEST}"
    found = shell.check(f"sha256sum {place}").split()[0]
    expected = file_entry(bundle_folder / MANIFEST).sha256
    record.verdict("identity.manifest", found == expected,
                   f"SHA-256 {found[:16]}... on the board"
                   + ("" if found == expected else f"; expected {expected[:16]}..."),
                   do="something between bench and board alters files")


def test_it_is_signed_by_whom_the_suite_trusts(landed: Landed, suite: Suite, record: Recorder
                                               ) -> None:
    assert suite.identity
    trusted, signer = suite.identity.trusted_keys, landed.verified.signed_by
    record.verdict("identity.signature", not trusted or signer in trusted,
                   f"signed by {signer or 'nobody'}"
                   + (f"; expected {' or '.join(trusted)}" if trusted else ""),
                   do="sign it with 'iotcall keys sign'")


def test_the_board_is_what_its_file_says(shell: Shell, board: Board, record: Recorder) -> None:
    found = versions_on(shell)
    record.verdict("identity.machine", board.machine in ("", found["machine"]),
                   f"{found['board']}, {found['machine']}; the file says {board.machine or 'any'}",
                   do="choose the board's own file, so that figures are said of what they are of")
    cores = int(found["cores"])
    record.verdict("identity.cores", not board.cores or cores == board.cores,
                   f"{cores} cores; the file says {board.cores or 'nothing'}",
                   do="mend the board's file")
    megabytes = int(found["memory_bytes"]) / 2**20
    record.verdict("identity.memory",
                   not board.memory_megabytes or megabytes <= 1.02 * board.memory_megabytes,
                   f"{megabytes:.0f} MiB; the file says {board.memory_megabytes or 'nothing'}",
                   do="mend the board's file: figures of a larger board flatter it")


def test_the_board_runs_the_version_that_the_bench_is_of(shell: Shell, bundle_folder: Path,
                                                         record: Recorder) -> None:
    found = versions_on(shell)
    ours, theirs = found["bench.iotcall"], found.get("iotcall", "none")
    record.verdict("identity.iotcall", ours == theirs,
                   f"iotcall {theirs} on the board, {ours} here",
                   do="install the same on both")
    made = read_manifest(bundle_folder).made_with.get("onnxruntime", "unknown")
    runs = found.get("onnxruntime", "unknown")
    record.report("identity.onnxruntime", f"onnxruntime {runs} on the board; the bundle was made "
                                          f"with {made}")
