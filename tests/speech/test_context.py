"""What a word was meant for, by its neighbours."""

from __future__ import annotations

from collections import Counter

import pytest

from iotcall.speech import Lexicon, Speller
from iotcall.speech.context import Context, Neighbours, levelled, pairs_of, spoken
from iotcall.speech.typos import right

SAID = {
    "turn the lamp off": 600, "turn the light off": 900, "unlock the door": 200,
    "lock the door": 800, "it's hot": 100, "it's got wet": 40, "closing time": 60,
    "set it to 20 percent": 300, "put the heater on": 200, "everything off": 200,
    "please turn the fan off": 100, "upstairs lights on": 90, "the game is on": 50,
    "turn it on please": 300, "is the door open": 90, "thirty percent": 90, "place the lamp": 9,
    "twenty more": 90, "yep": 60, "up a bit": 300, "in the ice box": 40, "i like the dour look": 9,
    "of the ice": 60}
COUNTS = Counter(word for text, count in SAID.items() for _, _, word in spoken(text)
                 for _ in range(count))
LEXICON = Lexicon(
    usual=tuple(word for word, _ in COUNTS.most_common()),
    spared=("lap", "odor", "hater", "police", "thirsty", "moor", "opened", "block", "gym"),
    pairs=levelled(Counter(pair for text, count in SAID.items()
                           for pair in pairs_of(word for _, _, word in spoken(text))
                           for _ in range(count))))
SPELLER = Speller(LEXICON)


@pytest.mark.parametrize(("said", "read"), [
    ("it's ot", "it's hot"),  # two letters
    ("closing gime", "closing time"), ("the gime is on", "the game is on"),
    ("yp", "yep"), ("hp a bit", "up a bit"), ("hp the door", "hp the door"),
    ("set it to 20 percet", "set it to 20 percent"),
])
def test_neighbours_say_what_a_word_was_meant_for(said: str, read: str) -> None:
    assert SPELLER.respelt(said).read == read


@pytest.mark.parametrize(("said", "read"), [
    ("turn the lap off", "turn the lamp off"), ("unlock the odor", "unlock the door"),
    ("twenty moor", "twenty more"),  # sounds alike
    ("Turn the Lap off", "Turn the Lamp off"),
])
def test_a_word_that_is_known_may_be_a_slip(said: str, read: str) -> None:
    assert SPELLER.respelt(said).read == read
    alone = Speller(Lexicon(usual=LEXICON.usual, spared=LEXICON.spared))
    assert alone.respelt(said).read == said  # nobody knows what stands beside what


@pytest.mark.parametrize("said", [
    "on my lap",  # not seen between such words
    "turn the lights off", "turn the light off",  # another number of them
    "is the door opened", "thirsty", "thirty", "turn it of",
])
def test_other_known_words_stay(said: str) -> None:
    assert SPELLER.respelt(said).read == said


def test_a_name_says_what_belongs_together() -> None:
    at_home = SPELLER.at(["block heater", "Mia's gym light"])
    assert at_home.respelt("put the block hater on").read == "put the block heater on"
    assert at_home.respelt("is the block hater on").read == "is the block heater on"
    assert SPELLER.respelt("is the block hater on").read == "is the block hater on"
    assert at_home.respelt("the gym").read == "the gym"
    assert at_home.respelt("Mia's gim light").read == "Mia's gym light"


def test_what_is_spoken_of_is_said_once_rather_than_twice() -> None:
    at_home = SPELLER.at(["slider", "geyser"])
    assert at_home.respelt("the sliderr").read == "the slider"
    assert at_home.respelt("the geysers").read == "the geysers"


@pytest.mark.parametrize(("said", "read"), [
    ("nlock the door", "unlock the door"), ("ulock the door", "unlock the door"),
    ("llock the door", "lock the door"), ("lok the door", "lock the door"),
])
def test_whether_to_lock_is_for_the_letters_to_say(said: str, read: str) -> None:
    assert SPELLER.respelt(said).read == read


