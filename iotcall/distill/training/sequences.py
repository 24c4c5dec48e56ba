"""Dialogues -> token ids and labels, with loss on the calls only. Leaves out: batching.

A dialogue is one sequence where earlier turns look just as the newest one does; otherwise every
turn is a sequence of its own, with the turns before it as the student will see them. What people
say is cleaned as a hub cleans it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from random import Random

import msgspec
from tokenizers import Tokenizer

from iotcall.catalogue import Catalogue
from iotcall.checkpoint import HISTORY_TURNS
from iotcall.evaluate import Dialogue
from iotcall.formats import Format, PromptPieces
from iotcall.runtime.prompt import PromptTokens

IGNORED = -100
"""The label of tokens without loss (torch's cross entropy)."""
_PREFIX_EVERY = 20
"""Dialogues between two prefixes in a tokenizer's texts."""


class Example(msgspec.Struct, frozen=True):
    ids: list[int]
    labels: list[int]
    lost: int = 0
    """Last turns of its dialogue that did not fit."""


def texts(dialogues: Iterable[Dialogue], format: Format, catalogue: Catalogue) -> Iterator[str]:
    """What a tokenizer is trained on: every utterance and answer, and the prefix now and then.

    The prefix comes often enough for its words to become tokens, though it is the same each time.
    """
    for number, dialogue in enumerate(dialogues):
        if number % _PREFIX_EVERY == 0:
            yield format.pieces(catalogue).prefix
        for turn in dialogue.turns:
            yield turn.utterance
            yield format.render(turn.calls, catalogue)


def sequences(dialogues: Iterable[Dialogue], format: Format, catalogue: Catalogue,
              tokenizer: Tokenizer, pieces: PromptPieces | None = None, *, splits: float = 0.0,
              seed: int = 0, longest: int | None = None) -> Iterator[Example]:
    """All training sequences, in order; without `pieces`, prompts are the format's own.

    Args:
        splits: share of the prompts' tokens, those of answers not, that are cut at a random place.
        longest: tokens of a sequence; a dialogue that is one loses its last turns for it, but never
            its first. None: as many as it has.
    """
    random = Random(f"splits {seed}")
    pieces = pieces or format.pieces(catalogue)
    whole = pieces.call_open == pieces.past_call_open and pieces.past_call_close == pieces.end
    prompt = PromptTokens(tokenizer, format, pieces, catalogue)
    special = frozenset(tokenizer.get_added_tokens_decoder())
    prefix = prompt.prefix()  # its numbers are shared by all sequences: it may be a thousand tokens
    for dialogue in dialogues:
        answers = [format.render(turn.calls, catalogue) for turn in dialogue.turns]
        said = [prompt.clean(turn.utterance) for turn in dialogue.turns]
        lasts: Sequence[int] = [len(answers) - 1] if whole else range(len(answers))
        for last in lasts:
            first = 0 if whole else max(0, last - HISTORY_TURNS)
            example = _sequence(prefix, pieces, said[first:last + 1], answers[first:last + 1],
                                tokenizer, special, whole, splits, random)
            lost = 0
            while longest and whole and lost < last and len(example.ids) > longest:
                lost += 1
                example = _sequence(prefix, pieces, said[:last + 1 - lost],
                                    answers[:last + 1 - lost], tokenizer, special, whole, splits,
                                    random)
            yield msgspec.structs.replace(example, lost=lost)


def _sequence(prefix: list[int], pieces: PromptPieces, utterances: list[str], answers: list[str],
              tokenizer: Tokenizer, special: frozenset[int], whole: bool, splits: float,
              random: Random) -> Example:
    parts: list[tuple[str, bool]] = []
    for utterance, answer in zip(utterances[:-1], answers[:-1], strict=True):
        if whole:
            parts += [(pieces.open_turn(utterance), False), (answer + pieces.end, True)]
        else:
            parts.append((pieces.past_turn(utterance, answer), False))
    parts += [(pieces.open_turn(utterances[-1]), False), (answers[-1] + pieces.end, True)]
    ids, labels = [*prefix], [IGNORED] * len(prefix)
    encodings = tokenizer.encode_batch([text for text, _ in parts], add_special_tokens=False)
    for (_, learnt), encoding in zip(parts, encodings, strict=True):
        part = encoding.ids if learnt or not splits else [
            piece for token in encoding.ids for piece in (
                _cut(token, tokenizer, random) if random.random() < splits and token not in special
                else (token,))]
        ids += part
        labels += part if learnt else [IGNORED] * len(part)
    return Example(ids, labels)


def _cut(token: int, tokenizer: Tokenizer, random: Random) -> list[int]:
    """The token in pieces; one of two letters stays whole."""
    text = tokenizer.id_to_token(token)
    if len(text) < 3:
        return [token]
    place = random.randrange(1, len(text))
    return [piece.id for half in (text[:place], text[place:])
            for piece in tokenizer.model.tokenize(half)]
