from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from iotcall.errors import FileError, InputError
from iotcall.hub.fallback import Endpoint, Fallback, api_key, check_fallback, read_endpoint
from iotcall.settings import parse_toml

GOOD: dict[str, Any] = {"url": "http://localhost:11434/v1", "model": "qwen3:8b"}


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fallback: Fallback


def test_a_table_of_a_file_is_read_with_its_breaker() -> None:
    read = parse_toml("""
        [fallback]
        url = "https://models.example.org/v1"
        model = "big"
        api_key_env = "BIG_KEY"
        order = "ask"
        breaker = { failures = 2, seconds = 30 }
    """, File, Path("hub.toml")).fallback
    assert check_fallback(read) == read
    assert (read.order, read.breaker.failures, read.record) == ("ask", 2, False)


def test_an_unknown_key_is_refused_and_the_nearest_is_named() -> None:
    with pytest.raises(FileError, match="did you mean `deadline_seconds`"):
        parse_toml('[fallback]\nurl = "http://box"\ndeadline = 3', File, Path("hub.toml"))


@pytest.mark.parametrize(("url", "endpoint"), [
    ("http://localhost:11434", ("http", "localhost", 11434, "/v1/chat/completions")),
    ("http://localhost:11434/v1/", ("http", "localhost", 11434, "/v1/chat/completions")),
    ("http://[::1]:8080", ("http", "::1", 8080, "/v1/chat/completions")),
    ("http://192.168.1.7", ("http", "192.168.1.7", 80, "/v1/chat/completions")),
    ("http://box.local/v1/chat/completions", ("http", "box.local", 80, "/v1/chat/completions")),
    ("https://models.example.org", ("https", "models.example.org", 443, "/v1/chat/completions")),
    ("https://models.example.org/api/v1",
     ("https", "models.example.org", 443, "/api/v1/chat/completions")),
])
def test_any_base_url_leads_to_its_chat_completions(
    url: str, endpoint: tuple[str, str, int, str]
) -> None:
    scheme, host, port, path = endpoint
    assert read_endpoint(url) == Endpoint(tls=scheme == "https", host=host, port=port, path=path)


@pytest.mark.parametrize("url", ["http://models.example.org", "http://8.8.8.8/v1"])
def test_what_is_said_at_home_never_travels_the_internet_readable(url: str) -> None:
    with pytest.raises(InputError, match="use https"):
        read_endpoint(url)


@pytest.mark.parametrize("url", [
    "localhost:11434", "ftp://box", "http://", "http://box:many", "http://user:geheim@box",
    "http://box/v1?key=geheim", "http://box/v1#geheim", "http://bo x/",
    "http://box/v1\r\nX: geheim"])
def test_another_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InputError, match=r"expected a base URL|api_key_env") as told:
        read_endpoint(url)
    assert "geheim" not in str(told.value)


@pytest.mark.parametrize(("changed", "place"), [
    ({"url": ""}, "url"),
    ({"topic": "models/ask"}, "url"),
    ({"url": "http://models.example.org"}, "url"),
    ({"model": ""}, "model"),
    ({"url": "", "topic": "models/#"}, "topic"),
    ({"url": "", "topic": "models/ask", "api_key_env": "KEY"}, "api_key_env"),
    ({"model": "a\nb"}, "model"),
    ({"deadline_seconds": 0.1}, "deadline_seconds"),
    ({"deadline_seconds": float("nan")}, "deadline_seconds"),
    ({"wait_reply": "x" * 201}, "wait_reply"),
    ({"names": -1}, "names"),
    ({"breaker": {"failures": 0}}, "breaker.failures"),
    ({"breaker": {"seconds": float("inf")}}, "breaker.seconds"),
])
def test_a_setting_out_of_its_range_is_named(changed: dict[str, Any], place: str) -> None:
    with pytest.raises(InputError, match=f"^fallback.{place}: "):
        check_fallback(msgspec.convert(GOOD | changed, Fallback))


def test_a_key_in_the_place_of_its_variables_name_is_refused_unseen() -> None:
    with pytest.raises(InputError, match="never put into a file") as told:
        check_fallback(Fallback(**GOOD, api_key_env="sk-geheim"))
    assert "geheim" not in str(told.value)


def test_the_key_comes_from_the_environment() -> None:
    settings = Fallback(**GOOD, api_key_env="BIG_KEY")
    assert api_key(settings, {"BIG_KEY": " sk-geheim\n"}) == "sk-geheim"
    assert api_key(Fallback(**GOOD), {"BIG_KEY": "sk-geheim"}) == ""


@pytest.mark.parametrize("held", [None, "", "  ", "geheim geheim", "geheim\r\nX: y", "gehéim"])
def test_a_variable_without_a_key_is_named_and_never_shown(held: str | None) -> None:
    environ = {} if held is None else {"BIG_KEY": held}
    with pytest.raises(InputError, match="BIG_KEY") as told:
        api_key(Fallback(**GOOD, api_key_env="BIG_KEY"), environ)
    assert "geheim" not in str(told.value)
