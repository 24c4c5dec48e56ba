from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from iotcall.catalogue import Catalogue, catalogue_from_json
from iotcall.distill.rules import (
    ParsedAround,
    ParsedRule,
    Pattern,
    load_around,
    load_lexicon,
    load_rules,
)
from iotcall.errors import FileError


def test_a_rule_is_read_with_its_literals_and_variables(
    rules_folder: Callable[..., Path], lamp: Catalogue
) -> None:
    folder = rules_folder("""
        [[rule]]
        after = "lamp room={} state={s}"
        call = "lamp room={room} state={s}"
        says = ["and the {room}", "the {room} too"]
        [[rule]]
        call = "lamp room=attic state=on"
        says = ["it is dark up"]
        alone = true
        breaks_off = true
    """)
    assert load_rules(folder, lamp) == [
        ParsedRule(call=Pattern("lamp", {}, {"room": "room", "state": "s"}),
                   after=Pattern("lamp", {}, {"room": "", "state": "s"}),
                   says=("and the {room}", "the {room} too"), alone=False, breaks_off=False),
        ParsedRule(call=Pattern("lamp", {"room": "attic", "state": "on"}, {}), after=None,
                   says=("it is dark up",), alone=True, breaks_off=True),
    ]


def test_rules_of_all_files_come_in_the_order_of_file_names(
    rules_folder: Callable[..., Path], lamp: Catalogue
) -> None:
    one = '[[rule]]\ncall = "heat degrees=20"\nsays = ["one"]'
    folder = rules_folder(one, one.replace("one", "two"))
    assert [rule.says for rule in load_rules(folder, lamp)] == [("one",), ("two",)]


def test_rules_that_share_have_all_their_sentences_once_each(
    rules_folder: Callable[..., Path], lamp: Catalogue
) -> None:
    folder = rules_folder("""
        [[rule]]
        shares = "again"
        after = "lamp state=on"
        call = "lamp state=off"
        says = ["the other way", "undo"]
    """, """
        [[rule]]
        shares = "again"
        after = "lamp state=off"
        call = "lamp state=on"
        says = ["undo", "back again"]
        [[rule]]
        call = "heat degrees={degrees}"
        says = ["heat to {degrees}"]
    """)
    assert [rule.says for rule in load_rules(folder, lamp)] == [
        ("the other way", "undo", "back again"), ("the other way", "undo", "back again"),
        ("heat to {degrees}",)]


@pytest.mark.parametrize(("call", "says", "complaint"), [
    ("lights state=on", "on", "no tool is called 'lights'; expected one of lamp, heat, note"),
    ("lamp colour=red state=on", "red", "'colour=red' is no argument of lamp; expected room"),
    ("lamp state", "on", "'state' is no argument of lamp"),
    ("lamp state=dim", "dim", "state=dim is none of on, off"),
    ("heat degrees=26", "hot", r"degrees=26 is not in 15\.\.25"),
    ("heat degrees=warm", "warm", "warm"),
    ("note text=thirteenchars", "x", r"text=thirteenchars is not of 0\.\.12 characters"),
    ("lamp room=attic", "attic lamp", "lamp needs the argument state"),
    ("lamp state={}", "lamp", "a call's variable needs a name"),
    ("lamp state={s}", "{room} lamp {s}", "{room} in '{room} lamp {s}' is not bound by the call"),
])
def test_a_rule_that_does_not_fit_the_catalogue_is_located(
    rules_folder: Callable[..., Path], lamp: Catalogue, call: str, says: str, complaint: str
) -> None:
    folder = rules_folder(f'[[rule]]\ncall = "{call}"\nsays = ["{says}"]')
    with pytest.raises(FileError, match=complaint) as caught:
        load_rules(folder, lamp)
    assert caught.value.path == folder / "0.toml"
    assert caught.value.place == f"rule {call!r}"


def test_a_call_before_that_does_not_fit_is_located_too(
    rules_folder: Callable[..., Path], lamp: Catalogue
) -> None:
    folder = rules_folder('[[rule]]\nafter = "lamp state=dim"\n'
                          'call = "lamp state=on"\nsays = ["more"]')
    with pytest.raises(FileError, match="state=dim is none of on, off"):
        load_rules(folder, lamp)


@pytest.mark.parametrize("kind", ["boolean", "number", "null"])
def test_an_argument_that_rules_cannot_say_is_refused(
    rules_folder: Callable[..., Path], kind: str
) -> None:
    catalogue = catalogue_from_json([{"name": "f", "parameters": {
        "type": "object", "properties": {"x": {"type": kind}}}}], "f")
    folder = rules_folder('[[rule]]\ncall = "f x=true"\nsays = ["yes"]')
    with pytest.raises(FileError, match="x cannot be said in a rule; expected an enum, integer or"):
        load_rules(folder, catalogue)


@pytest.mark.parametrize(("text", "complaint"), [
    ('[[rule]]\ncall = "heat degrees=20"\nsay = ["x"]', "did you mean `says`"),
    ('[[rule]]\ncall = "heat degrees=20"', "says"),
    ("[[rule]", "is not valid TOML"),
])
def test_a_file_that_holds_no_rules_is_named(
    rules_folder: Callable[..., Path], lamp: Catalogue, text: str, complaint: str
) -> None:
    folder = rules_folder(text)
    with pytest.raises(FileError, match=complaint) as caught:
        load_rules(folder, lamp)
    assert caught.value.path == folder / "0.toml"


def test_a_folder_without_rules_is_refused(
    rules_folder: Callable[..., Path], lamp: Catalogue
) -> None:
    with pytest.raises(FileError, match=r"holds no rules; expected TOML files with \[\[rule\]\]"):
        load_rules(rules_folder(), lamp)


def test_the_lexicon_says_values_by_argument(rules_folder: Callable[..., Path]) -> None:
    folder = rules_folder(lexicon='[room]\nattic = ["attic", "loft"]')
    assert load_lexicon(folder) == {"room": {"attic": ["attic", "loft"]}}
    (folder / "lexicon.toml").write_text('[room]\nattic = "attic"')
    with pytest.raises(FileError, match="Expected `array`, got `str`") as caught:
        load_lexicon(folder)
    assert caught.value.path == folder / "lexicon.toml"


def test_what_is_said_around_a_call_is_read_with_its_pattern(
    rules_folder: Callable[..., Path], lamp: Catalogue
) -> None:
    folder = rules_folder(around="""
        [[around]]
        call = "lamp state=on"
        before = ["it is dark,"]
        behind = [", I cannot see"]
    """)
    assert load_around(folder, lamp) == [
        ParsedAround(Pattern("lamp", {"state": "on"}, {}), ("it is dark,",), (", I cannot see",))]


def test_nothing_need_be_said_around_calls(
    rules_folder: Callable[..., Path], lamp: Catalogue
) -> None:
    assert load_around(rules_folder(), lamp) == []


@pytest.mark.parametrize(("text", "complaint"), [
    ('[[around]]\ncall = "lamp state=dim"', "state=dim is none of on, off"),
    ('[[around]]\ncall = "lamps"', "no tool is called 'lamps'"),
    ('[[around]]\ncall = "lamp"\nbefor = ["hm,"]', "did you mean `before`"),
])
def test_what_is_said_around_no_call_of_the_catalogue_is_located(
    rules_folder: Callable[..., Path], lamp: Catalogue, text: str, complaint: str
) -> None:
    folder = rules_folder(around=text)
    with pytest.raises(FileError, match=complaint) as caught:
        load_around(folder, lamp)
    assert caught.value.path == folder / "around.toml"
