"""Where a catalogue's training dialogues come from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from iotcall.distill.noise import Noise
from iotcall.distill.recipe import Mixture
from iotcall.distill.source import source_of
from iotcall.errors import FileError, InputError
from iotcall.evaluate import Dialogue, LabelledTurn, write_dialogues
from iotcall.shipped import shipped
from tests.lamp import FOLDER

SAID = ("[milk](text) please, jot it down | note\n"
        "[attic](room=attic) light | lamp state=on\nwarm it to [20](degrees) | heat\n")
SILENT = Noise(padded=0, slips=0, misheard=0)
TALK = Mixture(off_topic="talk.jsonl", off_topic_share=0.5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The lamp catalogue with rules, and with written sentences too."""
    made = tmp_path / "lamp"
    shutil.copytree(FOLDER, made)
    said = made / "synthesis" / "said"
    said.mkdir()
    (said / "a.said").write_text(SAID)
    return made


@pytest.fixture
def public(tmp_path: Path) -> Path:
    made = tmp_path / "public"
    made.mkdir()
    (made / "talk.jsonl").write_text("".join(
        json.dumps({"text": f"tell me joke {number}", "intent": "joke"}) + "\n"
        for number in range(20)))
    return made


def written_share(dialogues: list[Dialogue]) -> float:
    return sum(any(word in dialogue.turns[0].utterance.lower()
                   for word in ("jot it down", "warm it", "attic light"))
               for dialogue in dialogues) / len(dialogues)


def test_rules_alone_are_a_source() -> None:
    assert len(list(source_of(FOLDER, 1).dialogues(20))) == 20


def test_written_sentences_are_preferred_to_rules(folder: Path) -> None:
    assert written_share(list(source_of(folder, 1, noise=SILENT).dialogues(100))) == 1


def test_a_recipe_mixes_rules_with_written_sentences(folder: Path) -> None:
    dialogues = list(source_of(folder, 1, Mixture(rules_share=0.5),
                               noise=SILENT).dialogues(300))
    assert 0.3 < written_share(dialogues) < 0.7


def test_the_shipped_catalogue_with_both_can_be_mixed() -> None:
    source = source_of(shipped("grammars") / "smart_home", 1, Mixture(rules_share=0.5))
    assert len(list(source.dialogues(50))) == 50


@pytest.mark.parametrize("mixture", [Mixture(), Mixture(rules_share=0.5)])
def test_the_same_seed_gives_the_same_stream(folder: Path, mixture: Mixture) -> None:
    first = list(source_of(folder, 1, mixture).dialogues(50))
    assert list(source_of(folder, 1, mixture).dialogues(50)) == first
    assert list(source_of(folder, 2, mixture).dialogues(50)) != first


def test_the_noise_of_the_recipe_is_that_of_all_sentences(folder: Path, public: Path) -> None:
    (folder / "synthesis" / "off_topic.toml").write_text(
        'tool = "note"\narguments = { text = "nothing" }\n')
    mixture = Mixture(rules_share=0.3, off_topic="talk.jsonl", off_topic_share=0.5)
    loud = Noise(padded=1, slips=0, misheard=0)
    for dialogue in source_of(folder, 1, mixture, noise=loud, public=public).dialogues(100):
        for turn in dialogue.turns:
            assert len(turn.utterance.split()) > 3, turn


def test_public_files_need_their_folder(folder: Path) -> None:
    with pytest.raises(InputError, match="--public"):
        source_of(folder, 1, TALK)


def test_talk_needs_rules_that_say_what_it_becomes(folder: Path, public: Path) -> None:
    with pytest.raises(FileError, match=r"off_topic\.toml"):
        source_of(folder, 1, TALK, public=public)


def test_talk_and_public_dialogues_stand_beside_the_catalogues_own(
    folder: Path, public: Path
) -> None:
    (folder / "synthesis" / "off_topic.toml").write_text(
        'tool = "note"\narguments = { text = "nothing" }\n')
    own = next(iter(source_of(folder, 1).dialogues(1))).turns[0].calls
    write_dialogues([Dialogue((LabelledTurn("quite public", own),))], public / "a.jsonl")
    mixture = Mixture(off_topic="talk.jsonl", off_topic_share=0.5, public=("a.jsonl",),
                      public_share=0.2)
    said = [turn.utterance.lower() for dialogue in source_of(
        folder, 1, mixture, public=public).dialogues(200) for turn in dialogue.turns]
    assert any("joke" in each for each in said)
    assert "quite public" in said
    assert any("jot it" in each for each in said)


def test_the_rules_of_exchange_are_the_catalogues(folder: Path) -> None:
    (folder / "synthesis" / "exchange.toml").write_text("alone = true\n")
    assert {len(dialogue.turns) for dialogue in source_of(folder, 1).dialogues(50)} == {1}


def test_an_unknown_rule_of_exchange_is_refused(folder: Path) -> None:
    (folder / "synthesis" / "exchange.toml").write_text("alon = true\n")
    with pytest.raises(FileError, match="alon"):
        source_of(folder, 1)


def test_written_files_without_a_dialogue_are_named(folder: Path) -> None:
    (folder / "synthesis" / "said" / "a.said").write_text("# nothing yet\n")
    with pytest.raises(FileError, match="said: holds no dialogue; expected lines"):
        source_of(folder, 1)


def test_dialogues_of_which_nothing_can_be_drawn_say_so(folder: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iotcall.distill.written.Written._varied", lambda *_: None)
    with pytest.raises(InputError, match="nothing can be drawn"):
        list(source_of(folder, 1).dialogues(1))
