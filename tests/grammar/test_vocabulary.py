from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from iotcall.errors import InputError
from iotcall.formats import COMPACT
from iotcall.grammar.vocabulary import token_bytes
from tests.grammar.conftest import KINDS
from tests.workshop import steadily


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return KINDS[request.param](COMPACT)


@given(st.text(alphabet=st.characters(exclude_characters="\u2581", codec="utf-8"), max_size=20))
@steadily
def test_the_bytes_of_an_encoding_are_the_text(tokenizer: Tokenizer, text: str) -> None:
    stands_for = token_bytes(tokenizer)
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert b"".join(stands_for[id] for id in ids) == text.encode()


def test_every_byte_has_a_token_of_its_own(tokenizer: Tokenizer) -> None:
    assert {bytes([byte]) for byte in range(256)} <= set(token_bytes(tokenizer).values())


def test_added_tokens_are_left_out(tokenizer: Tokenizer) -> None:
    tokenizer.add_tokens(["<plain>"])
    ids = token_bytes(tokenizer)
    assert tokenizer.token_to_id("<|end|>") not in ids
    assert tokenizer.token_to_id("<plain>") not in ids


def test_a_tokenizer_of_another_kind_is_refused() -> None:
    words = Tokenizer(models.WordLevel({"on": 0, "off": 1}, unk_token="off"))
    with pytest.raises(InputError, match=r"expected a byte-level or .* found .* none"):
        token_bytes(words)
