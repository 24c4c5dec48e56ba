from __future__ import annotations

import pytest

from iotcall.distill.teacher import open_endpoint
from iotcall.errors import InputError

URL = "https://example.org/v1"
KEY = "sk-very-secret"


def test_the_key_comes_from_the_variable_that_is_named_and_shows_in_no_repr() -> None:
    endpoint = open_endpoint(URL + "/chat/completions/", " big ", {"MINE": f" {KEY}\n"},
                             key_variable="MINE")
    assert (endpoint.base_url, endpoint.model, endpoint.key) == (URL, "big", KEY)
    assert KEY not in repr(endpoint)


def test_a_key_of_another_service_is_never_taken_by_itself() -> None:
    assert open_endpoint(URL, "m", {"OPENAI_API_KEY": KEY}).key == ""
    assert open_endpoint(URL, "m", {"IOTCALL_TEACHER_KEY": KEY}).key == KEY


@pytest.mark.parametrize(("url", "says"), [
    ("", "no http"), ("localhost:80/v1", "no http"), ("ftp://host/v1", "no http"),
    ("http://", "no host"), ("http://[::1/v1", "unreadable"), ("http://host:99999/v1", "unread"),
    (f"https://{KEY}@host/v1", "holds a user"), (f"https://host/v1?key={KEY}", "holds a user"),
    ("http://example.org/v1", "use https"),
])
def test_a_base_url_that_is_none_or_would_give_the_key_away_is_refused(url: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        open_endpoint(url, "m", {})
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("url", ["http://localhost:1/v1", "http://127.0.0.1/v1", "http://[::1]/v1",
                                 "http://10.0.0.3:8000/v1", "http://box.local/v1"])
def test_a_service_in_the_own_network_needs_no_https(url: str) -> None:
    assert open_endpoint(url, "m", {}).base_url == url


@pytest.mark.parametrize(("variable", "value"), [
    (KEY, KEY), ("MISSING", None), ("MINE", "two words"), ("MINE", "ключ"), ("MINE", " ")])
def test_a_key_that_is_none_is_refused_and_never_repeated(
        variable: str, value: str | None) -> None:
    environ = {} if value is None else {"MINE": value}
    with pytest.raises(InputError) as caught:
        open_endpoint(URL, "m", environ, key_variable=variable)
    assert KEY not in str(caught.value)
    assert value is None or not value.strip() or value not in str(caught.value)


@pytest.mark.parametrize("model", ["", " ", "a\nb", "x" * 201])
def test_a_model_without_a_name_is_refused(model: str) -> None:
    with pytest.raises(InputError, match="--model"):
        open_endpoint(URL, model, {})
