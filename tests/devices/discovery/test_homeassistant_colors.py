"""Colours of announced lights, in every form that a config can name, there and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.devices.discovery.test_homeassistant import announced, heard, told

_OBJECTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("xy", {"x": 0.601, "y": 0.3837}, {"x": 0.5074, "y": 0.3145}),
    ("rgbw", {"r": 255, "g": 136, "b": 0, "w": 0}, {"r": 223, "g": 0, "b": 0, "w": 255}),
    ("rgbww", {"r": 255, "g": 136, "b": 0, "c": 0, "w": 0},
     {"r": 223, "g": 0, "b": 0, "c": 255, "w": 255})]
"""(mode, orange #ff8800, pink #ff8888)."""


@pytest.mark.parametrize(("mode", "orange", "pink"), _OBJECTS)
def test_a_json_light_is_told_its_own_form_and_says_it(
    mode: str, orange: dict[str, Any], pink: dict[str, Any]
) -> None:
    lamp = announced("light", {"schema": "json", "cmd_t": "c", "stat_t": "s",
                               "supported_color_modes": [mode]})
    for color, form in (("#ff8800", orange), ("#ff8888", pink)):
        ((topic, payload),) = told(lamp, "color", color)
        assert (topic, json.loads(payload)) == ("c", {"state": "ON", "color": form})
        assert heard(lamp, ("s", json.dumps({"color_mode": mode, "color": form}))) == {
            "color": color}
    assert lamp.can("brightness")
    assert lamp.hidden == ()


@pytest.mark.parametrize(("mode", "orange", "pink"), _OBJECTS)
def test_a_light_of_topics_has_one_for_its_form(
    mode: str, orange: dict[str, Any], pink: dict[str, Any]
) -> None:
    lamp = announced("light", {
        "cmd_t": "c", f"{mode}_cmd_t": "c/color", f"{mode}_stat_t": "s/color",
        f"{mode}_val_tpl": "{{ value_json.is }}"})
    for color, form in (("#ff8800", orange), ("#ff8888", pink)):
        text = ",".join(map(str, form.values()))
        assert told(lamp, "color", color) == [("c", "ON"), ("c/color", text)]
        assert heard(lamp, ("s/color", json.dumps({"is": text}))) == {"color": color}
    assert lamp.hidden == ()


def test_red_green_and_blue_are_preferred_to_what_is_more_than_them() -> None:
    lamp = announced("light", {"schema": "json", "cmd_t": "c",
                               "supported_color_modes": ["rgbww", "xy", "rgb", "color_temp"]})
    assert json.loads(told(lamp, "color", "#ff8800")[0][1])["color"] == {
        "r": 255, "g": 136, "b": 0}
    topics = announced("light", {
        "cmd_t": "c", "rgbw_cmd_t": "w", "xy_cmd_t": "x", "rgb_cmd_t": "r"})
    assert told(topics, "color", "#ff8800")[-1] == ("r", "255,136,0")
    assert topics.hidden == ()


def test_an_older_light_says_its_form_by_a_flag() -> None:
    lamp = announced("light", {"schema": "json", "cmd_t": "c", "xy": True})
    assert json.loads(told(lamp, "color", "#0000ff")[0][1])["color"] == {"x": 0.1355, "y": 0.0399}


def test_a_lamp_of_two_forms_is_understood_in_the_one_that_it_says() -> None:
    lamp = announced("light", {"schema": "json", "cmd_t": "c", "stat_t": "s",
                               "supported_color_modes": ["hs", "rgbw"]})
    assert heard(lamp, ("s", '{"color":{"r":223,"g":0,"b":0,"w":255}}')) == {"color": "#ff8888"}
    assert heard(lamp, ("s", '{"color":{"h":120,"s":100}}')) == {"color": "#00ff00"}


@pytest.mark.parametrize("said", [
    "{}", '{"x":0.3}', '{"x":0.3,"y":0}', '{"x":"0.3","y":0.3}', '{"r":1,"g":null,"b":3,"w":4}',
    "[0.3,0.3]", "7", '{"x":1' + "0" * 400 + ',"y":0.3}', '{"r":1' + "0" * 400 + ',"g":1,"b":1}'])
def test_what_is_no_colour_tells_none(said: str) -> None:
    lamp = announced("light", {"schema": "json", "cmd_t": "c", "stat_t": "s",
                               "supported_color_modes": ["xy"]})
    assert heard(lamp, ("s", f'{{"color":{said}}}')) == {}


@pytest.mark.parametrize("stem", ["xy", "rgbw", "rgbww"])
def test_a_template_of_parts_is_refused_by_name(stem: str) -> None:
    lamp = announced("light", {"cmd_t": "c", f"{stem}_cmd_t": "k",
                               f"{stem}_cmd_tpl": "{{ [red, green] | join(';') }}"})
    assert not lamp.can("color")
    assert lamp.hidden == (f"{stem}_command_topic",)


def test_a_white_level_is_named() -> None:
    lamp = announced("light", {"schema": "json", "cmd_t": "c",
                               "supported_color_modes": ["rgbw", "white"]})
    assert lamp.can("color")
    assert lamp.hidden == ("color mode white",)
