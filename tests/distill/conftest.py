from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from iotcall.catalogue import Catalogue
from iotcall.distill.noise import Noise
from iotcall.distill.rules import load_around, load_lexicon, load_rules
from iotcall.distill.synthesis import Synthesis

FINGERS = Noise(padded=0.09, slips=0.04, misheard=0)
"""What leaves the words of a sentence recognisable."""
LEXICON = '[room]\nattic = ["attic"]\ncellar = ["cellar"]\n[text]\nmilk = ["milk"]\n'
OPENING = """
[[rule]]
call = "lamp room={room} state=on"
says = ["{room} lamp on"]
[[rule]]
call = "heat degrees={degrees}"
says = ["heat to {degrees}"]
[[rule]]
call = "note text={text}"
says = ["note {text}"]
"""
"""A sentence for every tool of the lamp catalogue."""


@pytest.fixture
def rules_folder(tmp_path: Path) -> Callable[..., Path]:
    """A folder of rules in these TOML texts."""
    def write(*texts: str, lexicon: str = LEXICON, around: str = "") -> Path:
        folder = tmp_path / "synthesis"
        folder.mkdir(exist_ok=True)
        (folder / "lexicon.toml").write_text(lexicon)
        if around:
            (folder / "around.toml").write_text(around)
        for number, text in enumerate(texts):
            (folder / f"{number}.toml").write_text(text)
        return folder

    return write


@pytest.fixture
def synthesis_of(rules_folder: Callable[..., Path], lamp: Catalogue) -> Callable[..., Synthesis]:
    """A stream of the lamp catalogue from these rules."""
    def make(*texts: str, lexicon: str = LEXICON, around: str = "", seed: int = 1) -> Synthesis:
        folder = rules_folder(*texts, lexicon=lexicon, around=around)
        return Synthesis(lamp, load_rules(folder, lamp), load_lexicon(folder), seed,
                         load_around(folder, lamp), FINGERS)

    return make
