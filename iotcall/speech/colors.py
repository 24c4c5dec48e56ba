"""What people call colours and whites: #rrggbb at full brightness, kelvin, and the names back.

Leaves out: how bright ("dark red" is a deep red here, to be dimmed by whoever tells the lamp);
black and greys are no light.
"""

from __future__ import annotations

import colorsys
import math
import re
from collections.abc import Mapping, Sequence

from iotcall.speech.color_names import ALIASES, BASES, NAMES, PLAIN
from iotcall.speech.values import LONGEST, heard, number

COOLEST_K, WARMEST_K = 10000, 1000
"""What white may be told, the same as `devices.properties` has."""

_HEX = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)
_SAME = 0.02
"""Distance on the disc of hue and saturation below which a lamp shows what it was told."""
_ISH = {
    "red": "reddish", "orange": "orangish orangey orangy", "yellow": "yellowish yellowy",
    "green": "greenish greeny", "blue": "bluish blueish bluey", "purple": "purplish purply",
    "pink": "pinkish pinky", "violet": "violetish", "brown": "brownish browny",
    "white": "whitish milky"}
_TOWARDS = {word: (name, 1 / 3) for name, all_words in _ISH.items() for word in all_words.split()}
_TOWARDS |= {"warm": ("dark orange", 0.2), "warmer": ("dark orange", 0.2), "cool": ("azure", 0.2),
             "cold": ("azure", 0.2), "icy": ("ice blue", 0.4)}
_SATURATION = {  # factor on what is there (below 1) or on what is missing to a full colour
    **dict.fromkeys(("light", "soft", "gentle", "lighter"), (0.6, 1.0)),
    **dict.fromkeys(("pale", "pastel", "baby", "powdery", "faint", "washed", "dusty"), (0.4, 1.0)),
    **dict.fromkeys(("dark", "deep", "rich", "darker", "strong", "intense", "royal", "midnight"),
                    (1.0, 0.3)),
    **dict.fromkeys(("bright", "vivid", "neon", "hot", "electric", "vibrant", "fluorescent",
                     "saturated"), (1.0, 0.0))}
_VERY = frozenset({"very", "really", "super", "extra", "so"})
_SAYS_NOTHING = frozenset({
    "color", "colour", "colored", "coloured", "colors", "colours", "light", "lights", "glow",
    "shade", "hue", "tone", "tint", "tinted", "pure", "plain", "true", "solid", "normal", "proper",
    "regular", "medium", "nice", "a", "an", "the", "kind", "sort", "of", "some", "and", "full"})

_WHITES = {
    "candle light": 1900, "extra warm white": 2200, "warm white": 2700, "neutral white": 4000,
    "cool white": 5000, "cold white": 5700, "daylight": 6500, "ice white": 8000,
}
"""Kelvin. Lamps are sold as warm (2700), neutral (4000) and cool (5000 and more) white; daylight is
that of CIE's illuminant D65, a candle 1900 (https://en.wikipedia.org/wiki/Color_temperature)."""
_WHITE_WORDS = {
    1900: "candle light, candle, candles, candlelight, candlelit, firelight, fire light, fireplace",
    2200: "extra warm, very warm, really warm, super warm, ultra warm, warmest, cosy, cozy, "
          "vintage, edison, amber white, sunset white, golden white, relaxing",
    2700: "warm, soft, incandescent, tungsten, yellowish white, yellow white, warmish, evening",
    3000: "halogen",
    4000: "neutral, natural, plain, pure, normal, medium, regular, standard, moonlight",
    5000: "cool, bright white, fluorescent, clear white, crisp, office, coolish",
    5700: "cold, very cool, extra cool, really cool, coldish, clinical, sterile",
    6500: "daylight, day white, day light, sunlight, noon, midday, bluish white, blue white, "
          "very cold, extra cold, really cold, coolest, coldest",
    8000: "ice, icy, ice cold, arctic, glacier, overcast",
}
_KELVIN_OF = {words: kelvin for kelvin, all_words in _WHITE_WORDS.items()
              for words in all_words.split(", ")}
_WHITE_NOUNS = frozenset({"white", "whites", "light", "lights", "tone", "glow", "shade", "bulb",
                          "color", "colour", "temperature"})
_BEFORE_KELVIN = frozenset({"a", "an", "some", "white", "temperature", "color", "colour", "of"})


def color(text: str) -> str | None:
    """#rrggbb of a colour's name, with modifiers ("pale", "bluish"), or of two ("blue green").

    One of its three parts is always ff. None for what names no colour.
    """
    if len(text) > LONGEST:
        return None
    if _HEX.fullmatch(text.strip()):
        return _full(text.strip()[1:].lower())
    said = heard(text)
    if not said:
        return None
    return _named(said) or _composed([word for word in said if word not in _SAYS_NOTHING
                                      or word == "light"])


def color_name(color: str) -> str:
    """The name of #rrggbb at whatever brightness: the one it was told by, else the nearest plain
    one ("blue"). Empty where it is no colour.
    """
    if not _HEX.fullmatch(color) or not (full := _full(color[1:].lower())):
        return ""
    point = _point(full)
    if full in _NAME_OF:
        return _NAME_OF[full]
    (away, named), (plain_away, plain) = (
        min((math.dist(point, _POINTS[name]), name) for name in names) for names in (NAMES, PLAIN))
    return named if away <= _SAME < plain_away else plain


