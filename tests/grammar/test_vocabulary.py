from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from iotcall.errors import InputError
from iotcall.formats import COMPACT
from iotcall.grammar.vocabulary import Vocabulary
from tests.grammar.conftest import KINDS
from tests.workshop import steadily


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return KINDS[request.param](COMPACT)


@given(st.text(alphabet=st.characters(exclude_characters="\u2581", max_codepoint=0xBFFFF,
                                      codec="utf-8"), max_size=20))
@steadily
def test_the_bytes_of_an_encoding_are_the_text(tokenizer: Tokenizer, text: str) -> None:
    stands_for = Vocabulary(tokenizer).all_bytes()
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert b"".join(stands_for[id] for id in ids) == text.encode()


def test_every_byte_but_those_of_the_highest_planes_has_a_token(tokenizer: Tokenizer) -> None:
    wanted = {bytes([byte]) for byte in range(256) if byte not in (0xF3, 0xF4)}
    assert wanted <= set(Vocabulary(tokenizer).all_bytes().values())


def test_added_tokens_are_left_out(tokenizer: Tokenizer) -> None:
    tokenizer.add_tokens(["<plain>"])
    ids = Vocabulary(tokenizer).all_bytes()
    assert tokenizer.token_to_id("<|end|>") not in ids
    assert tokenizer.token_to_id("<plain>") not in ids


@given(st.sets(st.integers(0, 255), max_size=40))
@steadily
def test_tokens_of_some_bytes_are_all_tokens_that_have_no_others(
    tokenizer: Tokenizer, alphabet: set[int]
) -> None:
    vocabulary = Vocabulary(tokenizer)
    assert vocabulary.spelt_with(alphabet) == {
        id: text for id, text in vocabulary.all_bytes().items() if alphabet.issuperset(text)}


def test_a_special_token_that_is_missing_is_named(tokenizer: Tokenizer) -> None:
    with pytest.raises(InputError, match="no token '<no>'"):
        Vocabulary(tokenizer).special("<no>")


def test_a_tokenizer_of_another_kind_is_refused() -> None:
    words = Tokenizer(models.WordLevel({"on": 0, "off": 1}, unk_token="off"))
    with pytest.raises(InputError, match=r"expected a byte-level or .* found .* none"):
        Vocabulary(words)
