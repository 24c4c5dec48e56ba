"""Development dialogues judged in batches, against decoding one by one without a cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.distill.recipe import Lora
from iotcall.distill.training.adapting import adapted
from iotcall.distill.training.batches import call_loss, collate
from iotcall.distill.training.beginning import from_scratch, save_student
from iotcall.distill.training.development import Answers, Development
from iotcall.distill.training.quantised import begin_rounding, end_rounding
from iotcall.distill.training.sequences import sequences
from iotcall.evaluate import Dialogue, LabelledTurn, golden_turns, read_dialogues
from iotcall.export.parity.oracle import Oracle
from iotcall.formats import Format, format_named
from iotcall.grammar.compiler import compile_automaton
from iotcall.runtime.admission import Limits, Pace
from iotcall.runtime.decoding import decode_greedily
from iotcall.runtime.part import Part
from tests.distill.training.conftest import TINY
from tests.lamp import FOLDER, STUDENTS

POSITIONS = 2048
ARCHITECTURES = sorted(STUDENTS)


def dialogues() -> list[Dialogue]:
    """Golden ones, and some that the students were not made for."""
    odd = [("could somebody see to the cellar", ToolCall("lamp", {"room": "cellar",
                                                                  "state": "on"})),
           ("9 and 17 and 23 but not 21", ToolCall("heat", {"degrees": 17})),
           ("note that the attic is cold", ToolCall("note", {"text": "the attic is cold"})),
           ("put down milk bread and some of the other cheese",
            ToolCall("note", {"text": "milk bread"})),
           ("", ToolCall("lamp", {"room": "attic", "state": "on"})),
           ("warm", ToolCall("heat", {"degrees": 99}))]
    return [*read_dialogues(FOLDER / "golden.jsonl"),
            *(Dialogue((LabelledTurn(said, (call,)),)) for said, call in odd)]


def one_by_one(checkpoint: Path, items: list[Dialogue], catalogue: Catalogue, format: Format
               ) -> list[tuple[ToolCall, ...] | None]:
    """As a hub decodes, each answer by itself, every pass from the first token on."""
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    pieces = format.pieces(catalogue)
    part = Part("", catalogue, format, pieces, compile_automaton(catalogue, format, pieces,
                                                                 tokenizer), tokenizer, Path())
    oracle = Oracle(checkpoint)
    found = []
    for item in golden_turns(items):
        walk = part.walk(item.history, item.utterance)
        if walk is None:
            found.append(None)
            continue
        path = decode_greedily(walk, oracle, oracle.empty(), part.prompt(
            item.history, item.utterance, oracle.fits), Limits(
                token_budget=160, deadline=float("inf"), cancelled=lambda: False, pace=Pace()))
        found.append(part.read(tokenizer.decode(path.tokens[:-1], skip_special_tokens=False))
                     if path.outcome == "call" else None)
    return found


@pytest.fixture
def judged(checkpoint_of: Callable[[str], Path], lamp: Catalogue
           ) -> Callable[..., tuple[Any, Development]]:
    """A trained student and development dialogues made ready for it."""
    def make(architecture: str, items: list[Dialogue] | None = None) -> tuple[Any, Development]:
        checkpoint = checkpoint_of(architecture)
        format = format_named(STUDENTS[architecture])
        return AutoModelForCausalLM.from_pretrained(checkpoint), Development(
            items or dialogues(), lamp, format, format.pieces(lamp),
            Tokenizer.from_file(str(checkpoint / "tokenizer.json")), POSITIONS)

    return make


@pytest.mark.parametrize("noise", [0.0, 0.15])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_answers_in_batches_are_those_of_decoding_one_by_one(
        architecture: str, noise: float, judged: Callable[..., tuple[Any, Development]],
        checkpoint_of: Callable[[str], Path], lamp: Catalogue, tmp_path: Path) -> None:
    model, development = judged(architecture)
    torch.manual_seed(4)
    with torch.no_grad():  # so that many answers are wrong, and some long
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.add_(torch.randn_like(weight) * noise * weight.std())
    model.save_pretrained(tmp_path)
    tokenizer = checkpoint_of(architecture) / "tokenizer.json"
    (tmp_path / "tokenizer.json").write_bytes(tokenizer.read_bytes())
    answers = development.answers(model)
    expected = one_by_one(tmp_path, dialogues(), lamp, format_named(STUDENTS[architecture]))
    assert list(answers.got) == expected
    assert len(answers.got) == len(development) == 20
    assert 0 < answers.correct < 20
    assert answers.got[18] is None  # nothing was said


@pytest.mark.parametrize("attention", ["causal", "prefix"])
def test_a_student_with_a_vector_for_each_position_is_judged_likewise(
        lamp: Catalogue, lamp_dialogues: list[Dialogue], tmp_path: Path,
        attention: Literal["causal", "prefix"]) -> None:
    """Batches are filled up in front, so positions must not count what fills up."""
    recipe = msgspec.structs.replace(TINY, attention=attention)
    start = from_scratch(recipe, lamp_dialogues, lamp)
    save_student(start.model, start.tokenizer, recipe, None, tmp_path)
    development = Development(dialogues(), lamp, start.format, start.pieces, start.tokenizer,
                              start.positions)
    answers = development.answers(start.model)
    assert list(answers.got) == one_by_one(tmp_path, dialogues(), lamp, start.format)
    assert len({str(got) for got in answers.got}) > 3


def test_adapted_and_rounded_students_are_judged_as_they_are(
        judged: Callable[..., tuple[Any, Development]]) -> None:
    model, development = judged("qwen3")
    plain = development.answers(model).got
    wrapped = adapted(model, Lora(rank=2))
    assert development.answers(wrapped).got == plain
    with torch.no_grad():
        for name, weight in wrapped.named_parameters():
            if "lora_B" in name:
                weight.copy_(torch.randn_like(weight))
    assert development.answers(wrapped).got != plain
    model, development = judged("qwen3")
    begin_rounding(model, 4)
    while_rounding = development.answers(model).got
    end_rounding(model)
    assert development.answers(model).got == while_rounding != plain


def test_a_student_that_learns_goes_on_learning(
        judged: Callable[..., tuple[Any, Development]]) -> None:
    model, development = judged("lfm2")
    model.train()
    development.answers(model)
    assert model.training
    model.eval()
    development.answers(model)
    assert not model.training


def test_an_item_that_does_not_fit_the_students_positions_is_unanswered(
        checkpoint_of: Callable[[str], Path], lamp: Catalogue) -> None:
    format = format_named("hermes")
    checkpoint = checkpoint_of("qwen3")
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    development = Development(dialogues(), lamp, format, format.pieces(lamp), tokenizer, 100)
    answers = development.answers(AutoModelForCausalLM.from_pretrained(checkpoint))
    assert answers.unanswered == 20
    assert answers.correct == 0


def test_figures_count_calls_and_their_names() -> None:
    on, off = ToolCall("lamp", {"state": "on"}), ToolCall("lamp", {"state": "off"})
    heat = ToolCall("heat", {"degrees": 21})
    found = Answers(expected=((on,), (on,), (on,), (heat,), ()),
                    got=((on,), (off,), None, (ToolCall("heat", {"degrees": 21.0}),), ()),
                    seconds=0.1)
    assert (found.correct, found.names, found.unanswered) == (3, 4, 1)


def test_a_refusal_is_an_answer_where_the_catalogue_allows_one(lamp: Catalogue) -> None:
    shy = msgspec.structs.replace(lamp, may_decline=True, max_calls=2)
    items = [Dialogue((LabelledTurn("never mind", ()),)),
             Dialogue((LabelledTurn("attic on and 21", (
                 ToolCall("lamp", {"room": "attic", "state": "on"}),
                 ToolCall("heat", {"degrees": 21}))),))]
    start = from_scratch(TINY, items * 8, shy)
    development = Development(items, shy, start.format, start.pieces, start.tokenizer, 512)
    steps = torch.optim.Adam(start.model.parameters(), 1e-2)
    batch = collate([{"input_ids": each.ids, "labels": each.labels} for each in sequences(
        items, start.format, shy, start.tokenizer)], 0)
    start.model.train()
    for _ in range(60):
        steps.zero_grad()
        call_loss(start.model, batch).backward()
        steps.step()
    found = development.answers(start.model)
    assert found.got == tuple(turn.calls for item in items for turn in item.turns)
    assert found.correct == 2
