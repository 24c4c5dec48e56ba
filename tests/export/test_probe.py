"""Probes of providers: real ones where they are at hand, and some that misbehave."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import msgspec
import onnxruntime
import pytest

from iotcall.bundle.layout import ProviderSettings
from iotcall.export.providers.probe import ProviderCrash, _judge, probe, run_openings, strays
from iotcall.export.target import Provider, Target, load_target
from iotcall.runtime.probe_session import Opened, Opening, Request
from iotcall.runtime.sessions import CPU, Part, Placement
from tests.export.providers import provided

HTP = Placement((Part(CPU, 2, 2), Part("QNNExecutionProvider", 1, 18)),
                (("QuantizeLinear", "x"), ("DequantizeLinear", "y")))


def _target(provider: Provider) -> Target:
    """The plainest recipe with another provider."""
    return msgspec.structs.replace(load_target("cpu-fp32")[1], provider=provider)


def _plugin(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> Target:
    """A target whose plugin runs that code when its library is asked for."""
    (folder / "odd_plugin.py").write_text(f"import os, time\ndef get_library_path():\n    {code}\n")
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{Path(__file__).parent.parent.parent}")
    return _target(Provider(name="OddExecutionProvider", plugin="odd_plugin"))


def test_the_cpu_provider_is_available() -> None:
    found = probe(*load_target("cpu-fp32"))
    assert (found.outcome, found.where) == ("available", "board")
    assert [graph.difference for graph in found.graphs] == [0.0, 0.0]
    assert found.versions["onnxruntime"] == onnxruntime.__version__


def test_a_provider_that_is_not_here_is_absent_with_a_way_out() -> None:
    found = probe(*load_target("vitisai"))
    assert found.outcome == "absent"
    assert "VitisAIExecutionProvider" in found.detail
    assert "vendor" in found.detail


def test_a_crash_is_told_by_its_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = _plugin(tmp_path, monkeypatch, "os.kill(os.getpid(), 11)")
    found = probe("odd", target)
    assert found.outcome == "crashed"
    assert found.detail == "OddExecutionProvider ended its process: SIGSEGV"


def test_a_process_that_just_ends_is_a_crash(tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    target = _plugin(tmp_path, monkeypatch, "os.write(2, b'out of luck'); os._exit(3)")
    found = probe("odd", target)
    assert found.outcome == "crashed"
    assert found.detail.endswith("exit code 3, out of luck")


def test_a_provider_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _plugin(tmp_path, monkeypatch, "time.sleep(600)")
    opening = Opening(model="any.onnx", provider=ProviderSettings(name="OddExecutionProvider",
                                                                  plugin="odd_plugin"))
    with pytest.raises(ProviderCrash, match="no answer within 3 s"):
        run_openings(Path(sys.executable), Request(openings=(opening,)), timeout_s=3)


@pytest.mark.skipif("AzureExecutionProvider" not in onnxruntime.get_available_providers(),
                    reason="this onnxruntime has no provider that takes nothing")
def test_a_provider_that_takes_no_node_fell_back() -> None:
    target = _target(Provider(name="AzureExecutionProvider"))
    assert probe("remote", target).outcome == "fell back"


def test_packages_that_cannot_be_installed_leave_a_target_absent(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOTCALL_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    found = probe(*load_target("openvino-cpu"))
    assert (found.outcome, found.graphs) == ("absent", ())
    assert "onnxruntime-openvino==1.24.1 cannot be installed" in found.detail


@pytest.mark.parametrize(("difference", "outcome"), [
    (0.0005, "available"), (0.125, "wrong numbers"), (float("inf"), "wrong numbers"),
    (float("nan"), "wrong numbers"),
])
def test_numbers_are_held_against_the_cpu_provider(difference: float, outcome: str) -> None:
    opened = Opened(outcome="opened", placement=HTP, difference=difference)
    assert _judge("a16w8", opened, load_target("qnn-htp-v68")[1]).outcome == outcome


def test_only_what_the_rules_leave_there_may_run_on_the_cpu() -> None:
    qnn = load_target("qnn-htp-v68")[1]
    assert strays(HTP, qnn) == []
    partly = msgspec.structs.replace(HTP, on_cpu=(*HTP.on_cpu, ("MatMul", "head")))
    assert strays(partly, qnn) == ["MatMul"]
    judged = _judge("a16w8", Opened(outcome="opened", placement=partly, difference=0.0), qnn)
    assert judged.outcome == "fell back"
    assert judged.detail.endswith("on the CPU: MatMul")
    assert strays(partly, load_target("cpu-int8")[1]) == []


@pytest.mark.parametrize("name", provided("qnn-htp-v68", "qnn-htp-v73", "openvino-cpu"))
def test_npu_and_openvino_targets_compute_what_the_cpu_does(name: str) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("the emulation is for x86-64")
    target = load_target(name)[1]
    found = probe(name, target)
    plain, fixed = found.graphs
    assert found.outcome == fixed.outcome == "available", found
    assert fixed.placement is not None
    assert fixed.placement.subgraphs(target.provider.name) == target.rules.partitions == 1
    assert fixed.placement.nodes(target.provider.name) >= 18
    # v68 has no floating point; nothing but the placement would tell
    assert plain.outcome == ("fell back" if name == "qnn-htp-v68" else "available")
    assert found.where == ("board" if name == "openvino-cpu" else "emulation")


@pytest.mark.parametrize("name", provided("openvino-npu"))
def test_an_npu_that_is_not_there_is_no_success(name: str) -> None:
    assert probe(*load_target(name)).where == "another device"
    if not Path("/dev/accel").exists():  # where Linux puts NPUs
        assert probe(*load_target(name), board=True).outcome == "fell back"
