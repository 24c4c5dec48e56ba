from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import msgspec
import pytest
from tokenizers import Tokenizer, models
from typer.testing import CliRunner

from iotcall.bundle import open_bundle
from iotcall.cli.main import app
from iotcall.distill.training.lexicon import dictionary_words, lexicon_of, written_again
from iotcall.shipped import shipped
from iotcall.speech import Lexicon
from iotcall.speech.context import END
from tests import lamp
from tests.cli.command import run

KNOWN = frozenset({"kitchen", "light", "lights", "tight", "chicken", "on", "please", "piano"})
TEXTS = ["Kitchen light on"] * 40 + ["kichen light"] * 3 + ["kitchn lights on please"] * 6 + [
    "Piano pls"] * 30 + ["zwieback on"] * 2


def test_usual_words_come_in_order_of_how_often_they_are_said() -> None:
    assert lexicon_of(TEXTS, KNOWN).usual == ("on", "light", "kitchen", "piano", "pls",
                                              "lights", "please")


def test_slips_are_no_words() -> None:
    found = lexicon_of(TEXTS, KNOWN)
    assert not {"kichen", "kitchn"} & {*found.usual, *found.spared}


def test_known_words_are_spared_where_they_might_be_taken_for_slips() -> None:
    found = lexicon_of([*TEXTS, "pianx", "pland"], KNOWN)
    assert "tight" in found.spared  # beside light
    assert "chicken" not in found.spared  # one slip away from nothing usual


def test_what_is_said_often_without_a_known_word_beside_it_is_a_word() -> None:
    assert "pls" in lexicon_of(TEXTS, KNOWN).usual
    assert "zwieback" not in lexicon_of(TEXTS, KNOWN).usual  # twice only


def test_what_is_written_again_is_a_slip_only_where_it_is_rare_beside_a_word(
    tmp_path: Path
) -> None:
    said = tmp_path / "synthesis" / "said"
    said.mkdir(parents=True)
    (said / "a.said").write_text("plese\nbruh light\nbruh plees plees plees\n pleasse bruh\n")
    (said / "b.said").write_text("and Plese | turn\n")
    again = written_again(tmp_path)
    assert again == {"plese", "bruh"}
    texts = ["please"] * 8 + ["plese"] * 3 + ["pleasse"] * 3
    assert lexicon_of(texts, KNOWN, again).spared == ("plese",)
    assert lexicon_of([*texts, *["please"] * 8], KNOWN, again).spared == ()


def test_a_plural_that_is_rarer_than_its_word_is_no_slip() -> None:
    assert lexicon_of(["piano"] * 9 + ["pianos"], KNOWN).spared == ("pianos",)
    assert lexicon_of(["lights"] * 9 + ["lightss"], KNOWN).spared == ("light",)


def test_words_of_english_are_no_slips_and_slips_no_words_of_it() -> None:
    words = dictionary_words()
    assert words >= {"teal", "hob", "mowers", "lambs", "nook", "brighten", "televisions"}
    assert words.isdisjoint({"agian", "kichen", "lihgt", "tunr", "becuase"})
    assert "teal" in lexicon_of(["tell me"] * 40 + ["teal lights"] * 6, words).usual


def test_neighbours_are_kept_where_both_are_words() -> None:
    pairs = lexicon_of([*TEXTS, *["kichen light 5"] * 9], KNOWN).pairs
    assert pairs["kitchen"] == ("", "", "light")  # 40 times
    assert pairs["light"] == ("0", "", "on")
    assert pairs[END] == ("", "piano", "kitchen")
    assert "kichen" not in pairs


def test_two_letters_are_a_word_where_the_dictionary_has_it() -> None:
    texts = ["light on"] * 40 + ["light xq"] * 40
    assert lexicon_of(texts, KNOWN).usual == ("light", "on")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Of a student that begins with an encoder that knows two words."""
    encoder = tmp_path / "encoder"
    encoder.mkdir()
    (encoder / "config.json").write_text("{}")
    Tokenizer(models.WordPiece({"[UNK]": 0, "lamp": 1, "zzy": 2, "##s": 3}, unk_token="[UNK]")
              ).save(str(encoder / "tokenizer.json"))
    path = tmp_path / "student.toml"
    path.write_text(f'architecture = "opt"\nwarm_start = "{encoder}"\n'
                    f'catalogue = "{lamp.FOLDER}"\n')
    return path


def test_a_lexicon_is_made_by_itself_or_put_into_a_bundle(recipe: Path, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iotcall.distill.training.lexicon.DIALOGUES", 600)
    out = tmp_path / "lexicon.json.gz"
    told = runner(recipe, "--out", str(out))
    made = msgspec.json.decode(gzip.decompress(out.read_bytes()), type=Lexicon)
    assert told.startswith(f"{len(made.usual)} usual words, ")
    assert "lamp" in made.usual
    bundle = Path(shutil.copytree(shipped("bundles") / "massive_iot", tmp_path / "bundle"))
    runner(recipe, "--bundle", str(bundle))
    assert open_bundle(bundle).lexicon == made
    again = tmp_path / "again.json.gz"
    runner(recipe, "--out", str(again))
    assert again.read_bytes() == out.read_bytes()


def test_it_says_what_it_lacks(recipe: Path, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path / "lexicon.json.gz"))
    asked = ("distill", "lexicon", "--recipe", str(recipe))
    assert "--out FILE or --bundle DIR" in run(*asked, code=2)
    assert "--out FILE or --bundle DIR" in run(*asked, *out, "--bundle", "home", code=2)
    nowhere = str(tmp_path / "no" / "lexicon.json.gz")
    assert "its folder is not there" in run(*asked, "--out", nowhere, code=2)
    assert "add --bundle DIR" in run(*asked, *out, "--key", "k", code=2)
    recipe.write_text(f'catalogue = "{lamp.FOLDER}"\n')
    assert "begins without an encoder" in run(*asked, *out, code=2)
    assert list(tmp_path.glob("*.gz")) == []


def runner(recipe: Path, *options: str) -> str:
    done = CliRunner().invoke(app, ["distill", "lexicon", "--recipe", str(recipe), *options])
    assert done.exit_code == 0, done.output
    return done.stdout
