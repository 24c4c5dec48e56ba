"""What an answer must have before anything is done for it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from iotcall.bundle import Bundle, Calibration, open_bundle
from iotcall.catalogue import ToolCall
from iotcall.devices import DeviceStates, load_home
from iotcall.dialogue import Conversation, dialogue_of
from iotcall.dialogue.thresholds import (
    Thresholds,
    is_command,
    own_thresholds,
    talk_tools,
    thresholds_of,
)
from iotcall.runtime.answers import Decoding, unanswered
from iotcall.shipped import shipped

ON, TALK = ToolCall("lamp", {"state": "on"}), ToolCall("intent_unclear")


def decoding(*calls: ToolCall, confidence: float = 1.0, talk: float = 0.0) -> Decoding:
    return msgspec.structs.replace(
        unanswered("no_text"), outcome="call", calls=calls, confidence=confidence,
        tools=(("lamp", 1.0 - talk), ("intent_unclear", talk)))


def test_tools_that_command_nothing_are_those_the_dialogue_answers_itself(
    bundle_of: Callable[[str], Bundle]
) -> None:
    assert talk_tools(open_bundle(shipped("bundles") / "smart_home")) == {"intent_unclear"}
    assert talk_tools(bundle_of("qwen3")) == frozenset()


def test_of_several_calls_one_that_does_something_is_a_command() -> None:
    assert is_command((TALK, ON), {"intent_unclear"})
    assert not is_command((TALK,), {"intent_unclear"})
    assert not is_command((), {"intent_unclear"})


@pytest.mark.parametrize(("answer", "expected"), [
    (decoding(ON, confidence=0.6, talk=0.1), True),
    (decoding(ON, confidence=0.4, talk=0.1), False),
    (decoding(ON, confidence=0.6, talk=0.3), False),  # sure of what, not of whether
    (decoding(TALK, confidence=0.6, talk=0.7), True),  # nothing need be wanted for a question back
    (decoding(TALK, confidence=0.4, talk=0.7), False),
    (decoding(), False),
    (unanswered("too_slow"), False),
])
def test_a_command_must_be_wanted_and_understood(answer: Decoding, expected: bool) -> None:
    asked = Thresholds(fallback_below=0.5, wish_from=0.8)
    assert asked.accept(answer, {"intent_unclear"}) == expected


@pytest.mark.parametrize("name", ["smart_home", "home"])
def test_the_hub_knows_the_same_talk_as_the_calibration(name: str) -> None:
    opened = open_bundle(shipped("bundles") / name)
    settings = msgspec.structs.replace(dialogue_of(opened), wish_from=0.9)
    home = load_home(shipped("devices/homes") / "family.toml")
    conversation = Conversation(home, DeviceStates(home), settings, opened.catalogue)
    talk, = talk_tools(opened) & {"intent_unclear", "off_topic"}
    command = next(tool.name for tool in opened.catalogue.tools
                   if tool.name not in talk_tools(opened))
    for share, understood in ((0.05, True), (0.5, False)):
        told = msgspec.structs.replace(decoding(ToolCall(command)),
                                       tools=((talk, share), (command, 1.0 - share)))
        assert conversation.is_understood(told) == understood
        assert thresholds_of(settings).accept(told, talk_tools(opened)) == understood


def test_a_bundles_calibration_stands_in_place_of_its_dialogue(
    bundle_of: Callable[[str], Bundle]
) -> None:
    starter = open_bundle(shipped("bundles") / "smart_home")
    bare = msgspec.structs.replace(starter, calibration=None)
    assert own_thresholds(bare) == Thresholds(fallback_below=0.5)
    made = Calibration(fallback_below=0.4, wish_from=0.9, risk=0.02, doubt=0.1, proven=True,
                       items=600, accepted=3, wrong=3, method="by hand", data_sha256=())
    assert own_thresholds(msgspec.structs.replace(starter, calibration=made)) == Thresholds(
        fallback_below=0.4, wish_from=0.9)
    assert own_thresholds(bundle_of("qwen3")) == Thresholds()
