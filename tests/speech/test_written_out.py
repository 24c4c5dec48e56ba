"""Names that were spelt out aloud, as they are typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.speech import written_out


@pytest.mark.parametrize(("said", "name"), [
    ("dear, could you open recipes dot txt and read it", "recipes.txt"),
    ("reed me agenda dot t x t um yes", "agenda.txt"),
    ("no, older underscore list dot txt", "older_list.txt"),
    ("song dot m p three to anthem dot m p three", "anthem.mp3"),
    ("the last lines of journal dot em dee", "journal.md"),
    ("remove the file test dot p y four ever", "test.py"),
    ("Budget dash 2024 dot xlsx", "Budget-2024.xlsx"),
    ("src slash main dot py", "src/main.py"),
    ("an empty dot gitignore please", ".gitignore"),
    ("anything named nginx below /var/log?", "/var/log"),
    ('lines that say "TODO:" please', "TODO:"), ("print 'Hi there!' now", "Hi there!"),
    ("start __init__.py off here", "__init__.py"), ("only its #include lines", "#include"),
    ("a folder, b r a i l l e.", "braille"), ("it's b o x dash four dot t x t", "box-four.txt"),
    ("add .env to it.", ".env"), ("open '~/notes.txt'!", "~/notes.txt"), ("all *.py here", "*.py"),
])
def test_a_name_as_it_is_typed(said: str, name: str) -> None:
    assert name in written_out(said)


@pytest.mark.parametrize("said", [
    "", "dot", "a dot", "don't, Mum's isn't", "open recipes.txt", "and so on...", "twenty one",
    "- no", "up / down",
])
def test_where_nothing_is_spelt_out_there_is_none(said: str) -> None:
    assert written_out(said) == ()


@given(st.lists(st.sampled_from(
    ["a", "dot", "underscore", "t", "three", "notes", "slash", "dash", "/x", ".y", "em"]),
    max_size=12))
def test_a_name_holds_no_space_and_nothing_that_was_not_said(said: list[str]) -> None:
    text = " ".join(said)
    for name in written_out(text):
        assert name
        assert " " not in name
        assert set(name) <= set(text) | set("._-/3md")
