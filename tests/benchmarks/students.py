"""``make bench-students DATA=FOLDER``: how good the shipped students are, as a table.

Held-out voices, golden turns and, where the folder of public files is at hand, their training
halves; what a typo and a bad recogniser cost; the turns that nothing generated says word for word;
ordinary talk that would become a command. Every figure comes from `iotcall eval`,
`iotcall calibrate` and `iotcall home judge` as anybody would run them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
WORK = ROOT / "build" / "bench" / "students"
IOTCALL = Path(sys.executable).parent / "iotcall"
STUDENTS = ("home", "smart_home", "banking", "massive_iot", "shell")


def asked(*arguments: str) -> dict[str, Any]:
    """What a command prints as JSON."""
    done = subprocess.run([str(IOTCALL), *arguments, "--json"], check=False, capture_output=True,
                          text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: {done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def evaluated(student: str, data: Path, *more: str) -> dict[str, Any]:
    return asked("eval", "--bundle", student, "--data", str(data), *more)


def share(found: dict[str, Any]) -> str:
    low, high = found["interval95"]
    return (f"{found['tool_call_equivalence']:.1%} ({found['correct']} of {found['items']}, "
            f"{low:.1%} to {high:.1%})")


def fresh(found: dict[str, Any]) -> str:
    """Of the turns that occur word for word in nothing that was generated or trained on."""
    new = found["unseen"]
    return f"{new['share']:.1%} of {new['items']}" if new else "-"


def generated(student: str) -> Path:
    """Dialogues drawn from the written turns that the student learnt from, with the usual noise."""
    WORK.mkdir(parents=True, exist_ok=True)
    file = WORK / f"{student}.seen.jsonl"
    file.unlink(missing_ok=True)
    done = subprocess.run([str(IOTCALL), "distill", "synthesise", "--catalogue", student,
                           "--dialogues", "20000", "--out", str(file)], check=False,
                          capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return file


def figures(student: str, public: Path | None) -> list[str]:
    """Rows of the student's table."""
    folder = ROOT / "grammars" / student
    sets = [("golden turns", folder / "golden.jsonl")]
    if (folder / "voices" / "heldout.said").is_file():
        sets += [("held-out voices", folder / "voices" / "heldout.said"),
                 ("development voices", folder / "voices" / "dev.said")]
    if public and (public / student / "train.jsonl").is_file():
        sets.append(("public training half", public / student / "train.jsonl"))
    seen = ["--seen", str(generated(student))]
    if public and (public / student / "train.jsonl").is_file():
        seen += ["--seen", str(public / student / "train.jsonl")]
    rows = []
    for name, data in sets:
        clean = evaluated(student, data, *(seen if "voices" in name else ()))
        typo = evaluated(student, data, "--typos", "1")
        noisy = evaluated(student, data, "--wer", "0.1")
        rows.append(f"| {name} | {share(clean)} | {clean['name_accuracy']:.1%} "
                    f"| {typo['tool_call_equivalence']:.1%} "
                    f"| {noisy['tool_call_equivalence']:.1%} "
                    f"| {clean['dialogues_correct']} of {clean['dialogues']} "
                    f"| {clean['invalid_calls']} | {clean['latency_ms']['p50']:.0f} ms "
                    f"| {fresh(clean)} |")
    if public and (folder / "synthesis" / "off_topic.toml").is_file():
        said = next(path for path in (folder / "voices" / "dev.said", folder / "golden.jsonl")
                    if path.is_file())
        found = asked("calibrate", "--bundle", student, "--data", str(said), "--off-topic",
                      str(talked(public, folder)), "--check")
        at, talk = found["thresholds"], found["off_topic"]
        rows.append(f"\nAt its thresholds (confidence "
                    f"{at['fallback_below']:.2f}, that something is "
                    f"wanted {at['wish_from']:.2f}) {talk['passed']} of {talk['utterances']} "
                    f"sentences of ordinary talk ({talk['share']:.1%}) become a command, and "
                    f"{found['commands']['share']:.1%} of commands pass")
    return rows


def talked(public: Path, folder: Path) -> Path:
    """Ordinary talk that no training has seen, nor any threshold."""
    WORK.mkdir(parents=True, exist_ok=True)
    file = WORK / f"{folder.name}.talk"
    asked("distill", "talk", str(public / "offtopic" / "clinc_train.jsonl"), "--catalogue",
          folder.name, "--part", "judge", "--out", str(file))
    return file


def homes(public: Path | None) -> list[str]:
    """Rows of what happens in homes that the student has never seen."""
    rows = ["", "| homes | exactly right | acted where nothing should happen | a wrong device |",
            "|---|---|---|---|"]
    after: list[str] = []
    for folder in ("homes", "dev_homes"):
        for name, more in (("clean", ()), ("one typo", ("--typos", "1")),
                           ("10 % word errors", ("--wer", "0.1"))):
            told = asked("home", "judge", "--bundle", "home", "--homes",
                         str(ROOT / "grammars" / "home" / "voices" / folder), *more)
            found = told["all"]
            rows.append(f"| {folder}, {name} | {found['exact'] / found['items']:.1%} "
                        f"({found['exact']} of {found['items']}) "
                        f"| {found['acted']} of {found['quiet']} | {found['wrong_device']} |")
        if public:
            told = asked("home", "judge", "--bundle", "home", "--homes",
                         str(ROOT / "grammars" / "home" / "voices" / folder), "--talk",
                         str(talked(public, ROOT / "grammars" / "home")))
            after.append(f"\n{folder}: of ordinary talk {len(told['talk']['acted'])} of "
                         f"{told['talk']['utterances']} ({told['talk_share']:.1%}) become a "
                         f"command, and {told['passed']:.1%} of wishes pass")
    return rows + after


def main() -> None:
    public = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    for student in sys.argv[2:] or STUDENTS:
        if not (ROOT / "bundles" / student).is_dir():
            continue
        print(f"\n## {student}\n\n| turns | equivalence | names | one typo | 10 % word errors "
              "| whole dialogues | invalid | median | never generated |\n"
              "|---|---|---|---|---|---|---|---|---|")
        print("\n".join(figures(student, public)), flush=True)
        if student == "home":
            print("\n".join(homes(public)), flush=True)


if __name__ == "__main__":
    main()
