"""Exports that fail: one line for the person, and nothing left on any disk."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.lamp import FOLDER

GOLDEN = (FOLDER / "golden.jsonl").read_text()
Export = Callable[..., "Fault"]


class Fault(NamedTuple):
    """How the command line ended."""

    code: int
    line: str
    """On stderr; "" if there was none."""


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Students this small only wait for other threads.

    Imports first what leaves a folder of torch's own where TMPDIR then points.
    """
    import torch

    import iotcall.export.exporter  # noqa: F401

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What TMPDIR is for the export."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder that bundles are written into."""
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


@pytest.fixture
def export(scratch: Path, place: Path, checkpoint_of: Callable[[str], Path],
           monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Export:
    """Run ``iotcall export`` as a command that must fail without leaving anything behind."""
    from iotcall.cli import main

    def run(*options: object, checkpoint: object = None, catalogue: object = FOLDER,
            out: Path = place / "bundle") -> Fault:
        before = _everything(place)
        arguments = [str(checkpoint or checkpoint_of("qwen3")), "--catalogue", str(catalogue),
                     "--out", str(out), *map(str, options)]
        monkeypatch.setattr(sys, "argv", ["iotcall", "export", *arguments])
        handler = signal.getsignal(signal.SIGTERM)
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            signal.signal(signal.SIGTERM, handler)
        shown, errors = capsys.readouterr()
        assert shown == ""
        lines = [line for line in errors.splitlines() if not line.startswith("note: ")]
        assert len(lines) <= 1, errors
        assert list(scratch.iterdir()) == []
        assert _everything(place) == before
        return Fault(int(str(ended.value.code)), "".join(lines))

    return run


def _everything(folder: Path) -> list[tuple[str, bytes]]:
    return [(str(path), path.read_bytes() if path.is_file() else b"")
            for path in sorted(folder.rglob("*"))]


@pytest.mark.parametrize(("content", "expected"), [
    (None, "golden.jsonl: cannot be read: [Errno 2] No such file"),
    ("", "golden.jsonl: holds no dialogue; expected one JSON object a line"),
    (GOLDEN + "{broken\n", "golden.jsonl [line 9]: "),
    (GOLDEN + '{"question": "go", "answer": {"name": "fly", "arguments": {}}}\n',
     "golden.jsonl [dialogue 9]: no tool is called 'fly'; expected one of lamp, heat, note"),
])
def test_golden_dialogues_that_cannot_be_used(
        tmp_path: Path, export: Export, content: str | None, expected: str) -> None:
    catalogue = shutil.copytree(FOLDER, tmp_path / "lamp")
    (catalogue / "golden.jsonl").unlink()
    if content is not None:
        (catalogue / "golden.jsonl").write_text(content)
    for found in (export(catalogue=catalogue),
                  export("--goldens", catalogue / "golden.jsonl"),
                  export("--calibration", catalogue / "golden.jsonl")):
        assert found.code == 2
        assert expected in found.line


@pytest.mark.parametrize(("content", "expected"), [
    (b"[turns", "dialogue.toml: is not valid TOML: "),
    (b"\xff", "dialogue.toml: cannot be read: 'utf-8' codec can't decode"),
])
def test_dialogue_settings_that_cannot_be_read(
        tmp_path: Path, export: Export, content: bytes, expected: str) -> None:
    catalogue = shutil.copytree(FOLDER, tmp_path / "lamp")
    (catalogue / "dialogue.toml").write_bytes(content)
    found = export(catalogue=catalogue)
    assert found.code == 2
    assert expected in found.line


def test_a_bundle_or_a_file_in_the_way(place: Path, export: Export) -> None:
    (place / "bundle").mkdir()
    assert export() == (2, f"error: {place}/bundle exists; choose another --out or add --replace")
    (place / "bundle" / "mine").write_text("mine")
    assert "holds no bundle; it is not replaced" in export("--replace").line
    assert "is a file; choose a folder for --out" in export(out=place / "bundle" / "mine").line


@pytest.mark.parametrize(("target", "expected"), [
    ("nosuch", "'nosuch' is neither a path nor shipped in export/targets/; shipped: cpu-fp32, "),
    ("rk3588", "rk3588 is not a target: its NPU takes files of Rockchip's RKLLM toolkit only"),
])
def test_targets_that_there_are_not(export: Export, target: str, expected: str) -> None:
    found = export("--target", target)
    assert found.code == 2
    assert expected in found.line


def test_a_target_file_that_does_not_fit(tmp_path: Path, export: Export) -> None:
    (tmp_path / "mine.toml").write_text('summary = "mine"\nprecison = "fp32"\n')
    found = export("--target", tmp_path / "mine.toml")
    assert found.code == 2
    assert "mine.toml" in found.line


def test_a_key_that_cannot_sign(tmp_path: Path, export: Export) -> None:
    for path in (tmp_path / "nothing", FOLDER / "golden.jsonl"):
        found = export("--sign-key", path)
        assert found.code == 2
        assert str(path) in found.line


def test_options_of_other_sources(export: Export, checkpoint_of: Callable[[str], Path]) -> None:
    found = export("--base", checkpoint_of("lfm2"))
    assert found == (2, f"error: {checkpoint_of('qwen3')} is no adapter, it holds no "
                        "adapter_config.json: leave --base out")
    found = export("--revision", "main")
    assert found.code == 2
    assert "--revision is of a model hub's repository: leave it out" in found.line


@pytest.mark.parametrize(("fault", "expected"), [
    (lambda folder: (folder / "model.safetensors").write_bytes(b"short"), "copy the checkpoint"),
    (lambda folder: (folder / "model.safetensors").unlink(), "holds no *.safetensors"),
    (lambda folder: (folder / "config.json").write_text("{"), "names no architecture"),
    (lambda folder: (folder / "tokenizer.json").unlink(), "holds no tokenizer.json"),
    (lambda folder: (folder / "tokenizer_config.json").write_text("{"), "read the tokenizer"),
    (lambda folder: (folder / "iotcall.json").write_text("{"), "give --format and --catalogue"),
    (lambda folder: _configure(folder, layer_types=["conv"] * 3), "qwen3"),
    (lambda folder: _configure(folder, num_hidden_layers=4, layer_types=["full_attention"] * 4),
     "save the whole model"),
])
def test_a_broken_checkpoint(
        tmp_path: Path, export: Export, checkpoint_of: Callable[[str], Path],
        fault: Callable[[Path], object], expected: str) -> None:
    student = shutil.copytree(checkpoint_of("qwen3"), tmp_path / "student")
    fault(student)
    found = export(checkpoint=student)
    assert found.code == 2
    assert expected in found.line


def _configure(folder: Path, **settings: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


@pytest.fixture
def small_disk() -> Iterator[Callable[[Path, str], None]]:
    """Mount a disk of that size on a folder."""
    mounted: list[Path] = []

    def mount(folder: Path, size: str) -> None:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
                              capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.decode().strip()}")
        mounted.append(folder)

    try:
        yield mount
    finally:
        for folder in mounted:
            subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def few(tmp_path: Path) -> tuple[str, Path, str]:
    """Options of a short export."""
    (tmp_path / "few.jsonl").write_text(GOLDEN.splitlines()[0])
    return "--goldens", tmp_path / "few.jsonl", "--no-prefix"


@pytest.mark.parametrize("size", ["16k", "300k", "1m"])
def test_a_full_scratch_disk(
        size: str, scratch: Path, place: Path, export: Export, few: tuple[object, ...],
        small_disk: Callable[[Path, str], None]) -> None:
    small_disk(scratch, size)
    found = export(*few)
    assert found.code == 1
    assert found.line.startswith("error: the export stopped: ")
    assert f"nothing was written to {place}/bundle. Scratch files go to TMPDIR ({scratch})" in (
        found.line)
    assert "No space left" in found.line or "the disk is probably full" in found.line


def test_a_full_scratch_disk_for_a_merged_adapter(
        tmp_path: Path, scratch: Path, export: Export, few: tuple[object, ...],
        checkpoint_of: Callable[[str], Path], small_disk: Callable[[Path, str], None]) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(checkpoint_of("qwen3"))
    get_peft_model(model, LoraConfig(r=1, target_modules=["q_proj"])).save_pretrained(
        tmp_path / "adapter")
    small_disk(scratch, "300k")
    found = export(*few, "--format", "hermes", checkpoint=tmp_path / "adapter")
    assert found.code == 1
    assert "No space left on device" in found.line


def test_a_full_disk_for_the_bundle(
        place: Path, export: Export, few: tuple[object, ...],
        small_disk: Callable[[Path, str], None]) -> None:
    small_disk(place, "200k")
    found = export(*few)
    assert found.code == 1
    assert found.line.startswith("error: the export stopped: [Errno 28] No space left on device: ")


@pytest.mark.parametrize(("number", "step"), [
    (signal.SIGINT, "reading the chat template"), (signal.SIGTERM, "reading the chat template"),
    (signal.SIGINT, "tracing the graph"), (signal.SIGTERM, "tracing the graph"),
    (signal.SIGINT, "golden turns: torch"), (signal.SIGTERM, "writing graphs: final"),
    (signal.SIGINT, "the page"), (signal.SIGTERM, "the page"),
], ids=lambda value: getattr(value, "name", value))
def test_a_signal(number: signal.Signals, step: str, export: Export, few: tuple[object, ...],
                  monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.progress import Progress

    reached = []

    def update(*_: object, description: str = "", **__: object) -> None:
        if description.startswith(step):
            reached.append(description)
            signal.raise_signal(number)

    def page(*_: object) -> str:
        update(description="the page")
        return ""

    monkeypatch.setattr(Progress, "update", update)
    monkeypatch.setattr("iotcall.export.exporter.certificate_page", page)
    assert export(*few) == (
        (130, "interrupted") if number == signal.SIGINT else (143, ""))
    assert len(reached) == 1
