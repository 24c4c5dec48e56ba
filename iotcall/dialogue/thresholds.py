"""What an answer must have before anything is done for it. Leaves out: finding the thresholds.

Two questions, two figures: whether these calls are what is wanted (confidence), and whether
anything is wanted at all (`Decoding.wish`). Whoever turns to a bank may be sure to want something
of it while the student doubts what; small talk that sounds like a wish is the other way round.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from iotcall.bundle import Bundle
from iotcall.catalogue import Catalogue, ToolCall
from iotcall.dialogue.reading import read_dialogue
from iotcall.dialogue.settings import DialogueSettings
from iotcall.runtime import Decoding

_TALK = frozenset({"intent_unclear", "off_topic", "unclear"})
"""Tools that say of an utterance that it is no command, as shipped catalogues call them."""


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """See `Calibration`; by themselves all pass."""

    fallback_below: float = 0.0
    wish_from: float = 0.0

    def let_pass(self, confidence: float, wish: float = 1.0) -> bool:
        """Whether these are enough for a command; without a wish, for any answer."""
        return confidence >= self.fallback_below and wish >= self.wish_from

    def accept(self, decoding: Decoding, talk: Collection[str]) -> bool:
        """Whether it is a call, sure enough: calls of `talk` command nothing, so that nothing need
        be wanted."""
        wish = decoding.wish(talk) if is_command(decoding.calls, talk) else 1.0
        return (decoding.outcome == "call" and bool(decoding.calls)
                and self.let_pass(decoding.confidence, wish))


def is_command(calls: Sequence[ToolCall], talk: Collection[str]) -> bool:
    """Whether one of the calls would do something."""
    return any(call.name not in talk for call in calls)


def thresholds_of(settings: DialogueSettings) -> Thresholds:
    """What they say."""
    return Thresholds(fallback_below=settings.fallback_below, wish_from=settings.wish_from)


def own_thresholds(bundle: Bundle) -> Thresholds:
    """What a hub goes by: those of a bundle's calibration, or what its dialogue.toml says; all pass
    where it has neither."""
    if made := bundle.calibration:
        return Thresholds(fallback_below=made.fallback_below, wish_from=made.wish_from)
    settings = _settings(bundle)
    return thresholds_of(settings) if settings else Thresholds()


def talk_tools(bundle: Bundle) -> frozenset[str]:
    """Tools of a bundle whose calls command nothing: those that its dialogue.toml answers with a
    question or a refusal, and those that are called as in shipped catalogues."""
    return talk_of(bundle.catalogue, _settings(bundle))


def talk_of(catalogue: Catalogue, settings: DialogueSettings | None) -> frozenset[str]:
    """The same of a catalogue and its dialogue.toml, where it has one."""
    found = _TALK & {tool.name for tool in catalogue.tools}
    return found | settings.unclear.keys() if settings else found


def _settings(bundle: Bundle) -> DialogueSettings | None:
    if bundle.dialogue_toml is None:
        return None
    return read_dialogue(bundle.dialogue_toml, bundle.catalogue, bundle.folder / "dialogue.toml")
