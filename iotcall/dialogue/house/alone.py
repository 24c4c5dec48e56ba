"""Utterances that are a scene's name, or a complaint, and nothing else: "good night", "I'm cold".

What these mean the home knows better than a student does. Leaves out: everything that is longer.
"""

from __future__ import annotations

from collections.abc import Sequence

from iotcall.catalogue import ToolCall
from iotcall.devices import Home
from iotcall.dialogue.house.settings import House
from iotcall.dialogue.settings import DialogueSettings
from iotcall.dialogue.words import has_any, meant, without, words

Words = tuple[str, ...]
_PERSONS = frozenset({("i'm",), ("im",), ("we're",), ("i", "am"), ("we", "are")})
_SURE = 0.9
"""Confidence from which a student is believed that it is no wish."""
_NO_WISH = frozenset({"off_topic", "unclear"})


class Alone:
    """For one home."""

    def __init__(self, home: Home, house: House, settings: DialogueSettings) -> None:
        self._scenes = [words(name.replace("_", " ")) for name in home.scenes]
        self._house, self._settings = house, settings

    def calls(self, utterance: str, answer: Sequence[ToolCall], confidence: float,
              slips: Sequence[tuple[str, str]] = ()) -> tuple[ToolCall, ...]:
        """What the utterance means; empty: it is neither.

        Args:
            answer, confidence: the student's; what it says of the devices of a complaint is kept,
                and an answer of which it is sure that it means something else.
            slips: of the finger, spelt right.
        """
        said = meant(words(utterance), slips)
        scene = self._scene(said)
        if scene:
            return ToolCall("scene", {"name": scene}),
        return () if "?" in utterance else self._complaint(said, answer, confidence)

    def _scene(self, said: Words) -> str:
        """The scene that was named, and nothing but words that may stand beside it."""
        beside = (*self._settings.polite, *self._settings.fillers, *self._house.scene_words)
        for spoken in self._scenes:
            name = " ".join(spoken)
            if spoken and has_any(said, [name]) and not without(without(said, [name]), beside):
                return name
        return ""

    def _complaint(self, said: Words, answer: Sequence[ToolCall], confidence: float
                   ) -> tuple[ToolCall, ...]:
        """"It's too bright" wants less of it, whatever was more wanted before."""
        complaints, beside = self._house.complaints, self._house.complaint_words
        found = {tuple(wants) for what, wants in complaints.items() if has_any(said, [what])}
        if len(found) != 1 or without(said, (*complaints, *beside, *self._settings.polite)):
            return ()
        (property_, direction), = found
        # subtle: a light may be too cold; whoever is cold does not speak of it, nor of another room
        is_ones_own = said[:1] in _PERSONS or said[:2] in _PERSONS
        if len(answer) == 1 and answer[0].name == "adjust" and (
                answer[0].arguments.get("property") == property_):
            kept = {key: value for key, value in answer[0].arguments.items()
                    if key != "room" or not is_ones_own}
            return ToolCall("adjust", {**kept, "direction": direction}),
        is_doubtful = confidence < self._settings.fallback_below or (
            confidence < _SURE and all(call.name in _NO_WISH for call in answer))
        if not is_doubtful and not (is_ones_own and [call.name for call in answer] == ["adjust"]):
            return ()
        return ToolCall("adjust", {"property": property_, "direction": direction}),
