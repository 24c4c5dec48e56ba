"""What a perfect student's calls come to in eight homes, against what their people expect."""

from __future__ import annotations

from collections.abc import Sequence

from iotcall.catalogue import Catalogue
from iotcall.devices import load_home
from iotcall.dialogue import DialogueSettings
from iotcall.evaluate.marked import MarkedTurn, read_marked
from iotcall.evaluate.outcomes import judge_home, read_outcomes, together
from iotcall.runtime import Decoding, Others, Turn
from tests.dialogue.house.conftest import GRAMMAR
from tests.hub.stand_in import decoded

HOMES = GRAMMAR / "voices" / "dev_homes"
STILL_WRONG = 5
"""Names misheard so far that nothing here finds them: "the you knee corn light"."""


class Reference:
    """Answers what the labelled dialogues say, in their order."""

    def __init__(self, turns: Sequence[MarkedTurn]) -> None:
        self._left = list(turns)

    def decode(self, history: Sequence[Turn], utterance: str, *,
               others: Others | None) -> Decoding:
        while self._left[0].utterance != utterance:  # the hub has answered it by itself
            self._left.pop(0)
        return decoded(self._left.pop(0).calls, 0.9)


def test_the_resolver_does_what_people_expect_of_right_calls(
    home_catalogue: Catalogue, home_settings: DialogueSettings
) -> None:
    found = []
    for file in sorted(HOMES.glob("*.outcomes")):
        home = load_home(file.with_suffix(".toml"))
        turns = [turn for dialogue in read_marked(file.with_suffix(".said"), home_catalogue)
                 for turn in dialogue]
        found.append(judge_home(Reference(turns), home, home_settings, home_catalogue,
                                read_outcomes(file, home)))
    whole = together(found)
    assert whole.items == 347
    assert len(whole.misses) <= STILL_WRONG, whole.misses
    assert whole.acted == 0
    assert whole.wrong_device == 0
