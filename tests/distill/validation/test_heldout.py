from __future__ import annotations

from pathlib import Path

import pytest

from iotcall.distill.validation.heldout import HeldOut
from iotcall.errors import FileError

SENTENCES = ["Turn the big lamp in the attic off", "Thanks!", "heat to twenty one degrees please"]


def held_out(near: float = 0.9) -> HeldOut:
    found = HeldOut(near)
    found.add(SENTENCES)
    return found


@pytest.mark.parametrize(("said", "match"), [
    ("turn the big lamp in the attic OFF.", "exact"), ("thanks", "exact"),
    ("turn the big lamp in the attic off now", "near"),
    ("heat to twenty two degrees please", ""), ("switch on the radio", ""), ("", "")])
def test_hashes_tell_the_same_as_the_sentences(said: str, match: str, tmp_path: Path) -> None:
    held_out().write(tmp_path / "hashes")
    read = HeldOut(0.85)
    read.read(tmp_path / "hashes")
    assert held_out(0.85).match(said) == read.match(said) == match


def test_a_file_of_hashes_holds_no_word_and_is_the_same_in_any_order(tmp_path: Path) -> None:
    held_out().write(tmp_path / "a")
    backwards = HeldOut(1)
    backwards.add(reversed(SENTENCES))
    backwards.write(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert b"attic" not in (tmp_path / "a").read_bytes()


@pytest.mark.parametrize("near", [0.98, 0.99, 0.995, 0.9999])
def test_near_to_one_nearly_equal_utterances_do_not_match(near: float) -> None:
    assert held_out(near).match("turn the big lamp in the attic off now") == ""
    assert held_out(near).match("THANKS") == "exact"


def test_at_one_only_equal_utterances_match() -> None:
    assert held_out(1).match("turn the big lamp in the attic off now") == ""
    assert held_out(1).match("THANKS") == "exact"


@pytest.mark.parametrize("change", [
    lambda lines: [b"{}", *lines[1:]], lambda lines: [b"\xff", *lines[1:]], lambda lines: [],
    lambda lines: [lines[0].replace(b"128", b"64"), *lines[1:]],
    lambda lines: [lines[0], b"{"], lambda lines: [lines[0], b'{"sha256":"a","minhash":"AAAA"}'],
    lambda lines: [lines[0], b'{"sha256":"a","minhash":"!"}']])
def test_what_is_no_file_of_hashes_is_refused(change, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    held_out().write(tmp_path / "hashes")
    (tmp_path / "hashes").write_bytes(
        b"\n".join(change((tmp_path / "hashes").read_bytes().split(b"\n"))))
    with pytest.raises(FileError):
        HeldOut(0.9).read(tmp_path / "hashes")