@pytest.mark.parametrize(("said", "read"), [
    ("every thing off", "everything off"), ("Up stairs lights on", "Upstairs lights on"),
    ("turn every  thing off", "turn every  thing off"),  # two spaces: not by a recogniser
    ("turn it on", "turn it on"), ("bed side lamp", "bed side lamp"),
    ("hea ter on", "heater on"), ("un lock the door", "unlock the door")])
def test_a_word_that_was_cut_is_one(said: str, read: str) -> None:
    text = SPELLER.respelt(said)
    assert text.read == read
    assert text.as_said(0, len(text.read)) == said


def test_off_is_no_part_of_a_name() -> None:
    at_home = SPELLER.at(["office", "notice"])
    assert at_home.respelt("turn off ice on").read == "turn off ice on"
    assert at_home.respelt("put on ice boxes").read.startswith("put on ice ")


@pytest.mark.parametrize("said", ["un lock the lmap of", "ev ery thing off", "um every thing lmap"])
def test_no_two_changes_overlap(said: str) -> None:
    text = SPELLER.at(["lamp"]).respelt(said)
    ends = 0
    for start, end, first, last in text.words:
        assert ends <= start <= end
        ends = end
        if first < last:
            assert text.as_said(first, last) == said[start:end]


def test_a_name_that_was_cut_comes_back_as_it_was_said() -> None:
    text = SPELLER.at(["bedside lamp"]).respelt("um turn the bed side lmap off")
    assert text.read == "turn the bedside lamp off"
    at = text.read.index("bedside lamp")
    assert text.as_said(at, at + len("bedside lamp")) == "bed side lmap"
    assert text.as_said(at, at + len("bedside")) == "bed side"
    two = SPELLER.at(["bedside lamp", "bed side"])
    assert two.respelt("the bed side lamp").read == "the bed side lamp"


def test_chances_are_those_of_witten_and_bell() -> None:
    neighbours = Neighbours(("the", "lamp"), {"the": ("lamp", "light")})
    lamp, light = 1.4 * 8, 2 * 1.4 * 8
    count, kinds = lamp + light, 3
    assert neighbours.chance("lamp", "the", 0.5) == pytest.approx(
        (lamp + kinds * 0.5) / (count + kinds))
    assert neighbours.chance("lamp", "a", 0.5) == 0.5 * 0.2
    assert sum(neighbours.share(word) for word in ("the", "lamp")) == pytest.approx(1)
    context = Context(neighbours, [("desk", "lamp")], [("desk", "lamps")])
    assert context.chance("lamps", "desk") == 0.3
    assert context.chance("lamps's", "desk") == 0.3
    assert context.chance("lamps", "the") < context.chance("desk", "the")
    assert context.is_named("desk", "lamp")
    assert not context.is_seen("desk", "light")


def test_pairs_are_kept_by_how_often_they_were_said() -> None:
    assert levelled({("a", "b"): 8, ("a", "c"): 15, ("a", "d"): 16, ("a", "e"): 64, ("b", "a"): 7}
                    ) == {"a": ("b c", "d", "", "e")}


@pytest.mark.parametrize(("text", "read"), [
    ("Put his Lmp on", "Put his lamp on"), ("the bed side lmp", "the bedside lamp"),
    ("LMP", "lamp"), ("l\u0131mp", "l\u0131mp"), ("lmps", "lmps"),
    ("lmp's", "lamp's"), ("the bed  side", "the bed  side")])
def test_words_are_put_right(text: str, read: str) -> None:
    assert right(text, (("lmp", "lamp"), ("bed side", "bedside"))) == read


def test_without_slips_a_text_stays() -> None:
    assert right("the [lamp]", ()) == "the [lamp]"


@pytest.mark.parametrize(("said", "doubts"), [
    ("in the lap please", (("lap", "lamp"),)),  # of a name, though not seen there
    ("turned the lamp off", (("turned", "turn"),)), ("it turned off", ()),
    ("the gaem is on", ()), ("the lamp off", ()),
])
def test_what_else_a_word_may_have_been_meant_for_is_told(
        said: str, doubts: tuple[tuple[str, str], ...]) -> None:
    assert SPELLER.at(["desk lamp"]).respelt(said).doubts == doubts
