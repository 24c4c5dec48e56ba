from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from iotcall.distill.training.tokenizer import train_tokenizer
from iotcall.formats import HERMES
from tests.workshop import steadily


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(["switch on the lamp", "heat to 2121", "2121 lamps"] * 9, HERMES, 300)


def test_special_tokens_come_first_and_are_single_ids(tokenizer: Tokenizer) -> None:
    for id, token in enumerate(HERMES.special_tokens):
        assert tokenizer.encode(token).ids == [id]


def test_the_vocabulary_is_no_larger_than_asked_for(tokenizer: Tokenizer) -> None:
    assert tokenizer.get_vocab_size() <= 300
    assert max(tokenizer.get_vocab().values()) < 300


def test_words_are_learnt_and_digits_kept_apart(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("on the lamp").tokens == ["on", "\u0120the", "\u0120lamp"]
    assert tokenizer.encode("2121").tokens == ["2", "1", "2", "1"]


@given(st.text(max_size=20))
@steadily
def test_every_text_can_be_written_and_read(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text).ids
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_the_same_texts_give_the_same_tokenizer(tokenizer: Tokenizer) -> None:
    again = train_tokenizer(["switch on the lamp", "heat to 2121", "2121 lamps"] * 9, HERMES, 300)
    assert again.to_str() == tokenizer.to_str()
