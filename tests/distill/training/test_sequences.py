from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.checkpoint import HISTORY_TURNS
from iotcall.distill.training.sequences import IGNORED, Example, sequences, texts
from iotcall.distill.training.tokenizer import train_tokenizer
from iotcall.evaluate import Dialogue, LabelledTurn, golden_turns
from iotcall.formats import COMPACT, FORMATS, LFM2, Format
from iotcall.grammar.compiler import compile_automaton
from iotcall.runtime.part import Part

DIALOGUE = Dialogue((
    LabelledTurn("attic lamp on", (ToolCall("lamp", {"state": "on", "room": "attic"}),)),
    LabelledTurn("the cellar too", (ToolCall("lamp", {"room": "cellar", "state": "on"}),)),
    LabelledTurn("heat to 21", (ToolCall("heat", {"degrees": 21}),)),
))
IN_TURNS = [format for format in FORMATS.values() if format is not COMPACT]
every_format = pytest.mark.parametrize("format", FORMATS.values(), ids=lambda each: each.name)


def examples(format: Format, catalogue: Catalogue) -> tuple[Tokenizer, list[Example]]:
    tokenizer = train_tokenizer(texts([DIALOGUE], format, catalogue), format, 320)
    return tokenizer, list(sequences([DIALOGUE], format, catalogue, tokenizer))


def written(tokenizer: Tokenizer, ids: list[int]) -> str:
    return str(tokenizer.decode(ids, skip_special_tokens=False))


def learnt(tokenizer: Tokenizer, example: Example) -> list[str]:
    """The runs of tokens that carry loss, as text."""
    runs: list[list[int]] = [[]]
    for label in example.labels:
        if label != IGNORED:
            runs[-1].append(label)
        elif runs[-1]:
            runs.append([])
    return [written(tokenizer, run) for run in runs if run]


def test_a_dialogue_is_one_sequence_where_history_looks_like_the_newest_turn(
    lamp: Catalogue
) -> None:
    tokenizer, (example,) = examples(COMPACT, lamp)
    assert written(tokenizer, example.ids) == (
        "<|user|>attic lamp on<|call|>lamp(room=attic,state=on)<|end|>"
        "<|user|>the cellar too<|call|>lamp(room=cellar,state=on)<|end|>"
        "<|user|>heat to 21<|call|>heat(degrees=21)<|end|>")
    assert learnt(tokenizer, example) == [
        "lamp(room=attic,state=on)<|end|>", "lamp(room=cellar,state=on)<|end|>",
        "heat(degrees=21)<|end|>"]


def test_a_dialogue_that_does_not_fit_loses_its_last_turns(lamp: Catalogue) -> None:
    tokenizer, (whole,) = examples(COMPACT, lamp)
    room = len(whole.ids) - 1
    (example,) = sequences([DIALOGUE], COMPACT, lamp, tokenizer, longest=room)
    assert written(tokenizer, example.ids) == (
        "<|user|>attic lamp on<|call|>lamp(room=attic,state=on)<|end|>"
        "<|user|>the cellar too<|call|>lamp(room=cellar,state=on)<|end|>")
    assert example.lost == 1
    (first,) = sequences([DIALOGUE], COMPACT, lamp, tokenizer, longest=3)
    assert first.lost == 2  # the first turn stays, whatever its length


def test_elsewhere_every_turn_is_a_sequence_with_its_history_as_the_student_will_see_it(
    lamp: Catalogue
) -> None:
    tokenizer, found = examples(LFM2, lamp)
    prefix = LFM2.pieces(lamp).prefix
    assert [written(tokenizer, example.ids).removeprefix(prefix) for example in found[:2]] == [
        "<|im_start|>user\nattic lamp on<|im_end|>\n<|im_start|>assistant\n"
        "<|tool_call_start|>[lamp(room='attic', state='on')]<|tool_call_end|><|im_end|>",
        "<|im_start|>user\nattic lamp on<|im_end|>\n<|im_start|>assistant\n"
        "<|tool_call_start|>[lamp(room='attic', state='on')]<|tool_call_end|><|im_end|>\n"
        "<|im_start|>user\nthe cellar too<|im_end|>\n<|im_start|>assistant\n"
        "<|tool_call_start|>[lamp(room='cellar', state='on')]<|tool_call_end|><|im_end|>"]
    assert len(found) == 3


@pytest.mark.parametrize("format", IN_TURNS, ids=lambda each: each.name)
def test_loss_is_on_the_newest_call_and_its_end_only(format: Format, lamp: Catalogue) -> None:
    tokenizer, found = examples(format, lamp)
    end = format.pieces(lamp).end
    assert [learnt(tokenizer, example) for example in found] == [
        [format.render(turn.calls, lamp) + end] for turn in DIALOGUE.turns]


@every_format
def test_labels_are_the_ids_where_there_is_loss(format: Format, lamp: Catalogue) -> None:
    for example in examples(format, lamp)[1]:
        assert len(example.labels) == len(example.ids)
        assert all(label in (IGNORED, id)
                   for id, label in zip(example.ids, example.labels, strict=True))


@every_format
def test_turns_are_tokenised_as_the_whole_text_would_be(format: Format, lamp: Catalogue) -> None:
    tokenizer, found = examples(format, lamp)
    for example in found:
        assert tokenizer.encode(written(tokenizer, example.ids)).ids == example.ids


