"""Colours as devices write them, and #rrggbb. Leaves out: what people call them.

Hue in degrees, saturation in percent; brightness is another property and taken as full.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

ColorForm = Literal["", "hex", "hue_saturation", "h_s", "hs_text", "rgb_object", "rgb_list",
                    "rgb_text", "xy_object", "xy_text", "rgbw_object", "rgbw_text",
                    "rgbww_object", "rgbww_text"]
"""hex "#FF8800"; hue_saturation {"hue", "saturation"}; h_s {"h", "s"}; hs_text "30,100"; rgb_object
{"r", "g", "b"}; rgb_list [255, 136, 0]; rgb_text "255,136,0"; xy_object {"x", "y"}; xy_text
"0.6,0.35"; rgbw_object {"r", "g", "b", "w"}; rgbw_text "255,136,0,0"; rgbww_object {"r", "g", "b",
"c", "w"}; rgbww_text "255,136,0,0,0": the whites are cold, then warm.
An object that is read may hold any of these keys: a lamp says what it was told last. A text that is
read may go on, and may say before it what it is: "hsv,30,100,50", "rgb,255,136,0"."""

_TAGS: dict[str, ColorForm] = {"hsv": "hs_text", "rgb": "rgb_text"}
_OWN_KEYS = {"hue_saturation": "hs", "h_s": "hs", "xy_object": "xy"}
"""Form -> the keys that are looked for first; of the others red, green and blue."""
_WHITE_POINT = (0.3227, 0.329)
"""x and y of white, by the same reckoning; black has none of its own."""
_ABSURD = 1e9
"""No part of a colour is as large."""


def encoded(color: str, form: ColorForm) -> Any:
    """A colour #rrggbb in the device's form."""
    red, green, blue = (int(color[at:at + 2], 16) for at in (1, 3, 5))
    hue, saturation = hue_and_saturation(color)
    match form:
        case "hue_saturation":
            return {"hue": hue, "saturation": saturation}
        case "h_s":
            return {"h": hue, "s": saturation}
        case "hs_text":
            return f"{hue},{saturation}"
        case "rgb_object":
            return {"r": red, "g": green, "b": blue}
        case "rgb_list":
            return [red, green, blue]
        case "rgb_text":
            return f"{red},{green},{blue}"
        case "xy_object":
            return dict(zip("xy", _xy(red, green, blue), strict=True))
        case "xy_text":
            return ",".join(map(str, _xy(red, green, blue)))
        case "rgbw_object" | "rgbww_object":
            return dict(zip("rgbw" if form == "rgbw_object" else "rgbcw",
                            _with_white(red, green, blue, form), strict=True))
        case "rgbw_text" | "rgbww_text":
            return ",".join(map(str, _with_white(red, green, blue, form)))
    return color.upper()


def decoded(raw: Any, form: ColorForm) -> str | None:
    """The colour #rrggbb, at full brightness; None for anything that is none."""
    if form in _TAGS.values() and isinstance(raw, str):
        tag, _, rest = raw.partition(",")
        if tag in _TAGS:
            raw, form = rest, _TAGS[tag]
    match form:
        case ("hue_saturation" | "h_s" | "rgb_object" | "xy_object" | "rgbw_object"
              | "rgbww_object"):
            return _of_object(raw, form) if isinstance(raw, dict) else None
        case "hs_text":
            return _of_hs(_numbers(raw)[:2])
        case "rgb_list":
            return _of_rgb(raw) if isinstance(raw, list) else None
        case "rgb_text":
            return _of_rgb(_numbers(raw))
        case "rgbw_text" | "rgbww_text":
            parts = _numbers(raw)
            return _of_rgb(parts, parts[3:4 if form == "rgbw_text" else 5])
        case "xy_text":
            x, y, *_ = *_numbers(raw), None, None
            return _of_xy(x, y)
    text = raw.removeprefix("#") if isinstance(raw, str) else ""
    try:
        return _of_rgb(list(bytes.fromhex(text[:6])))
    except ValueError:
        return None


def hue_and_saturation(color: str) -> tuple[int, int]:
    """Degrees and percent of #rrggbb."""
    red, green, blue = (int(color[at:at + 2], 16) / 255 for at in (1, 3, 5))
    hue, saturation, _ = colorsys.rgb_to_hsv(red, green, blue)
    return round(hue * 360) % 360, round(saturation * 100)


