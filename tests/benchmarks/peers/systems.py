"""Command lines of the runners, ours and the peers'. Leaves out: asking them."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent.parent
WORK = ROOT / "build" / "peers"

_RUNNERS = {
    # name: (virtual environment, module, model below build/peers/FAMILY, options)
    "llama.cpp Q4_0": ("llama", "llamacpp", "gguf/q4_0.gguf", ()),
    "llama.cpp Q4_0, primed": ("llama", "llamacpp", "gguf/q4_0.gguf", ("--primed",)),
    "llama.cpp Q8_0": ("llama", "llamacpp", "gguf/q8_0.gguf", ()),
    "genai int4": ("genai", "genai", "genai", ("--prefix", "rewind")),
    "genai int4, no prefix": ("genai", "genai", "genai", ("--prefix", "none")),
    "transformers + Outlines": ("outlines", "outlines", "checkpoint", ()),
}
_OURS = {
    # name: (bundle below build/peers/FAMILY, guesses)
    "iotcall int4": ("cpu-int4", "none"),
    "iotcall int4, starter guesses": ("cpu-int4-drafted", "own"),
    "iotcall int4, 0 % guessed right": ("cpu-int4", "0"),
    "iotcall int4, 50 %": ("cpu-int4", "50"),
    "iotcall int4, 90 %": ("cpu-int4", "90"),
    "iotcall int4, 100 %": ("cpu-int4", "100"),
    "iotcall int8": ("cpu-int8", "none"),
    "iotcall int8, 90 %": ("cpu-int8", "90"),
}
_UNABLE = {("genai int4", "lfm2"): "it cannot rewind LFM2's convolutions"}


def command_lines(family: str) -> dict[str, list[str]]:
    """Every system of a family: name to argv, to be run in the repository's root."""
    found = {name: [str(ROOT / ".venv" / "bin" / "python"), "-m", "tests.benchmarks.peers.ours",
                    "--task", str(WORK / family / "task.json"),
                    "--model", str(WORK / family / bundle), "--guesses", guesses]
             for name, (bundle, guesses) in _OURS.items()}
    for name, (environment, module, model, options) in _RUNNERS.items():
        if (name, family) not in _UNABLE:
            found[name] = [str(WORK / environment / "bin" / "python"), "-m",
                           f"tests.benchmarks.peers.{module}",
                           "--task", str(WORK / family / "task.json"),
                           "--model", str(WORK / family / model), *options]
    return found


def unable(family: str) -> dict[str, str]:
    """Systems that are left out of a family, and why."""
    return {name: why for (name, of), why in _UNABLE.items() if of == family}
