"""The house as its plan says: data folders, sizes, and nothing of this machine in it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from iotcall.bundle import open_bundle, verify_bundle
from iotcall.catalogue import load_catalogue
from iotcall.devices import load_home
from iotcall.dialogue import read_dialogue
from iotcall.distill.recipe import Recipe
from iotcall.errors import CallError
from iotcall.evaluate import read_dialogues
from iotcall.evaluate.prior import value_prior
from iotcall.export.target import load_target
from iotcall.settings import read_toml

ROOT = Path(__file__).parent.parent.parent
CATALOGUES = sorted(path.parent for path in ROOT.glob("grammars/*/tools.json"))
BUNDLES = sorted(path.parent for path in ROOT.glob("bundles/*/manifest.json"))


def _tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True,
                             check=False)
    if listing.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).exists()]


@pytest.mark.parametrize("folder", CATALOGUES, ids=lambda path: path.name)
def test_a_shipped_catalogue_fits_its_own_golden_dialogues_and_settings(folder: Path) -> None:
    catalogue = load_catalogue(folder)
    dialogues = read_dialogues(folder / "golden.jsonl")
    for dialogue in dialogues:
        for turn in dialogue.turns:
            for call in turn.calls:
                catalogue.check(call)
    path = folder / "dialogue.toml"
    if path.exists():  # without one a catalogue is not for a hub
        assert read_dialogue(path.read_text(), catalogue, path).history_turns > 0


@pytest.mark.parametrize("folder", BUNDLES, ids=lambda path: path.name)
def test_a_shipped_bundle_is_whole_small_and_of_the_catalogue_as_it_stands(folder: Path) -> None:
    manifest = verify_bundle(folder, full=True)
    assert sum(entry.size for entry in manifest.files.values()) <= 16_000_000
    for name in ("golden.jsonl", "dialogue.toml"):
        source = ROOT / "grammars" / manifest.catalogue / name
        assert (folder / name).is_file() == source.is_file()  # dialogue.toml: where a hub serves it
        assert not source.is_file() or (folder / name).read_bytes() == source.read_bytes()
    catalogue = ROOT / "grammars" / manifest.catalogue
    assert (open_bundle(folder).prior is None) == (
        value_prior(catalogue, load_catalogue(catalogue)) is None)
    assert load_catalogue(folder / "catalogue.json").tools == load_catalogue(
        ROOT / "grammars" / manifest.catalogue).tools


def test_every_recipe_target_and_home_can_be_read() -> None:
    for path in sorted(ROOT.glob("export/students/*.toml")):
        assert read_toml(path, Recipe).layers > 0
    for path in sorted(ROOT.glob("export/targets/*.toml")):
        assert load_target(str(path))[0] == path.stem
    for path in sorted(ROOT.glob("devices/homes/*.toml")):
        assert load_home(path).devices


def test_golden_dialogues_of_the_starter_are_not_in_its_training_sentences() -> None:
    """Held out means that no whole dialogue can be drawn: single commonplaces may recur."""
    folder = ROOT / "grammars" / "smart_home"
    rules = "\n".join(path.read_text().lower() for path in folder.glob("synthesis/*.toml"))
    several = [dialogue for dialogue in read_dialogues(folder / "golden.jsonl")
               if len(dialogue.turns) > 1]
    whole = [dialogue for dialogue in several
             if all(f'"{turn.utterance.lower()}"' in rules for turn in dialogue.turns)]
    assert len(several) > 30
    assert len(whole) / len(several) < 0.05


def test_modules_can_be_read_in_one_sitting() -> None:
    long = {str(path.relative_to(ROOT)): lines for path in (ROOT / "iotcall").rglob("*.py")
            if (lines := len(path.read_text().splitlines())) > 350}
    assert long == {}


def test_nothing_in_the_repository_names_a_machine_or_a_registry() -> None:
    words = ["/ro" + "ot/", "/wo" + "rk/", "pypi" + ".org", "hugging" + "face.co"]
    for path in _tracked():
        if path.suffix in {".py", ".toml", ".md", ".json", ".jsonl", ".txt", ""} \
                and path.name != "LICENSE" and path.stat().st_size < 1_000_000:
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not [word for word in words if word in text], path


def test_binaries_in_the_repository_are_few_and_small() -> None:
    large = {path: path.stat().st_size for path in _tracked() if path.stat().st_size > 100_000}
    assert sum(large.values()) < 60_000_000


def test_calls_outside_the_catalogue_are_found() -> None:
    catalogue = load_catalogue(CATALOGUES[0])
    with pytest.raises(CallError, match="no tool is called"):
        catalogue.tool("open_airlock")
