"""The thresholds of a bundle: ``calibration.json``. Leaves out: finding it (see evaluate).

It is a file under the manifest like any other, so that its hash, and a signature, cover it: who may
change the thresholds of a signed bundle is who may sign it.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from iotcall.errors import BundleError

CALIBRATION = "calibration.json"


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Stands in place of what ``dialogue.toml`` says of confidence."""

    fallback_below: float
    """Confidence, 0..1, under which a call counts as not understood."""
    wish_from: float = 0.0
    """P(something is wanted at all), 0..1, under which it does too: `Decoding.wish`."""
    risk: float
    """Highest share that was asked for: of wrong calls among the accepted ones (fallback_below), or
    of ordinary talk that becomes a command (wish_from); `method` says which. The other threshold
    is what the bundle had before."""
    doubt: float
    """Chance that the risk is higher all the same."""
    proven: bool
    """Whether the items were enough to say so; else it is only what these items had."""
    items: int
    """That it rests on: labelled items, or utterances of ordinary talk."""
    accepted: int
    """Of those; talk that was taken for a command."""
    wrong: int
    """Of the accepted ones; of talk all of them."""
    method: str
    data_sha256: tuple[str, ...]
    """Of each file of items."""

    def encode(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def read_calibration(path: Path) -> Calibration:
    """The file's.

    Raises:
        BundleError: it does not fit.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Calibration)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleError(f"{path}: is no calibration: {error}; run 'iotcall calibrate' again"
                          ) from error
    for key in ("fallback_below", "wish_from"):
        if not 0 <= getattr(found, key) <= 1:
            raise BundleError(f"{path}: expected {key} from 0 to 1, found {getattr(found, key)}; "
                              "run 'iotcall calibrate' again")
    return found
