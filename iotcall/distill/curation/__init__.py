"""From labelled traces to seeds and splits, without anybody labelling. Leaves out: reading logs."""

from iotcall.distill.curation.folder import (
    LEDGER,
    Curated,
    Judged,
    Wanted,
    check_place,
    write_curated,
)
from iotcall.distill.curation.groups import grouped, plain
from iotcall.distill.curation.judge import Scores, judge_request, scores_of
from iotcall.distill.curation.reading import Read, read_traces
from iotcall.distill.curation.seeds import pick_seeds
from iotcall.distill.curation.splits import Shares, Splits, split, strata

__all__ = [
    "LEDGER",
    "Curated",
    "Judged",
    "Read",
    "Scores",
    "Shares",
    "Splits",
    "Wanted",
    "check_place",
    "grouped",
    "judge_request",
    "pick_seeds",
    "plain",
    "read_traces",
    "scores_of",
    "split",
    "strata",
    "write_curated",
]
