"""Which words may stand in a marked span's place, and which have to stay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from iotcall.catalogue import Catalogue, catalogue_from_json
from iotcall.distill.exchange import Choice, Exchange, ExchangeRules
from iotcall.evaluate.marked import MarkedTurn, read_marked

NOUNS = {"light": (("lamp", "light"), ("lamps", "lights")), "fan": (("fan",), ("fans",))}
SAID = {"type": "string", "x-grounded": True}
MANY = 200

Written = list[tuple[MarkedTurn, ...]]
Drawn = list[tuple[list[str], Choice]]


def tool(name: str, **properties: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "parameters": {"type": "object", "properties": properties}}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    account = {"type": "string", "enum": ["checking", "savings", "credit"]}
    return catalogue_from_json([
        tool("turn", state={"type": "string", "enum": ["on", "off"]}, target=SAID, room=SAID,
             ref={"type": "string", "enum": ["it"]}),
        tool("set", property={"type": "string", "enum": ["speed", "temperature"]}, value=SAID,
             target=SAID),
        tool("clean", target=SAID, ref={"type": "string", "enum": ["it"]}),
        tool("pay", payee=SAID, amount={"type": "number", "minimum": 0.01, "maximum": 10_000,
                                        "x-digits": 2, "x-grounded": True},
             account=account),
        tool("move", amount={"type": "number", "minimum": 0.01, "maximum": 10_000, "x-digits": 2},
             source=account, destination=account),
        tool("card", digits={"type": "string", "pattern": "^[0-9]{4}$"}),
        tool("status", device_type={"type": "string", "enum": ["door", "light"]}, room=SAID),
        tool("copy", file={"type": "string"}, mode={"type": "string", "pattern": "^[lw]$"}),
    ], "exchanged")


@pytest.fixture
def exchanged(catalogue: Catalogue, tmp_path: Path) -> Callable[..., Drawn]:
    """Many draws of the text's first dialogue: what is said now (each turn's sentence with the new
    words in it), and the choice."""
    def draw(text: str, **rules: Any) -> Drawn:
        path = tmp_path / "a.said"
        path.write_text(text, encoding="utf-8")
        dialogues = read_marked(path, catalogue)
        exchange = Exchange(catalogue, dialogues, NOUNS, ExchangeRules(**rules))
        drawn = []
        for seed in range(MANY):
            choice = exchange.choose(dialogues[0], Random(seed))
            drawn.append(([sentence(turn, number, choice)
                           for number, turn in enumerate(dialogues[0])], choice))
        return drawn

    return draw


def sentence(turn: MarkedTurn, number: int, choice: Choice) -> str:
    said, at = "", 0
    for span in sorted(turn.spans, key=lambda span: span.start):
        if span.start < at:
            continue
        words = turn.utterance[span.start:span.end]
        said += turn.utterance[at:span.start] + choice.spans.get((number, span), words)
        at = span.end
    return said + turn.utterance[at:]


def sentences(drawn: Drawn) -> set[str]:
    return {turn for turns, _ in drawn for turn in turns}


def test_a_name_is_exchanged_for_one_of_the_same_sort(exchanged: Callable[..., Drawn]) -> None:
    said = sentences(exchanged(
        "[big lamp](target) on | turn state=on\n[tall fan](target) on | turn state=on\n"
        "[night light](target) off | turn state=off\n"))
    assert "big lamp on" in said
    assert "night light on" in said
    assert "tall light on" in said  # put together anew
    assert not [each for each in said if "fan" in each]
    assert len(said) > 20


def test_names_without_a_noun_come_from_the_same_use(exchanged: Callable[..., Drawn]) -> None:
    said = sentences(exchanged(
        "[sauna](target) to [ninety](value) | set property=temperature\n"
        "[oven](target) to [eighty](value) | set property=temperature\n"
        "[dyson](target) to [three](value) | set property=speed\n"
        "[kettle](target) on | turn state=on\n"))
    assert {each.split()[0] for each in said} == {"sauna", "oven"}


def test_a_name_fits_all_that_is_done_with_it(exchanged: Callable[..., Drawn]) -> None:
    said = sentences(exchanged(
        "> is [hoovy](target) on | turn state=on\n>> wake him up | clean ref=it\n"
        "[kettle](target) on | turn state=on\n[telly](target) on | turn state=on\n"
        "[mop](target) on | turn state=on\n[mop](target) go | clean\n"))
    assert said == {"is hoovy on", "is mop on", "wake him up"}


def test_what_is_a_room_elsewhere_is_no_thing(exchanged: Callable[..., Drawn]) -> None:
    said = sentences(exchanged(
        "[kettle](target) on | turn state=on\n[telly](target) on | turn state=on\n"
        "[attic](target) on | turn state=on\n[attic](room) off | turn state=off\n"))
    assert said == {"kettle on", "telly on"}


def test_what_is_taken_up_again_is_the_same_everywhere(exchanged: Callable[..., Drawn]) -> None:
    drawn = exchanged("> [rent](payee) | pay\n>> the [rent](payee), [20](amount) | pay\n"
                      "[gym](payee) | pay\n[dentist](payee) | pay\n")
    assert {turns[0] for turns, _ in drawn} == {"rent", "gym", "dentist"}
    for turns, choice in drawn:
        assert turns[1].startswith(f"the {turns[0]}, ")
        assert choice.words.get("rent", "rent") == turns[0]


@pytest.mark.parametrize("dialogue", [
    "> pay [netflix](payee) | pay\n>> not netflix, [hulu](payee) | pay\n",
    "the gym called, pay the [gym](payee) | pay\n",
])
def test_a_name_that_also_stands_unmarked_stays(
    exchanged: Callable[..., Drawn], dialogue: str
) -> None:
    for turns, choice in exchanged(f"{dialogue}[rent](payee) | pay\n[dentist](payee) | pay\n"):
        assert "netflix" not in choice.words
        assert "gym" not in choice.words
        if len(turns) == 2:
            assert turns[1] != "not netflix, netflix"


def test_two_names_never_become_one(exchanged: Callable[..., Drawn]) -> None:
    drawn = exchanged("> pay the [rent](payee) | pay\n>> no, the [gym](payee) | pay\n"
                      "[dentist](payee) | pay\n")
    assert {turns[1] for turns, _ in drawn} >= {"no, the gym", "no, the dentist"}
    assert not [turns for turns, _ in drawn if turns[0].split()[-1] == turns[1].split()[-1]]


def test_a_name_of_which_a_part_comes_back_stays(exchanged: Callable[..., Drawn]) -> None:
    for _, choice in exchanged(
            "> [master aircon](target) on | turn state=on\n"
            '>> off | turn state=off target="aircon"\n'
            "[kettle](target) on | turn state=on\n"):
        assert not choice.words


def test_a_letter_in_a_name_is_no_part_of_it(exchanged: Callable[..., Drawn]) -> None:
    said = sentences(exchanged("[letter.txt](file) by lines | copy mode=l\n[b.md](file) | copy\n"))
    assert "b.md by lines" in said


def test_a_thing_that_is_a_room_in_the_same_dialogue_stays(
    exchanged: Callable[..., Drawn]
) -> None:
    for _, choice in exchanged(
            "> [attic](target) on | turn state=on\n>> the [attic](room) off | turn state=off\n"
            "[kettle](target) on | turn state=on\n[hall](room) on | turn state=on\n"):
        assert not choice.words


def test_a_choice_changes_words_and_value_together(exchanged: Callable[..., Drawn]) -> None:
    drawn = exchanged(
        "[chequing](account=checking) please | pay\n[my savings](account=savings) | pay\n"
        "[savin's](account=savings) | pay\n[visa](account=credit) | pay\n")
    ways = {"checking": {"chequing"}, "savings": {"my savings", "savin's"}, "credit": {"visa"}}
    assert len(sentences(drawn)) == 4
    for turns, choice in drawn:
        value = choice.values.get(("account", "checking"), "checking")
        assert turns[0].removesuffix(" please") in ways[value]


def test_a_choice_keeps_a_capital(exchanged: Callable[..., Drawn]) -> None:
    said = sentences(exchanged("[Checking](account=checking) | pay\n"
                               "from [savings](account=savings) | pay\n"))
    assert said == {"Checking", "Savings"}


@pytest.mark.parametrize("dialogue", [
    # the same account in an argument that is not marked
    "> what is in [checking](account=checking) | pay\n>> move it | move source=checking\n",
    # another value of the argument that is not marked
    "> from [checking](account=checking) | pay\n>> no, the other one | pay account=savings\n",
    # said beside the span
    "checking, I say, [checking](account=checking) | pay\n",
])
def test_a_choice_that_others_hang_on_stays(
    exchanged: Callable[..., Drawn], dialogue: str
) -> None:
    for _, choice in exchanged(f"{dialogue}[savings](account=savings) | pay\n"
                               "[visa](account=credit) | pay\n"):
        assert not choice.values
        assert not choice.spans


def test_a_choice_never_becomes_what_is_denied(exchanged: Callable[..., Drawn]) -> None:
    said = sentences(exchanged("not savings, [checking](account=checking) | pay\n"
                               "[savings](account=savings) | pay\n[visa](account=credit) | pay\n"))
    assert said == {"not savings, checking", "not savings, visa"}


def test_a_number_is_said_anew_in_the_same_style(exchanged: Callable[..., Drawn]) -> None:
    drawn = exchanged("> pay [forty](amount=40) | pay\n"
                      ">> [forty](amount=40) from [visa](account=credit) | pay\n")
    assert len({turns[0] for turns, _ in drawn}) > 30
    for turns, choice in drawn:
        assert turns[0].removeprefix("pay ") == turns[1].removesuffix(" from visa")
        assert not any(sign.isdigit() for sign in turns[0])
        assert 1 <= choice.values.get(("amount", "40"), 40) <= 160


def test_digits_stay_as_many(exchanged: Callable[..., Drawn]) -> None:
    drawn = exchanged("ends [four oh one two](digits=4012) | card\n")
    assert len({choice.values.get(("digits", "4012")) for _, choice in drawn}) > 100
    for turns, choice in drawn:
        assert len(choice.values.get(("digits", "4012"), "4012")) == 4
        assert len(turns[0].split()) == 5


def test_a_corrected_number_is_another_one(exchanged: Callable[..., Drawn]) -> None:
    drawn = exchanged("> pay [3](amount) | pay\n>> no, [4](amount) | pay\n")
    assert len(sentences(drawn)) > 20
    assert not [turns for turns, _ in drawn if turns[0].split()[-1] == turns[1].split()[-1]]


@pytest.mark.parametrize("dialogue", [
    "> pay [20](amount) | pay\n>> double it | pay amount=40\n",
    "thirty a month, so pay [thirty](amount=30) | pay\n",
    "pay [half a grand](amount=500) | pay\n",
])
def test_a_number_that_others_hang_on_stays(
    exchanged: Callable[..., Drawn], dialogue: str
) -> None:
    for _, choice in exchanged(dialogue):
        assert not choice.values
        assert not choice.spans


def test_a_number_said_in_two_ways_of_which_one_is_unclear_stays(
    exchanged: Callable[..., Drawn]
) -> None:
    for _, choice in exchanged("> pay [500](amount) | pay\n>> [half a grand](amount=500) | pay\n"):
        assert not choice.values
        assert not choice.spans


def test_what_is_paid_stays_where_it_tells_dollars_from_cents(
    exchanged: Callable[..., Drawn]
) -> None:
    drawn = exchanged("pay the [rent](payee), [twelve fifty](amount=1250) | pay\n"
                      "[netflix](payee) | pay\n")
    assert len(sentences(drawn)) > 50
    assert all(turns[0].startswith("pay the rent, ") for turns, _ in drawn)


def test_a_spoken_name_becomes_a_spoken_name(exchanged: Callable[..., Drawn]) -> None:
    drawn = exchanged("show [notes dot txt](file=notes.txt) | copy\n[plan_b.md](file) | copy\n")
    assert sentences(drawn) == {"show notes dot txt", "show plan underscore b dot md"}
    for turns, choice in drawn:
        if turns != ["show notes dot txt"]:
            assert choice.words == {"notes.txt": "plan_b.md"}


def test_a_name_that_one_span_cannot_say_stays_in_all(exchanged: Callable[..., Drawn]) -> None:
    for _, choice in exchanged("> [budget.xls](file) | copy\n"
                               ">> [budget dot x l s](file=budget.xls) | copy\n"
                               "[plan_b.md](file) | copy\n"):
        assert not choice.words
        assert not choice.spans


def test_a_doors_place_is_no_lamps_place(exchanged: Callable[..., Drawn]) -> None:
    said = sentences(exchanged(
        "is the [back](room) one locked | status device_type=door\n"
        "is the [front](room) one locked | status device_type=door\n"
        "is the [attic](room) light on | status device_type=light\n"))
    assert "is the front one locked" in said
    assert "is the attic one locked" not in said


def test_another_name_of_a_value_that_is_not_marked_stays(
    exchanged: Callable[..., Drawn]
) -> None:
    others = ("[checking](payee) | pay\n[savings](payee) | pay\n[credit](payee) | pay\n"
              "[rent](payee) | pay\n")
    for _, choice in exchanged("> show the [visa](payee) | pay\n"
                               f">> move it from there | move source=credit\n{others}"):
        assert not choice.words
    assert len(sentences(exchanged(f"show the [visa](payee) | pay\n{others}"))) == 5


def test_rules_keep_share_and_make_up(exchanged: Callable[..., Drawn]) -> None:
    text = "pay [rent](payee) | pay\npay [gym](payee) | pay\n"
    assert sentences(exchanged(text, kept=("payee",))) == {"pay rent"}
    assert len(sentences(exchanged(text, invented=1.0))) > 50
    assert sentences(exchanged(text, invented=1.0, known=("payee",))) == {"pay rent", "pay gym"}
    other = "pay [rent](payee) | pay\ncopy [a.txt](file) | copy\n[b.txt](file) | copy\n"
    assert sentences(exchanged(other, shared=("payee", "file"))) == {"pay rent"}


def test_some_dialogues_stay_as_they_are_written(exchanged: Callable[..., Drawn]) -> None:
    drawn = exchanged("pay [rent](payee), [20](amount) | pay\n[gym](payee) | pay\n")
    kept = sum(not choice.spans for _, choice in drawn)
    assert 0.1 * MANY < kept < 0.35 * MANY
