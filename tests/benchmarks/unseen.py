"""``make bench-unseen DATA=FOLDER``: what students that saw no public turns make of them.

The shipped students of some catalogues learn from a public set's training half, so that their
figures on it say nothing of its test half. Here the same recipes are trained without it, with half
the dialogues: some 20 minutes of two cores each. A training that was interrupted goes on.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from tests.benchmarks.curves import recipe_text
from tests.benchmarks.students import IOTCALL, ROOT, asked, share

WORK = ROOT / "build" / "bench" / "unseen"
STUDENTS = ("banking", "massive_iot")


def bundle(student: str, public: Path) -> Path:
    """The bundle of a student that saw none of them."""
    recipe = tomllib.loads((ROOT / "export" / "students" / f"{student}.toml").read_text("utf-8"))
    recipe["dialogues"] //= 2
    mixture = recipe["mixture"]
    for key in ("public", "public_share"):
        del mixture[key]
    file, out = WORK / f"{student}.toml", WORK / student
    file.write_text(recipe_text(recipe), "utf-8")
    for command in (("train", "--recipe", str(file), "--public", str(public), "--out", str(out),
                     "--resume"),
                    ("export", str(out), "--catalogue", student, "--target", "cpu-int4", "--out",
                     f"{out}-bundle", "--replace")):
        done = subprocess.run([str(IOTCALL), *command], check=False, stdout=sys.stderr)
        if done.returncode:
            raise SystemExit(done.returncode)
    return Path(f"{out}-bundle")


def main() -> None:
    public = Path(sys.argv[1])
    WORK.mkdir(parents=True, exist_ok=True)
    print("| student | public training half | development voices |\n|---|---:|---:|", flush=True)
    for student in sys.argv[2:] or STUDENTS:
        made = str(bundle(student, public))
        cells = [share(asked("eval", "--bundle", made, "--data", str(data))) for data in (
            public / student / "train.jsonl",
            ROOT / "grammars" / student / "voices" / "dev.said")]
        print(f"| {student} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
