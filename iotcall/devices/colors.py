"""Colours as devices write them, and #rrggbb. Leaves out: what people call them.

Hue in degrees, saturation in percent; brightness is another property and taken as full.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from typing import Any, Literal

ColorForm = Literal["", "hex", "hue_saturation", "h_s", "hs_text", "rgb_object", "rgb_list",
                    "rgb_text"]
"""hex "#FF8800"; hue_saturation {"hue", "saturation"}; h_s {"h", "s"}; hs_text "30,100"; rgb_object
{"r", "g", "b"}, which may be said as {"x", "y"}; rgb_list [255, 136, 0]; rgb_text "255,136,0".
A text that is read may go on (with brightness or whites), and may say before it what it is:
"hsv,30,100,50", "rgb,255,136,0"."""

_TAGS: dict[str, ColorForm] = {"hsv": "hs_text", "rgb": "rgb_text"}


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
    return color.upper()


def decoded(raw: Any, form: ColorForm) -> str | None:
    """The colour #rrggbb, at full brightness; None for anything that is none."""
    if form in _TAGS.values() and isinstance(raw, str):
        tag, _, rest = raw.partition(",")
        if tag in _TAGS:
            raw, form = rest, _TAGS[tag]
    match form:
        case "hue_saturation" | "h_s":
            keys = ("hue", "saturation") if form == "hue_saturation" else ("h", "s")
            return _of_hs([raw.get(key) for key in keys]) if isinstance(raw, dict) else None
        case "hs_text":
            return _of_hs(_numbers(raw)[:2])
        case "rgb_object" if isinstance(raw, dict) and "r" not in raw:
            return _of_xy(raw.get("x"), raw.get("y"))
        case "rgb_object":
            return _of_rgb([raw.get(key) for key in "rgb"]) if isinstance(raw, dict) else None
        case "rgb_list":
            return _of_rgb(raw) if isinstance(raw, list) else None
        case "rgb_text":
            return _of_rgb(_numbers(raw))
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


def _of_hs(values: Sequence[Any]) -> str | None:
    if len(values) != 2 or not all(map(_is_number, values)):
        return None
    hue, saturation = float(values[0]), float(values[1])
    if not (-1 <= hue <= 361 and -1 <= saturation <= 101):
        return None
    parts = colorsys.hsv_to_rgb(hue % 360 / 360, min(1, max(0, saturation / 100)), 1.0)
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def _of_rgb(values: Sequence[Any]) -> str | None:
    if len(values) < 3 or not all(map(_is_number, values[:3])):
        return None
    parts = [min(255.0, max(0.0, float(value))) for value in values[:3]]
    largest = max(parts)
    scale = 255 / largest if largest else 0
    return "#" + "".join(f"{round(part * scale):02x}" for part in parts)


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


def _numbers(raw: Any) -> list[float]:
    try:
        return [float(part) for part in raw.split(",")] if isinstance(raw, str) else []
    except ValueError:
        return []


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
