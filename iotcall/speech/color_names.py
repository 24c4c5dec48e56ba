"""Names of colours and what a lamp shows for them. Leaves out: modifiers and nearest names.

Where CSS has the name the value is mostly the CSS one (https://www.w3.org/TR/css-color-4/). Ours
are those where CSS means something else (its lime is everybody's green), and the dark ones: at full
brightness CSS's navy is its blue and its maroon its red, so that these are told apart by hue.
"""

from __future__ import annotations

BASES = {
    "red": "ff0000", "orange": "ffa500", "yellow": "ffff00", "green": "00ff00", "cyan": "00ffff",
    "blue": "0000ff", "purple": "a020f0", "violet": "8f00ff", "magenta": "ff00ff",
    "pink": "ffc0cb", "brown": "ff7a2e", "white": "ffffff",
}
"""Colours that other names are kinds of: "navy blue", "lemon yellow"."""

PLAIN = frozenset({
    *BASES, "dark orange", "amber", "lime", "mint", "turquoise", "sky blue", "light blue", "teal",
    "hot pink", "coral", "salmon", "peach", "lavender", "indigo", "azure", "spring green", "cream",
    "rose", "gold"})
"""What a colour is called that nobody named."""

_REDS = {
    "crimson": "dc143c", "scarlet": "ff2400", "ruby": "e0115f", "cherry": "d2042d",
    "blood red": "8a0606", "brick": "b22222", "fire engine red": "ce2029", "maroon": "ff0020",
    "burgundy": "800020", "wine": "ff1f4b", "rust": "b7410e", "terracotta": "e2725b",
    "salmon": "fa8072", "light coral": "f08080", "coral": "ff7f50", "tomato": "ff6347",
    "raspberry": "e30b5d", "strawberry": "fc5a8d", "cranberry": "9f000f", "flame": "e25822",
    "fire": "ff4a14", "rosy brown": "bc8f8f", "indian red": "cd5c5c", "blood orange": "ff3a0a",
    "watermelon": "fc6c85", "lava": "ff1a05", "cerise": "de3163", "poppy": "ff3c2b",
}
_ORANGES_AND_BROWNS = {
    "sunset": "fd5e53", "red orange": "ff4500", "dark orange": "ff8c00", "amber": "ffbf00",
    "burnt orange": "cc5500", "mahogany": "c04000", "copper": "b87333", "bronze": "cd7f32",
    "chocolate": "d2691e", "caramel": "ffb045", "coffee": "ffac70", "tan": "d2b48c",
    "pumpkin": "ff7518", "tangerine": "ff9408", "carrot": "ed9121", "mango": "ffa62b",
    "apricot": "fbceb1", "peach": "ffb07c", "sienna": "a0522d", "sepia": "ff9633",
    "ochre": "cc7722", "ginger": "ff6a14", "sunrise": "ff9a5a", "papaya": "ffefd5",
}
_YELLOWS = {
    "gold": "ffd700", "honey": "ffc30b", "mustard": "ffdb58", "lemon": "fff700",
    "banana": "ffe135", "canary": "ffef00", "saffron": "f4c430", "beige": "f5f5dc",
    "cream": "fffdd0", "ivory": "fffff0", "khaki": "f0e68c", "sand": "c2b280",
    "champagne": "f7e7ce", "vanilla": "f3e5ab", "butter": "fffd74", "sunflower": "ffda03",
    "straw": "e4d96f", "dandelion": "ffe30d", "goldenrod": "daa520", "wheat": "f5deb3",
    "corn": "fbec5d",
}
_GREENS = {
    "lime": "bfff00", "chartreuse": "7fff00", "forest green": "228b22", "emerald": "50c878",
    "mint": "98ff98", "spring green": "00ff7f", "sea green": "2e8b57", "jade": "00a86b",
    "olive": "e0ff1f", "olive drab": "6b8e23", "avocado": "a0ff14", "pistachio": "93c572",
    "sage": "b2ffa3", "moss": "8a9a5b", "fern": "4f7942", "grass": "4dff1a",
    "kelly green": "4cbb17", "shamrock": "009e60", "apple green": "8db600",
    "neon green": "39ff14", "hunter green": "355e3b", "bottle green": "006a4e",
    "racing green": "0bff3c", "seafoam": "93e9be", "pine": "2bff5d", "pea green": "8eab12",
    "yellow green": "9acd32", "army green": "b5ff4d", "jungle green": "29ab87",
}
_BLUES = {
    "aquamarine": "7fffd4", "turquoise": "40e0d0", "teal": "00ffd5", "petrol": "00d4ff",
    "navy": "0014ff", "sky blue": "87ceeb", "deep sky blue": "00bfff", "baby blue": "89cff0",
    "light blue": "add8e6", "powder blue": "b0e0e6", "royal blue": "4169e1", "cobalt": "0047ab",
    "azure": "007fff", "cornflower": "6495ed", "dodger blue": "1e90ff", "steel blue": "4682b4",
    "midnight blue": "191970", "sapphire": "0f52ba", "denim": "1560bd", "ocean": "0077be",
    "electric blue": "2de2ff", "ice blue": "d0f5ff", "periwinkle": "ccccff",
    "cerulean": "007ba7", "peacock": "33a1c9", "slate blue": "6a5acd", "lagoon": "1affe0",
    "ultramarine": "3f00ff", "blueberry": "4f5bff", "duck egg": "c8fff4", "silver": "e6eeff",
}
_PURPLES_AND_PINKS = {
    "indigo": "4b0082", "lavender": "b57edc", "lilac": "c8a2c8", "mauve": "e0b0ff",
    "orchid": "da70d6", "plum": "e052ff", "eggplant": "c71fff", "amethyst": "9966cc",
    "grape": "6f2da8", "royal purple": "7851a9", "mulberry": "c54b8c", "thistle": "d8bfd8",
    "iris": "5a4fcf", "wisteria": "c9a0dc", "blackberry": "8a14ff", "heather": "d9a6ff",
    "hot pink": "ff69b4", "deep pink": "ff1493", "bubblegum": "ff85d5", "rose": "ff007f",
    "blush": "de5d83", "flamingo": "fc8eac", "candy pink": "e4717a", "rose gold": "b76e79",
    "salmon pink": "ff91a4", "carnation": "ffa6c9", "shocking pink": "fc0fc0",
    "neon pink": "ff6ec7", "barbie pink": "e0218a", "cherry blossom": "ffb7c5",
}
NAMES = {**BASES, **_REDS, **_ORANGES_AND_BROWNS, **_YELLOWS, **_GREENS, **_BLUES,
         **_PURPLES_AND_PINKS}
