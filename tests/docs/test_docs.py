"""What the guides show is what happens."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
GUIDES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
_LINK = re.compile(r"\]\((?!http)([^)#]+)")
_TIMED = re.compile(r"[0-9.]+ ms")


def _shown() -> list[tuple[str, str]]:
    """(command, output) of every `iotcall` command in the README that shows its output."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            if command.startswith(".venv/bin/iotcall") and output:
                found.append((command, output))
    return found


def test_the_readme_shows_a_call() -> None:
    assert any(" call " in command for command, _ in _shown())


@pytest.mark.parametrize(("command", "output"), _shown())
def test_a_command_in_the_readme_prints_what_it_shows(command: str, output: str) -> None:
    _, *arguments = shlex.split(command)
    run = subprocess.run([sys.executable, "-m", "iotcall", *arguments], capture_output=True,
                         text=True, check=True, timeout=60)
    assert _TIMED.sub("- ms", run.stdout) == _TIMED.sub("- ms", output)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_a_guide_lead_somewhere(guide: Path) -> None:
    prose = re.sub(r"```.*?```", "", guide.read_text(), flags=re.DOTALL)
    for link in _LINK.findall(prose):
        assert (guide.parent / link).exists(), link


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_and_options_in_a_guide_exist(guide: Path) -> None:
    for block in re.findall(r"```console\n(.*?)```", guide.read_text(), re.DOTALL):
        for line in re.findall(r"iotcall ([a-z].*)", block):
            words = shlex.split(line.split("&")[0], comments=True)
            command = [word for word in words[:2] if re.fullmatch("[a-z]+", word)]
            if command[0] not in {"distill", "grammar", "hil", "home", "keys", "service"}:
                command = command[:1]
            shown = subprocess.run([sys.executable, "-m", "iotcall", *command, "--help"],
                                   capture_output=True, text=True, check=True, timeout=60).stdout
            for option in [word for word in words if word.startswith("--")]:
                assert option in shown, f"{command} has no {option}"