def white(text: str) -> int | None:
    """Kelvin of a white: "warm white", "daylight", "2700 kelvin"; from 1000 to 10000, else None."""
    said = heard(text)
    if not said:
        return None
    counted = _kelvin(said)
    if counted is not None:
        return counted if WARMEST_K <= counted <= COOLEST_K else None
    if said[0] in ("a", "an"):
        said = said[1:]
    while said:
        kelvin = _KELVIN_OF.get(" ".join(said))
        if kelvin is not None:
            return kelvin
        if said == ["white"]:
            return _WHITES["neutral white"]
        if said[-1] not in _WHITE_NOUNS:
            return None
        said = said[:-1]
    return None


def white_name(kelvin: float) -> str:
    """The nearest name of a white, by what the eye tells apart (mired, a million by kelvin)."""
    if not kelvin > 0:  # nor for what is no number
        return ""
    return min(_WHITES, key=lambda name: abs(1e6 / _WHITES[name] - 1e6 / kelvin))


def _kelvin(said: list[str]) -> int | None:
    """"2700", "2700k", "twenty seven hundred kelvin", "2.7k"; any number, also out of range."""
    while len(said) > 1 and said[0] in _BEFORE_KELVIN:
        said = said[1:]
    if len(said) > 1 and said[-1] in ("kelvin", "kelvins", "degrees", "k"):
        counted = _kelvin(said[:-1])
        if said[-1] != "k" or (counted is not None and counted >= WARMEST_K):
            return counted
    value = number(said)
    return None if value is None else round(value)


def _named(said: Sequence[str]) -> str | None:
    """A name of the table, also with what it is a kind of ("navy blue")."""
    name = " ".join(said)
    name = ALIASES.get(name, name)
    if name in _COLORS:
        return _COLORS[name]
    if len(said) > 1 and said[-1] in BASES and said[-1] != "white":
        kind = " ".join(said[:-1])
        kind = ALIASES.get(kind, kind)
        if kind not in BASES:
            return _COLORS.get(kind)
    return None


def _composed(said: Sequence[str]) -> str | None:
    """Modifiers, each on what follows it, before the longest name at the end."""
    while len(said) > 1 and said[-1] == "light":
        said = said[:-1]
    for at in range(len(said)):
        found = _named(said[at:])
        if found is not None:
            return _modified(said[:at], found)
    if len(said) == 1 and said[0] in _TOWARDS:
        name = _TOWARDS[said[0]][0]
        return _COLORS[name] if name in BASES else None
    return None


def _modified(said: Sequence[str], found: str) -> str | None:
    mix: list[str] = []
    for at in range(len(said) - 1, -1, -1):
        word = said[at]
        if word in _VERY:
            continue
        for _ in range(2 if at and said[at - 1] in _VERY else 1):
            if word in _TOWARDS:
                name, weight = _TOWARDS[word]
                found = _mixed(found, _COLORS[name], weight)
            elif word in _SATURATION:
                found = _saturated(found, *_SATURATION[word])
            elif (other := _named([word])) and not mix:
                mix.append(word)  # "blue green": two at most
                found = _mixed(found, other, 0.5)
            else:
                return None
    return found


def _saturated(color: str, factor: float, missing: float) -> str:
    hue, saturation = _hue_and_saturation(color)
    if saturation < 0.02:
        return color  # "bright white": no hue to bring out
    return _of_hs(hue, 1 - (1 - saturation * factor) * missing)


def _mixed(color: str, other: str, weight: float) -> str:
    (x, y), (other_x, other_y) = _point(color), _point(other)
    x, y = x + (other_x - x) * weight, y + (other_y - y) * weight
    return _of_hs(math.atan2(y, x) / math.tau % 1, math.hypot(x, y))


def _point(color: str) -> tuple[float, float]:
    """On the disc: the hue is the angle, the saturation (0..1) the distance from white."""
    hue, saturation = _hue_and_saturation(color)
    return saturation * math.cos(hue * math.tau), saturation * math.sin(hue * math.tau)


def _hue_and_saturation(color: str) -> tuple[float, float]:
    red, green, blue = (int(color[at:at + 2], 16) / 255 for at in (1, 3, 5))
    return colorsys.rgb_to_hsv(red, green, blue)[:2]


def _of_hs(hue: float, saturation: float) -> str:
    parts = colorsys.hsv_to_rgb(hue, min(1.0, max(0.0, saturation)), 1.0)
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def _full(rgb: str) -> str | None:
    """rrggbb at full brightness; None for black, which has no colour."""
    parts = [int(rgb[at:at + 2], 16) for at in (0, 2, 4)]
    if not (largest := max(parts)):
        return None
    return "#" + "".join(f"{round(part * 255 / largest):02x}" for part in parts)


def _all_full(names: Mapping[str, str]) -> dict[str, str]:
    return {name: full for name, rgb in names.items() if (full := _full(rgb))}


_COLORS = _all_full(NAMES)
_NAME_OF = {full: name for name, full in _COLORS.items()}
_POINTS = {name: _point(full) for name, full in _COLORS.items()}