"""Name -> rrggbb, some of them darker than a lamp at full brightness (see `colors`)."""

ALIASES = {
    "aqua": "cyan", "fuchsia": "magenta", "fuschia": "magenta", "sky": "sky blue",
    "orange red": "red orange", "brick red": "brick", "brass": "bronze", "golden": "gold",
    "grassy": "grass", "forest": "forest green", "seaweed": "sea green", "sea foam": "seafoam",
    "foam green": "seafoam", "british racing green": "racing green", "aubergine": "eggplant",
    "midnight": "midnight blue", "ice": "ice blue", "icy blue": "ice blue", "bordeaux": "wine",
    "claret": "wine", "claret red": "wine", "vermilion": "poppy", "vermillion": "poppy",
    "sunset red": "sunset", "terra cotta": "terracotta", "firebrick": "brick", "lemony": "lemon",
    "duck egg blue": "duck egg", "apple": "apple green", "olive green": "olive", "peachy": "peach",
    "minty": "mint", "bubble gum": "bubblegum", "blossom": "cherry blossom", "purpley": "purple",
    "yellowgreen": "yellow green", "skyblue": "sky blue", "hotpink": "hot pink", "rosy": "rose",
    "turquoise blue": "turquoise", "ocean blue": "ocean", "ruby red": "ruby", "fiery": "fire",
    "chocolate brown": "chocolate", "lavendar": "lavender", "turquiose": "turquoise",
    "buttercup": "sunflower", "kelly": "kelly green", "racing": "racing green",
    "sunny": "sunflower",
    "off white": "ivory", "green yellow": "yellow green", "cornflour": "cornflower",
}
"""Other names and spellings -> the name of the same colour."""