def alike(one: str, other: str) -> bool:
    """Whether a lamp that says one may have been told the other: gamuts and rounding differ."""
    (hue, saturation), (other_hue, other_saturation) = map(hue_and_saturation, (one, other))
    apart = abs(hue - other_hue) % 360
    faint = max(saturation, other_saturation) <= 10
    return abs(saturation - other_saturation) <= 20 and (faint or min(apart, 360 - apart) <= 15)


def _of_object(said: Mapping[str, Any], form: ColorForm) -> str | None:
    """By the form's own keys, or else by those that are there."""
    ways = {
        "rgb": _of_rgb([said.get(key) for key in "rgb"], [said.get(key) for key in "cw"]),
        "xy": _of_xy(said.get("x"), said.get("y")),
        "hs": _of_hs([said.get("h", said.get("hue")), said.get("s", said.get("saturation"))])}
    return ways[_OWN_KEYS.get(form, "rgb")] or next(filter(None, ways.values()), None)


def _of_hs(values: Sequence[Any]) -> str | None:
    if len(values) != 2 or not all(map(_is_number, values)):
        return None
    hue, saturation = float(values[0]), float(values[1])
    if not (-1 <= hue <= 361 and -1 <= saturation <= 101):
        return None
    parts = colorsys.hsv_to_rgb(hue % 360 / 360, min(1, max(0, saturation / 100)), 1.0)
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def _of_rgb(values: Sequence[Any], whites: Iterable[Any] = ()) -> str | None:
    """Of red, green and blue, 0 to 255, with the brighter of the whites mixed in."""
    if len(values) < 3 or not all(map(_is_number, values[:3])):
        return None
    white = max((_within_255(each) for each in whites if _is_number(each)), default=0.0)
    parts = [_within_255(value) + white for value in values[:3]]
    largest = max(parts)
    scale = 255 / largest if largest else 0
    return "#" + "".join(f"{round(part * scale):02x}" for part in parts)


def _with_white(red: int, green: int, blue: int, form: ColorForm) -> tuple[int, ...]:
    """Red, green, blue, then one white or two, which shine what the three have in common: a pale
    colour is as bright as a full one. Two whites are taken for a neutral one together.

    Source: color_rgb_to_rgbw in https://github.com/home-assistant/core/blob/dev/homeassistant/
    util/color.py
    """
    white = min(red, green, blue)
    whites = [white] * (2 if form.startswith("rgbww") else 1)
    parts = (red - white, green - white, blue - white, *whites)
    scale = max(red, green, blue) / (max(parts) or 1)
    return tuple(round(part * scale) for part in parts)


def _xy(red: int, green: int, blue: int) -> tuple[float, float]:
    """CIE 1931 chromaticity; the way back of `_of_xy`, with its source."""
    r, g, b = (_light(part / 255) for part in (red, green, blue))
    x = 0.664511 * r + 0.154324 * g + 0.162028 * b
    y = 0.283881 * r + 0.668433 * g + 0.047685 * b
    z = 0.000088 * r + 0.072310 * g + 0.986039 * b
    whole = x + y + z
    return (round(x / whole, 4), round(y / whole, 4)) if whole else _WHITE_POINT


def _of_xy(x: Any, y: Any) -> str | None:
    """CIE 1931 chromaticity, by the wide-gamut matrix that bridges of lamps reckon with.

    Source: https://developers.meethue.com/develop/application-design-guidance/
    color-conversion-formulas-rgb-to-xy-and-back/
    """
    if not (_is_number(x) and _is_number(y) and 0 <= x <= 1 and 0.001 <= y <= 1):
        return None
    big_x, big_z = x / y, (1 - x - y) / y
    parts = [max(0.0, part) for part in (
        1.656492 * big_x - 0.354851 - 0.255038 * big_z,
        -0.707196 * big_x + 1.655397 + 0.036152 * big_z,
        0.051713 * big_x - 0.121364 + 1.011530 * big_z)]
    largest = max(parts) or 1.0
    return _of_rgb([255 * _gamma(part / largest) for part in parts])


def _gamma(part: float) -> float:
    """Light to sRGB, 0 to 1."""
    return 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055


def _light(part: float) -> float:
    """sRGB to light, 0 to 1."""
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _within_255(value: Any) -> float:
    return min(255.0, max(0.0, float(value)))


def _numbers(raw: Any) -> list[float]:
    try:
        return [float(part) for part in raw.split(",")] if isinstance(raw, str) else []
    except ValueError:
        return []


def _is_number(value: Any) -> bool:
    """subtle: JSON has integers that no float can hold, which math.isfinite raises of."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _ABSURD
