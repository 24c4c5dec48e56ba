"""Labels follow what was altered, and the right answer stays possible."""

from __future__ import annotations

import pytest

from iotcall.catalogue import Catalogue, ToolCall, load_catalogue
from iotcall.evaluate import Dialogue, LabelledTurn
from iotcall.evaluate.noise.rewording import Rewording
from iotcall.shipped import shipped


@pytest.fixture(scope="module")
def home() -> Catalogue:
    return load_catalogue(shipped("grammars") / "home")


def turn(utterance: str, *calls: ToolCall) -> LabelledTurn:
    return LabelledTurn(utterance, calls)


def on(target: str, **more: str) -> ToolCall:
    return ToolCall("turn", {"state": "on", "target": target, **more})


def fixed(said: Rewording, number: int = 0) -> list[str]:
    return [word for word, is_fixed in zip(said.said[number], said.fixed[number], strict=True)
            if is_fixed]


def test_a_slice_is_followed_by_its_label(home: Catalogue) -> None:
    said = Rewording(Dialogue((turn("Porch light on, please!", on("porch light")),)), home)
    assert said.alter(0, 0, "Porhc")
    assert said.alter(0, 1, "li ght")
    (result,) = said.result().turns
    assert result.utterance == "Porhc li ght on, please!"
    assert result.calls == (on("porhc li ght"),)


def test_a_later_turn_that_takes_the_slice_up_follows_too(home: Catalogue) -> None:
    said = Rewording(Dialogue((
        turn("heater on", on("heater")),
        turn("the office one as well", on("heater", room="office")))), home)
    said.alter(0, 0, "heatre")
    said.alter(1, 1, "offcie")
    first, second = said.result().turns
    assert first.calls == (on("heatre"),)
    assert second.calls == (on("heatre", room="offcie"),)


def test_a_slice_that_is_said_twice_is_left_alone(home: Catalogue) -> None:
    said = Rewording(Dialogue((turn("the lamp yes the lamp on", on("lamp")),)), home)
    assert fixed(said) == ["lamp", "lamp"]


def test_closed_values_stay_as_they_are_and_their_words_are_free(home: Catalogue) -> None:
    said = Rewording(Dialogue((turn("lamp on", on("lamp")),)), home)
    assert fixed(said) == []
    said.alter(0, 1, "onn")
    assert said.result().turns == (turn("lamp onn", on("lamp")),)


def test_nothing_comes_between_the_words_of_an_argument(home: Catalogue) -> None:
    said = Rewording(Dialogue((turn("the porch light on", on("porch light")),)), home)
    assert [said.is_inside(0, word) for word in range(4)] == [False, False, True, False]
    assert [said.is_bound(0, word, word + 2) for word in range(3)] == [True, False, True]
    said.alter(0, 1, "porch", before="um")
    assert said.result().turns == (turn("the um porch light on", on("porch light")),)


def test_words_run_together_inside_an_argument_and_its_label(home: Catalogue) -> None:
    said = Rewording(Dialogue((turn("the bed room on", on("bed room")),)), home)
    assert said.join(0, 1)
    assert said.result().turns == (turn("the bedroom on", on("bedroom")),)


def test_what_was_not_altered_is_as_it_was(home: Catalogue) -> None:
    dialogue = Dialogue((turn(" Lamp  on ... ", on("Lamp")), turn("", on("Lamp"))), home="demo")
    assert Rewording(dialogue, home).result() == dialogue


def test_an_alteration_that_no_call_could_hold_is_taken_back(home: Catalogue) -> None:
    said = Rewording(Dialogue((turn("lamp on", on("lamp")),)), home)
    assert not said.alter(0, 0, "l" * 65)
    assert said.result().turns == (turn("lamp on", on("lamp")),)


def test_nothing_is_not_said(home: Catalogue) -> None:
    said = Rewording(Dialogue((turn("stop", ToolCall("cancel")),)), home)
    assert not said.alter(0, 0, "")


def test_what_file_names_were_spelt_from_is_left_alone() -> None:
    shell = load_catalogue(shipped("grammars") / "shell")
    spelt = Dialogue((turn("please show me notes dot txt now",
                           ToolCall("cat", {"file_name": "notes.txt"})),))
    assert fixed(Rewording(spelt, shell)) == ["notes", "dot", "txt"]
    written = Dialogue((turn("show me notes.txt", ToolCall("cat", {"file_name": "notes.txt"})),))
    assert fixed(Rewording(written, shell)) == []  # the label is changed with the name


def test_numbers_of_grounded_arguments_are_left_alone() -> None:
    banking = load_catalogue(shipped("grammars") / "banking")
    paid = Dialogue((turn("send two hundred fifty to savings", ToolCall(
        "transfer_money", {"amount": 250, "to_account": "savings"})),))
    assert fixed(Rewording(paid, banking)) == ["two", "hundred", "fifty"]
    digits = Dialogue((turn("the card ending four five three two", ToolCall(
        "cancel_card", {"card_last_four": "4532"})),))
    assert fixed(Rewording(digits, banking)) == ["four", "five", "three", "two"]


def test_calls_of_unknown_tools_stay_as_they_are(home: Catalogue) -> None:
    said = Rewording(Dialogue((turn("fly to mars", ToolCall("fly", {"to": "mars"})),)), home)
    assert fixed(said) == ["mars"]
