"""A decoder that reads utterances both ways, in torch and as a graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, OPTConfig, PretrainedConfig

from iotcall.export.graphs.build import GraphPlan
from iotcall.export.graphs.stock import trace_stock
from iotcall.export.parity.oracle import Oracle
from iotcall.prefix_attention import KEY, prefix_tokens, read_both_ways, utterances
from iotcall.runtime.decoders import Decoder
from tests.export.tiny import VOCABULARY, difference, read_config, save_checkpoint, write_decoder

OPEN, CLOSE = 1, 2
TEXT = [OPEN, 10, 11, 12, 13, CLOSE, 40, 41, 42, OPEN, 14, 15, CLOSE, 43, 44, 45, 46]


def config(**more: Any) -> PretrainedConfig:
    return OPTConfig(vocab_size=VOCABULARY, hidden_size=64, word_embed_proj_dim=64, ffn_dim=96,
                     num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64,
                     do_layer_norm_before=False, activation_function="gelu", dropout=0.0, **more)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(config(**{KEY: [OPEN, CLOSE]}), tmp_path_factory.mktemp("prefix") / "it")


@pytest.fixture(scope="module")
def decoder(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Decoder:
    stock = trace_stock(checkpoint, read_config(checkpoint))
    return write_decoder(stock.skeleton, checkpoint, GraphPlan(layout="growing"),
                         tmp_path_factory.mktemp("graph"))


def model_of(checkpoint: Path, *, both_ways: bool = True) -> Any:
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
    return read_both_ways(model) if both_ways else model


def logits(model: Any, ids: list[int]) -> NDArray[np.float32]:
    """(tokens, vocabulary)."""
    with torch.no_grad():
        found: NDArray[np.float32] = model(input_ids=torch.tensor([ids])).logits[0].numpy()
    return found


def changed(model: Any, place: int) -> list[int]:
    """Places before `place` whose logits change with the token that stands there."""
    other = [*TEXT[:place], 60, *TEXT[place + 1:]]
    apart = np.abs(logits(model, TEXT) - logits(model, other)).max(axis=1)
    return [at for at in range(place) if apart[at] > 1e-6]


def test_utterances_are_numbered_from_the_end_without_their_opening_token() -> None:
    found = utterances(torch.tensor([TEXT]), (OPEN, CLOSE))[0].tolist()
    assert found == [0, 2, 2, 2, 2, 2, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(("ids", "expected"), [
    ([10, 11, CLOSE, 40], [1, 1, 1, 0]),  # its opening token was run before
    ([40, OPEN, 10, 11], [0, 0, 0, 0]),  # not closed yet
    ([40], [0]),
    ([OPEN, CLOSE], [0, 1]),
])
def test_part_of_a_dialogue_is_read_as_it_is_in_the_whole(
        ids: list[int], expected: list[int]) -> None:
    assert utterances(torch.tensor([ids]), (OPEN, CLOSE))[0].tolist() == expected


@pytest.mark.parametrize("place", range(1, len(TEXT)))
def test_a_token_sees_what_comes_only_within_its_utterance(checkpoint: Path, place: int) -> None:
    if TEXT[place] in (OPEN, CLOSE):
        return
    ends = {5: range(1, 6), 12: range(10, 13)}
    within = next((members for members in ends.values() if place in members), range(0))
    assert changed(model_of(checkpoint), place) == [at for at in within if at < place]


def test_without_it_nothing_that_comes_is_seen(checkpoint: Path) -> None:
    assert not changed(model_of(checkpoint, both_ways=False), 4)


def test_a_model_whose_configuration_names_no_tokens_stays_as_it_is(tmp_path: Path) -> None:
    plain = model_of(save_checkpoint(config(), tmp_path / "plain"))
    assert prefix_tokens(plain.config) is None
    assert not changed(plain, 4)


def test_a_batch_filled_up_on_either_side_gives_what_each_text_gives_alone(
        checkpoint: Path) -> None:
    """In front as in generation, behind as in training."""
    model, short = model_of(checkpoint), TEXT[:9]
    fill = [0] * (len(TEXT) - len(short))
    for rows, mask, at in (([TEXT, short + fill], [[1] * 17, [1] * 9 + [0] * 8], slice(0, 9)),
                           ([TEXT, fill + short], [[1] * 17, [0] * 8 + [1] * 9], slice(8, 17))):
        with torch.no_grad():
            found = model(input_ids=torch.tensor(rows), attention_mask=torch.tensor(mask)).logits
        assert np.allclose(found[0].numpy(), logits(model, TEXT), atol=1e-4)
        assert np.allclose(found[1, at].numpy(), logits(model, short), atol=1e-4)


def test_going_on_with_a_cache_gives_what_the_whole_text_gives(checkpoint: Path) -> None:
    model, whole = model_of(checkpoint), logits(model_of(checkpoint), TEXT)
    past, done = None, 0
    for size in (6, 1, 1, 2, 3, 1, 3):  # the fourth ends behind an opening token
        with torch.no_grad():
            out = model(input_ids=torch.tensor([TEXT[done:done + size]]), past_key_values=past,
                        attention_mask=torch.ones(1, done + size, dtype=torch.int64),
                        use_cache=True)
        past, done = out.past_key_values, done + size
        assert np.allclose(out.logits[0, -1].numpy(), whole[done - 1], atol=1e-4)
    assert done == len(TEXT)


@pytest.mark.parametrize("passes", [
    [17], [6, 1, 1, 1, 4, 1, 1, 1, 1], [1, 5, 4, 7], [9, 8], [13, 4]])
def test_a_graph_gives_torchs_logits_wherever_whole_utterances_are_cut(
        checkpoint: Path, decoder: Decoder, passes: list[int]) -> None:
    expected = logits(model_of(checkpoint), TEXT)
    assert difference(decoder, expected, passes, TEXT) < 1e-4
    assert np.abs(expected - logits(model_of(checkpoint, both_ways=False), TEXT)).max() > 0.01


def test_half_an_utterance_is_not_what_the_whole_one_is(
        checkpoint: Path, decoder: Decoder) -> None:
    """Why no pass may end there."""
    assert difference(decoder, logits(model_of(checkpoint), TEXT), [3, 14], TEXT) > 0.01


def test_the_oracle_reads_both_ways_too(checkpoint: Path) -> None:
    found = Oracle(checkpoint).logits(TEXT, len(TEXT))
    assert np.allclose(found, logits(model_of(checkpoint), TEXT), atol=1e-5)
