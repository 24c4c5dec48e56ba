"""Runs of the bench as they might be: one with everything, one with failures, a tiny one."""

from __future__ import annotations

import random

import msgspec

from iotcall.evaluate import wilson_interval
from iotcall.hil.baseline import judge_against
from iotcall.hil.rows import Row, Run, Series, Stamp
from iotcall.hil.statistics import summarise

TOOLS = ("turn", "set_brightness", "set_color", "set_temperature", "open_cover", "lock_door",
         "get_state", "set_timer", "add_to_list", "play_media", "no call")


def everything(board: str = "host-x86", *, seed: int = 1, ms: float = 41, worse: int = 0) -> Run:
    """Latency, accuracy, noise, memory and temperature over time, instructions."""
    return Run(
        board=board, suite="nightly", bundle="smart_home",
        bundle_sha256="5d41402abc4b2a76b9719d911017c592" * 2, began="2026-03-01T02:00:07+00:00",
        seconds=1523, versions={"iotcall": "0.8.0", "onnxruntime": "1.24.1", "python": "3.11.9",
                                "board": "AMD EPYC 7B13", "instruction_set": "avx2",
                                "system": "Linux-6.1.0-18-amd64-x86_64-with-glibc2.36"},
        rows=(holds("identity.hashes", "23 files are as the manifest says."),
              holds("identity.signature", "Signed by the key that the suite trusts."),
              *claims(), *accuracy(worse), *latency(seed, ms), *memory()),
        series=watched(seed), exact=tuple(turn >= worse for turn in range(214)))


def failing() -> Run:
    """A slower and worse model, a leaking hub, a tampered file, judged against `everything`."""
    run = everything(seed=2, ms=53, worse=9)
    tampered = Row(check="identity.hashes", stamp="measured", verdict="failed",
                   told="model.onnx.data differs from the manifest (sha256 9f2c… instead of 5d41…)"
                        "; install the bundle again, and see who wrote to the board")
    leak = Row(check="memory.growth", stamp="measured", verdict="failed", value=38.2, unit="MB",
               told="the hub's own memory grew by 38.2 MB after 200 utterances; expected <= 8; "
                    "look at what an utterance leaves behind", budget="<= 8")
    run = msgspec.structs.replace(run, rows=(tampered, *run.rows[1:-1], leak))
    return msgspec.structs.replace(run, rows=(*run.rows, *judge_against(run, everything())))


def tiny() -> Run:
    """One row."""
    return Run(board="qemu-arm64", suite="pull_request", bundle="lamp", bundle_sha256="00" * 32,
               began="2026-03-01T02:00:07Z", seconds=4.2, versions={"iotcall": "0.8.0"},
               rows=(msgspec.structs.replace(holds("identity.hashes", "4 files are right."),
                                             stamp="emulated"),))


def emulated(board: str = "emu-arm64") -> Run:
    """Accuracy and instructions only: an emulated board has no times."""
    run = everything(board)
    rows = tuple(msgspec.structs.replace(row, stamp="emulated") for row in run.rows
                 if row.unit != "ms")
    counted = Row(check="latency.instructions", stamp="emulated", verdict="reported",
                  value=1.234e9, unit="instructions", told="of 20 golden turns")
    return msgspec.structs.replace(run, rows=(*rows, counted), series=())


def holds(check: str, told: str) -> Row:
    return Row(check=check, stamp="measured", verdict="passed", told=told)


def claims() -> tuple[Row, ...]:
    return tuple(Row(check="claims.elsewhere", stamp="measured", verdict="passed", value=0,
                     unit="count", told=f"{graph}: 214 nodes on CPUExecutionProvider",
                     budget="<= 0", labels={"graph": graph})
                 for graph in ("chunk.onnx", "step.onnx"))


def share(check: str, right: int, of: int, **labels: str) -> Row:
    return Row(check=check, stamp="measured", verdict="reported", value=right / of, unit="share",
               told=f"{right} of {of} turns", interval95=wilson_interval(right, of), labels=labels)


def accuracy(worse: int) -> tuple[Row, ...]:
    rows = []
    for data, of in (("golden", 214), ("voices/heldout.said", 480)):
        rows += [share("accuracy.exact", of - round(of * rate * 1.4) - worse, of, data=data,
                       wer=f"{rate:g}") for rate in (0, 0.02, 0.05, 0.1, 0.2)]
    for data, of in (("golden", 214),):
        rows.append(share("accuracy.names", of - 2, of, data=data, wer="0"))
        rows.append(share("accuracy.dialogues", of // 3 - 6, of // 3, data=data, wer="0"))
        for turns in (1, 2, 3, 4):
            labels = {"data": data, "wer": "0", "turns": str(turns)}
            rows.append(share("accuracy.dialogues_of", 40 - turns * 2, 40, **labels))
            rows.append(Row(check="accuracy.dialogues_independent", stamp="measured",
                            verdict="reported", value=0.96 ** turns, unit="share",
                            told="as if errors were independent", labels=labels))
    rows += [share("accuracy.exact_of", 20 - number % 4 - (worse > 0), 20, data="golden", wer="0",
                   tool=tool) for number, tool in enumerate(TOOLS)]
    return tuple(rows)


def latency(seed: int, ms: float) -> tuple[Row, ...]:
    return tuple(timed(check, ms * share, 662 if share == 1 else 40, seed)
                 for check, share in (("latency.utterance_to_command", 1),
                                      ("latency.cold_start", 19)))


def timed(check: str, ms: float, count: int, seed: int, stamp: Stamp = "measured") -> Row:
    drawn = random.Random(f"{check} {seed}")
    samples = tuple(ms * drawn.lognormvariate(0, 0.25) for _ in range(count))
    found = summarise(samples)
    return Row(check=check, stamp=stamp, verdict="passed", value=found.p90, unit="ms",
               samples=samples, interval95=found.p90_interval95, budget=f"<= {ms * 2:.3g}",
               told=f"p90 of {count} queries")


def memory() -> tuple[Row, ...]:
    return (Row(check="memory.peak", stamp="measured", verdict="passed", value=118.4, unit="MB",
                told="the most that was resident", budget="<= 200"),
            Row(check="memory.growth", stamp="measured", verdict="passed", value=0.6, unit="MB",
                told="after 200 utterances", budget="<= 8"))


def watched(seed: int) -> tuple[Series, ...]:
    drawn = random.Random(seed)
    seconds = tuple(float(each) * 5 for each in range(120))
    return (Series(name="memory", unit="MB", stamp="measured", seconds=seconds, values=tuple(
                96 + min(second, 60) / 3 + drawn.random() for second in seconds)),
            Series(name="own_memory", unit="MB", stamp="measured", seconds=seconds, values=tuple(
                41 + min(second, 60) / 4 + drawn.random() for second in seconds)),
            Series(name="temperature", unit="°C", stamp="measured", seconds=seconds, values=tuple(
                48 + min(second, 300) / 20 + drawn.random() for second in seconds)))
