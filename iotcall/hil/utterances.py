"""What the bench says to a hub: the golden utterances of its bundle. Leaves out: what they mean."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from iotcall.bundle import Bundle
from iotcall.errors import InputError
from iotcall.evaluate import read_dialogues
from iotcall.hil.satellite import Asked, Satellite


def utterances_of(bundle: Bundle, *, seed: int) -> list[str]:
    """Each once, in an order of the seed."""
    found = sorted({turn.utterance for dialogue in read_dialogues(bundle.golden_path)
                    for turn in dialogue.turns})
    return [found[place] for place in np.random.default_rng(seed).permutation(len(found))]


def again_and_again(utterances: Sequence[str]) -> Iterator[str]:
    """In order, and from the beginning when they are over, for ever; the caller counts."""
    return itertools.cycle(utterances)


def one_that_commands(satellite: Satellite, utterances: Sequence[str], *, seconds: float) -> str:
    """The first utterance that leads to a command in this home.

    Raises:
        InputError: none does.
    """
    for utterance in utterances:
        if is_done(satellite.ask(utterance, seconds=seconds)):
            return utterance
    raise InputError(f"none of {len(utterances)} golden utterances leads to a command; is the "
                     "suite's home one for this bundle's catalogue?")


def is_done(asked: Asked) -> bool:
    """Whether a command went out and its device did it."""
    return asked.command_ms is not None and asked.turn.outcome == "done"
