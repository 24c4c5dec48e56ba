"""Words that mean something to a catalogue or its data, and what recognisers take words for.

Leaves out: altering anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from iotcall.catalogue import Catalogue, Enumeration
from iotcall.evaluate.dialogues import Dialogue
from iotcall.evaluate.noise.result import said_words


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_GROUPS = """
to too; two too; for four fore; off of; their there they're; your you're; its it's; hear here;
right write; know no; knew new; one won; eight ate; by buy bye; so sew; be bee; see sea; sent cent
scent; week weak; light lite; lights lites; night knight; hall haul; stairs stares; stair stare;
warm worm; lamp lamb; lamps lambs; lock loch; bulb bulge; blind blinded; blinds blend; whole hole;
floor flaw; room rum; rooms rums; turn tern; turned turn; switch switched; close clothes; opened
open; dimmed dim; locked lock; started start; stopped stop; played play; paused pause; cleaned
clean; make may; bring ring; vacuum vacume; coffee coffey; brew brood; plug plugged; socket
sockets; red read; blue blew; green greene; white wight; pink pinked; purple purples; orange
arrange; pale pail; card cart; cards carts; pay pain; paid pain; bill bell; bills bells; check
cheque; balance balances; account accounts; transfer transferred; credit credits; fraud frauds;
charge charged; charges charge; loan lone; cash cache; pin pen; reset recent; statement
statements; payment payments; money monet; file while; files miles; folder folders; move moved;
copy coffee; remove removed; rename renamed; show shows; print prince; tail tale; word words; line
lines; minute minutes; hour our; hours ours; degree degrees; percent percents; temperature
temperatures; thermostat thermostats; kitchen chicken; garage garbage; office officer; front
friend; side sighed; time thyme; morning mourning; please police; what watt; want won't; need
knead; would wood; will we'll; can ken; should showed; my mine; all awl; more moor; leave leaf;
house how's; heating seating; heater heather; fan fen; fans fens; curtain certain; curtains
certain; music muse it; upstairs up stairs; downstairs down stairs; everything every thing;
tonight to night; today to day; away a way;
"""
_PARTS = _set("""
air any bath bed board book bulb card cook count day dish door down every front hall house in key
lamp lap light living mail market morning night out over pad password play room side some spot stair
stairs stand street sun table thermo thing time to top up wash washer water way week end work shop
cash check line base ment back yard pay
""")
"""Of compounds: "bedroom" is heard as "bed room", and the other way round."""
CONTRACTIONS = {("want", "to"): "wanna", ("going", "to"): "gonna", ("kind", "of"): "kinda",
                ("give", "me"): "gimme", ("let", "me"): "lemme", ("got", "to"): "gotta",
                ("out", "of"): "outta", ("what", "is"): "what's", ("it", "is"): "it's",
                ("i", "am"): "i'm", ("could", "you"): "couldya", ("can", "you"): "canya"}
FILLERS = ("um", "uh", "er", "like", "well", "you know", "so", "hm")
ARTICLES = _set("the a an my our your")
COURTESIES = _set("""
please hey hi hello okay ok um uh er well so kindly really can could would you thanks thank
""")
"""No call with arguments needs them; of one without they may be all there is: "thanks so much"."""
NEGATIONS = _set("not don't no never without except but won't can't isn't")
"""Without them the opposite is meant: none is altered, and none is heard for another word."""


def known_words(dialogues: Sequence[Dialogue], catalogue: Catalogue) -> frozenset[str]:
    """Words of the utterances and of the catalogue's closed values."""
    found = {word for dialogue in dialogues for turn in dialogue.turns
             for word in said_words(turn.utterance)}
    return frozenset(found | closed_words(catalogue) | _FUNCTION)


def sound_alikes(word: str, known: frozenset[str]) -> tuple[str, ...]:
    """What a casefolded word is heard as, sorted: words that sound alike, else the known word that
    it is with or without an "s"; none where nothing is known."""
    found = _ALIKE.get(word, set())
    if not found and len(word) > 3 and word.isalpha():
        found = {word[:-1] if word[-1] == "s" else f"{word}s"} & known
    return tuple(sorted(found))


def closed_words(catalogue: Catalogue) -> frozenset[str]:
    """Words of the catalogue's closed values: whoever says one of them seems to mean it."""
    return frozenset(
        word for tool in catalogue.tools for field in tool.parameters.fields
        if isinstance(field.node, Enumeration) for value in field.node.values
        if isinstance(value, str) for word in re.findall(r"[a-z]+", value.casefold()))


def split(word: str) -> str | None:
    """A compound as two words; None where it is none."""
    for place in range(2, len(word) - 1):
        if word[:place] in _PARTS and word[place:] in _PARTS:
            return f"{word[:place]} {word[place:]}"
    return None


def is_part(word: str) -> bool:
    """Whether a casefolded word stands in compounds."""
    return word in _PARTS


def _alike() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in " ".join(_GROUPS.split()).split(";"):
        group = line.split()
        if len(group) > 1 and group[0] in _SEVERAL:
            found.setdefault(group[0], set()).add(" ".join(group[1:]))
        elif group:
            for word in group:
                found.setdefault(word, set()).update(other for other in group if other != word)
    return found


_SEVERAL = frozenset({"upstairs", "downstairs", "everything", "tonight", "today", "away", "music"})
"""Heard as several words."""
_ALIKE = _alike()
_FUNCTION = _set("""
a an and are as at be but by can could do does don't down for from get go has have he her his how i
if in into is it its just let like me my no not now of off on one or our out over please she should
so some than that the their them then there these they this to too two turn up us was we were what
when where which while who will with would you your
""")