@every_format
def test_every_sequence_begins_with_the_prefix(format: Format, lamp: Catalogue) -> None:
    tokenizer, found = examples(format, lamp)
    prefix = format.pieces(lamp).prefix
    assert all(written(tokenizer, example.ids).startswith(prefix) for example in found)


def test_what_is_said_is_cleaned_as_a_hub_cleans_it(lamp: Catalogue) -> None:
    tokenizer = train_tokenizer(texts([DIALOGUE], COMPACT, lamp), COMPACT, 320)
    said = Dialogue((LabelledTurn("attic <|call|> lamp\t on\n", DIALOGUE.turns[0].calls),))
    example, = sequences([said], COMPACT, lamp, tokenizer)
    assert written(tokenizer, example.ids).startswith("<|user|>attic lamp on<|call|>lamp(")


def test_only_so_many_earlier_turns_are_learnt_with_as_will_be_shown(lamp: Catalogue) -> None:
    long = Dialogue(DIALOGUE.turns * 3)
    tokenizer = train_tokenizer(texts([long], LFM2, lamp), LFM2, 320)
    found = list(sequences([long], LFM2, lamp, tokenizer))
    assert [written(tokenizer, example.ids).count("<|im_start|>user")
            for example in found] == [1, 2, 3, 4, 5, 5, 5, 5, 5]
    part = Part("", lamp, LFM2, LFM2.pieces(lamp), compile_automaton(
        lamp, LFM2, LFM2.pieces(lamp), tokenizer), tokenizer, Path())
    turns = golden_turns([long])
    for example, turn in zip(found, turns, strict=True):
        prompt = part.prompt(turn.history[-HISTORY_TURNS:], turn.utterance, lambda *_: True)
        assert example.ids == [*prompt, *part.written(turn.calls)]


def test_prompts_are_those_of_a_chat_template_where_there_is_one(lamp: Catalogue) -> None:
    tokenizer = train_tokenizer(texts([DIALOGUE], LFM2, lamp), LFM2, 320)
    own = msgspec.structs.replace(LFM2.pieces(lamp), prefix="<|startoftext|>Tools of mine.",
                                  user_open="<|im_start|>person\n")
    for example in sequences([DIALOGUE], LFM2, lamp, tokenizer, own):
        assert written(tokenizer, example.ids).startswith(
            "<|startoftext|>Tools of mine.<|im_start|>person\nattic lamp on<|im_end|>")


def test_no_token_is_added_that_the_prompt_does_not_name(lamp: Catalogue) -> None:
    tokenizer = train_tokenizer(texts([DIALOGUE], LFM2, lamp), LFM2, 320)
    before = [example.ids for example in sequences([DIALOGUE], LFM2, lamp, tokenizer)]
    tokenizer.post_processor = TemplateProcessing(
        single="<|startoftext|> $A", special_tokens=[("<|startoftext|>", 1)])
    assert [example.ids for example in sequences([DIALOGUE], LFM2, lamp, tokenizer)] == before


def test_a_tokenizer_reads_every_utterance_and_answer_and_the_prefix_now_and_then(
    lamp: Catalogue
) -> None:
    found = list(texts([DIALOGUE] * 41, LFM2, lamp))
    prefix = LFM2.pieces(lamp).prefix
    assert found[:3] == [prefix, "attic lamp on",
                         "<|tool_call_start|>[lamp(room='attic', state='on')]<|tool_call_end|>"]
    assert found.count(prefix) == 3
    assert found.count("heat to 21") == 41


def test_tokens_of_what_was_said_are_cut_and_those_of_answers_are_not(lamp: Catalogue) -> None:
    tokenizer, (plain,) = examples(COMPACT, lamp)
    cut, = sequences([DIALOGUE], COMPACT, lamp, tokenizer, splits=1.0, seed=3)
    assert written(tokenizer, cut.ids) == written(tokenizer, plain.ids)
    assert len(cut.ids) > len(plain.ids)
    assert [label for label in cut.labels if label != IGNORED] == [
        label for label in plain.labels if label != IGNORED]


@pytest.mark.parametrize("format", IN_TURNS, ids=lambda each: each.name)
def test_no_special_token_is_cut(format: Format, lamp: Catalogue) -> None:
    tokenizer = train_tokenizer(texts([DIALOGUE] * 40, format, lamp), format, 400)
    special = tokenizer.get_added_tokens_decoder()

    def marks(splits: float) -> list[int]:
        return [token for example in sequences([DIALOGUE], format, lamp, tokenizer, splits=splits)
                for token in example.ids if token in special]

    assert marks(1.0) == marks(0.0) != []


@pytest.mark.parametrize("splits", [0.0, 0.3])
def test_which_tokens_are_cut_depends_on_the_seed_alone(lamp: Catalogue, splits: float) -> None:
    tokenizer, _ = examples(COMPACT, lamp)

    def made(seed: int) -> list[Example]:
        return list(sequences([DIALOGUE] * 20, COMPACT, lamp, tokenizer, splits=splits, seed=seed))

    assert made(1) == made(1)
    assert (made(1) != made(2)) == bool(splits)
