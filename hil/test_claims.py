"""Every node runs where the target says. Leaves out: what the nodes compute (numerics)."""

from __future__ import annotations

from iotcall.bundle import Bundle
from iotcall.hil.claims import claims_of, other_options, target_claims
from iotcall.hil.installed import Installation
from iotcall.hil.recorder import Recorder
from iotcall.hil.selftest import run_selftest
from iotcall.hil.shell import Shell
from iotcall.hil.suite import Suite
from iotcall.runtime.board import Board


def test_the_bundle_is_for_what_the_board_has(bundle: Bundle, board: Board, record: Recorder
                                              ) -> None:
    wanted = target_claims(board.target) if board.target else None
    made = bundle.manifest.target
    record.verdict("claims.provider", wanted is None or made.provider == wanted.provider,
                   f"{bundle.name} is exported for {made.name} on {made.provider}"
                   + (f"; the board has {wanted.provider} ({board.target})" if wanted else ""),
                   do=f"export it with --target {board.target}")
    if wanted and made.provider == wanted.provider:
        other = other_options(bundle.layout.provider.options, wanted)
        record.verdict("claims.options", not other,
                       f"{bundle.name} opens {made.provider} with "
                       + ("; ".join(other) if other else "the options") + f" of {board.target}",
                       do=f"export it with --target {board.target}: options say for which chip the "
                          "provider compiles")


def test_no_node_runs_elsewhere_than_the_target_says(
        bundle: Bundle, installed: Installation, shell: Shell, suite: Suite, record: Recorder
) -> None:
    assert suite.claims
    found = run_selftest(shell, installed, turns=suite.claims.turns, timeout_s=suite.step_seconds)
    wanted = target_claims(bundle.manifest.target.name, bundle.manifest.target.provider)
    for claim in claims_of(found.placements, bundle.layout.graphs, wanted):
        record.figure("claims.elsewhere", claim.elsewhere, "count", claim.told, at_most=0,
                      do="nodes outside the NPU cost time and power: read what the provider logs, "
                         "or allow the operator in the target's rules.on_cpu",
                      labels={"graph": claim.graph})
        if wanted.partitions is not None:
            record.figure("claims.partitions", claim.pieces, "count", claim.told,
                          at_most=wanted.partitions,
                          do="each border between pieces costs a copy out of the NPU and back: "
                             "see which operator stands between them",
                          labels={"graph": claim.graph})
