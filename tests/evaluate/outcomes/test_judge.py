"""What is counted of what happens in a home; a stand-in for the student writes the calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from iotcall.catalogue import Catalogue, ToolCall, load_catalogue
from iotcall.devices import Home, load_home
from iotcall.dialogue import DialogueSettings, read_dialogue
from iotcall.evaluate.outcomes import HomeFigures, Miss, judge_home, read_outcomes, together
from iotcall.runtime import Decoding, Others, Turn
from iotcall.shipped import shipped

HOME = """
name = "flat"
devices = [
  { name = "kitchen light", room = "kitchen", kind = "light", driver = "zigbee2mqtt", address = "k1", colorful = true },
  { name = "counter strip", room = "kitchen", kind = "light", driver = "zigbee2mqtt", address = "k2" },
  { name = "hall light", room = "hall", kind = "light", driver = "tasmota", address = "h1" },
  { name = "kettle", room = "kitchen", kind = "plug", driver = "tasmota", address = "k3" },
  { name = "front door", room = "hall", kind = "lock", driver = "zigbee2mqtt", address = "h2" },
  { name = "thermostat", room = "hall", kind = "thermostat", driver = "zigbee2mqtt", address = "h3" },
  { name = "blinds", room = "kitchen", kind = "cover", driver = "zigbee2mqtt", address = "k4" },
]
[rooms.kitchen]
[rooms.hall]
[satellites]
kitchen = "kitchen"
default = ""
[scenes]
late_night = [
  { device = "kitchen light", set = { brightness = 10 } },
  { device = "hall light", set = { state = "off" } },
  { device = "blinds", set = { position = 0 } },
]
"""  # noqa: E501
GRAMMAR = shipped("grammars") / "home"

Answers = dict[str, Sequence[ToolCall]]
Judges = Callable[..., HomeFigures]


def call(tool: str, /, **arguments: str) -> ToolCall:
    return ToolCall(tool, arguments)


ON, OFF = call("turn", state="on", target="kitchen light"), call(
    "turn", state="off", target="kitchen light")


class StandIn:
    """Writes the calls that the test has for an utterance."""

    def __init__(self, answers: Answers, confidence: float) -> None:
        self._answers, self._confidence = answers, confidence
        self.histories: list[tuple[str, int]] = []
        """Utterances that it was asked about, and how many turns were before each."""

    def decode(self, history: Sequence[Turn], utterance: str, *,
               others: Others | None) -> Decoding:
        self.histories.append((utterance, len(history)))
        return Decoding(calls=tuple(self._answers[utterance]), text="",
                        confidence=self._confidence, outcome="call", decisions=1, tokens=1,
                        passes=1, prefill_ms=0.0, decode_ms=0.0)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(GRAMMAR)


@pytest.fixture(scope="module")
def settings(catalogue: Catalogue) -> DialogueSettings:
    path = GRAMMAR / "dialogue.toml"
    return read_dialogue(path.read_text(encoding="utf-8"), catalogue, path)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "flat.toml").write_text(HOME)
    return load_home(tmp_path / "flat.toml")


@pytest.fixture
def judges(home: Home, settings: DialogueSettings, catalogue: Catalogue, tmp_path: Path
           ) -> Judges:
    """The figures of a file's text, where the student writes these calls; each utterance has
    some."""
    def judge(text: str, answers: Answers, *, confidence: float = 1.0,
              asked: list[tuple[str, int]] | None = None, **more: Any) -> HomeFigures:
        path = tmp_path / "flat.outcomes"
        path.write_text(text)
        for calls in answers.values():
            for each in calls:
                catalogue.check(each)
        student = StandIn(answers, confidence)
        figures = judge_home(student, home, settings, catalogue, read_outcomes(path, home), **more)
        if asked is not None:
            asked += student.histories
        return figures

    return judge


def exact(figures: HomeFigures) -> bool:
    assert figures.items == 1
    assert (figures.exact == 1) == (not figures.misses)
    return figures.exact == 1


def test_just_what_should_happen_is_right(judges: Judges) -> None:
    assert exact(judges("on => kitchen light: state=on\n", {"on": [ON]}))


@pytest.mark.parametrize("calls", [
    [OFF],
    [call("turn", state="on", target="hall light")],
    [ON, call("turn", state="on", target="hall light")],
    [call("unclear")],
])
def test_anything_else_is_wrong(judges: Judges, calls: list[ToolCall]) -> None:
    figures = judges("on => kitchen light: state=on\n", {"on": calls})
    assert not exact(figures)
    assert figures.quiet == figures.acted == 0


def test_a_part_of_what_should_happen_is_wrong(judges: Judges) -> None:
    said = "on => kitchen light: state=on; counter strip: state=on\n"
    assert not exact(judges(said, {"on": [ON]}))
    assert exact(judges(said, {"on": [ON, call("turn", state="on", target="counter strip")]}))
    assert exact(judges(said, {"on": [call("turn", state="on", target="lights", room="kitchen")]}))


def test_a_device_that_no_answer_touches_is_a_wrong_one(judges: Judges) -> None:
    said = "on => kitchen light: state=on OR counter strip: state=on\n"
    for target, wrong in (("kitchen light", 0), ("counter strip", 0), ("kettle", 1)):
        figures = judges(said, {"on": [call("turn", state="on", target=target)]})
        assert figures.wrong_device == wrong
        assert exact(figures) == (not wrong)
    figures = judges(said, {"on": [OFF]})  # the right device, the wrong thing
    assert (figures.exact, figures.wrong_device) == (0, 0)


def test_acting_where_nothing_should_happen_is_counted(judges: Judges) -> None:
    said = "hm => ?not_recognised\n"
    figures = judges(said, {"hm": [ON]})
    assert (figures.quiet, figures.acted, figures.wrong_device, figures.exact) == (1, 1, 1, 0)
    figures = judges(said, {"hm": [call("unclear")]})
    assert (figures.quiet, figures.acted, figures.wrong_device, figures.exact) == (1, 0, 0, 1)
    figures = judges(said, {"hm": [ON]}, confidence=0.0)
    assert (figures.quiet, figures.acted, figures.wrong_device, figures.exact) == (1, 0, 0, 1)


def test_where_an_alternative_acts_acting_is_no_fault(judges: Judges) -> None:
    figures = judges("hm => ?not_recognised OR kitchen light: state=on\n", {"hm": [ON]})
    assert (figures.quiet, figures.acted, figures.exact) == (0, 0, 1)


def test_a_question_is_no_refusal(judges: Judges) -> None:
    answers = {"unlock": [call("lock", action="unlock", target="front door")]}
    assert exact(judges("unlock => ?question\n", answers))
    assert not exact(judges("unlock => ?refused\n", answers))
    assert not exact(judges("unlock => front door: state=unlocked\n", answers))


def test_a_yes_does_what_was_asked_about(judges: Judges) -> None:
    asked: list[tuple[str, int]] = []
    figures = judges("unlock => ?question\nyes => front door: state=unlocked\n",
                     {"unlock": [call("lock", action="unlock", target="front door")]},
                     asked=asked)
    assert figures.exact == 2
    assert [utterance for utterance, _ in asked] == ["unlock"]  # a yes needs no student


def test_a_no_leaves_it(judges: Judges) -> None:
    figures = judges("unlock => ?question\nno => ?answer OR ?refused OR ?not_recognised\n",
                     {"unlock": [call("lock", action="unlock", target="front door")]})
    assert (figures.quiet, figures.acted) == (2, 0)


def test_an_empty_line_forgets_what_was_said(judges: Judges) -> None:
    answers = {"on": [ON], "off": [call("turn", state="off", ref="it")]}
    asked: list[tuple[str, int]] = []
    figures = judges("on => kitchen light: state=on\noff => kitchen light: state=off\n", answers,
                     asked=asked)
    assert figures.exact == 2
    figures = judges("on => kitchen light: state=on\n\noff => kitchen light: state=off\n", answers,
                     asked=asked)
    assert figures.exact == 1
    assert asked == [("on", 0), ("off", 1), ("on", 0), ("off", 0)]


def test_a_pending_question_is_forgotten_too(judges: Judges) -> None:
    answers = {"unlock": [call("lock", action="unlock", target="front door")],
               "yes": [call("confirm")]}
    figures = judges("unlock => ?question\n\nyes => front door: state=unlocked\n", answers)
    assert figures.exact == 1


def test_devices_stay_as_the_turn_before_left_them(judges: Judges) -> None:
    said = ("20 => kitchen light: brightness=20\n\nmore => kitchen light: brightness=up\n\n"
            "less => kitchen light: brightness=down\n")
    figures = judges(said, {
        "20": [call("set", property="brightness", value="20", target="kitchen light")],
        "more": [call("set", property="brightness", value="30", target="kitchen light")],
        "less": [call("set", property="brightness", value="25", target="kitchen light")]})
    assert figures.exact == 3
    figures = judges(said, {
        "20": [call("set", property="brightness", value="20", target="kitchen light")],
        "more": [call("set", property="brightness", value="10", target="kitchen light")],
        "less": [call("set", property="brightness", value="60", target="kitchen light")]})
    assert figures.exact == 1


def test_brighter_and_dimmer_are_against_what_was_told_before(judges: Judges) -> None:
    for direction, other in (("up", "down"), ("down", "up")):
        answers = {"on": [ON], "so": [call("adjust", property="brightness", direction=direction,
                                           target="kitchen light")]}
        said = "on => kitchen light: state=on\nso => kitchen light: brightness="
        assert judges(f"{said}{direction}\n", answers).exact == 2
        assert judges(f"{said}{other}\n", answers).exact == 1


def test_a_light_that_is_off_gets_brighter_from_nothing(judges: Judges) -> None:
    assert exact(judges("so => kitchen light: brightness=up\n", {"so": [
        call("adjust", property="brightness", direction="up", target="kitchen light")]}))


def test_a_site_is_where_it_is_said(judges: Judges) -> None:
    answers = {"off": [call("turn", state="off", target="lights")]}
    in_kitchen = "kitchen light: state=off; counter strip: state=off\n"
    assert exact(judges(f"@kitchen\noff => {in_kitchen}", answers))
    assert not exact(judges(f"off => {in_kitchen}", answers))


def test_a_scene_is_all_that_it_consists_of(judges: Judges) -> None:
    said = "night => scene late night\n"
    assert exact(judges(said, {"night": [call("scene", name="late night")]}))
    parts = [call("set", property="brightness", value="10", target="kitchen light"),
             call("turn", state="off", target="hall light"),
             call("cover", action="close", target="blinds")]
    assert not exact(judges(said, {"night": parts[:2]}))
    figures = judges(said, {"night": [call("turn", state="on", target="kettle")]})
    assert (figures.exact, figures.wrong_device) == (0, 1)


@pytest.mark.parametrize(("wanted", "made"), [
    ("kitchen light: brightness=30", call("set", property="brightness", value="30",
                                          target="kitchen light")),
    ("kitchen light: state=on, brightness=30", call("set", property="brightness", value="30",
                                                    target="kitchen light")),
    ("kitchen light: color=purple", call("set_color", value="purple", target="kitchen light")),
    ("kitchen light: white=warm", call("set_white", value="warm white", target="kitchen light")),
    ("thermostat: setpoint=21", call("set", property="temperature", value="21",
                                     target="thermostat")),
    ("thermostat: setpoint=up", call("adjust", property="temperature", direction="up",
                                     target="thermostat")),
    ("thermostat: mode=cool", call("set_mode", value="cool", target="thermostat")),
    ("front door: state=locked", call("lock", action="lock", target="front door")),
    ("blinds: state=open", call("cover", action="open", target="blinds")),
    ("blinds: position=40", call("set", property="position", value="40", target="blinds")),
])
def test_settings_are_told_as_people_name_them(
    judges: Judges, wanted: str, made: ToolCall
) -> None:
    assert exact(judges(f"so => {wanted}\n", {"so": [made]}))


@pytest.mark.parametrize(("wanted", "made"), [
    ("kitchen light: brightness=33", call("set", property="brightness", value="30",
                                          target="kitchen light")),
    ("kitchen light: color=green", call("set_color", value="purple", target="kitchen light")),
    ("kitchen light: white=warm", call("set_white", value="cold white", target="kitchen light")),
    ("kitchen light: white=nonsense", call("set_white", value="warm white",
                                           target="kitchen light")),
    ("kitchen light: color=red", call("set_white", value="warm white", target="kitchen light")),
    ("thermostat: setpoint=22", call("set", property="temperature", value="21",
                                     target="thermostat")),
    ("thermostat: mode=heat", call("set_mode", value="cool", target="thermostat")),
    ("blinds: state=closed", call("cover", action="open", target="blinds")),
    ("kitchen light: brightness=bright", call("set", property="brightness", value="30",
                                              target="kitchen light")),
])
def test_other_values_are_others(judges: Judges, wanted: str, made: ToolCall) -> None:
    assert not exact(judges(f"so => {wanted}\n", {"so": [made]}))


def test_what_is_answered_without_a_device_is_an_answer(judges: Judges) -> None:
    assert exact(judges("timer => ?answer\n", {
        "timer": [call("timer", action="start", duration="five minutes")]}))
    assert exact(judges("is it on => ?answer\n", {
        "is it on": [call("query", property="state", target="kettle")]}))


def test_an_answer_beside_a_command_is_told_of(judges: Judges) -> None:
    calls = [ON, call("timer", action="start", duration="five minutes")]
    assert exact(judges("both => kitchen light: state=on; ?answer\n", {"both": calls}))
    assert not exact(judges("both => kitchen light: state=on; ?refused\n", {"both": calls}))


def test_of_several_wishes_one_may_be_refused(judges: Judges) -> None:
    calls = [ON, call("turn", state="on", target="sauna")]
    assert exact(judges("both => kitchen light: state=on; ?refused OR ?question OR ?refused\n",
                        {"both": calls}))


def test_a_miss_tells_where_what_and_how_sure(judges: Judges) -> None:
    figures = judges("# first\nhm => ?not_recognised\n", {"hm": [ON]}, confidence=0.99)
    assert figures.misses == (Miss(
        home="flat", line=2, utterance="hm", calls=(ON,), confidence=0.99,
        happened="kitchen light: state=on"),)


def test_progress_is_told_after_every_turn(judges: Judges) -> None:
    told: list[int] = []
    judges("a => kitchen light: state=on\nb => kitchen light: state=off\n",
           {"a": [ON], "b": [OFF]}, progress=lambda: told.append(1))
    assert len(told) == 2


def test_homes_are_summed_up(judges: Judges) -> None:
    right = judges("a => kitchen light: state=on\n", {"a": [ON]})
    wrong = judges("a => ?not_recognised\n", {"a": [ON]})
    whole = together([right, wrong])
    assert (whole.items, whole.exact, whole.quiet, whole.acted, whole.wrong_device) == (
        2, 1, 1, 1, 1)
    assert whole.exactly_right == 0.5
    assert whole.misses == wrong.misses
    low, high = whole.interval95
    assert 0 < low < 0.5 < high < 1
    assert together([]).exactly_right == 0
