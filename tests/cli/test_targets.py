"""``iotcall targets``."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import run, run_json


def test_the_table_has_every_target_and_what_is_not_served() -> None:
    shown = run("targets")
    lines = shown.splitlines()
    assert lines[0].split() == ["target", "precision", "provider", "verified", "for"]
    row = next(line for line in lines if line.startswith("qnn-htp-v68"))
    assert row.split()[1:4] == ["a16w8", "QNNExecutionProvider", "emulated"]
    assert "on no board yet" in lines[lines.index(row) + 1]
    assert "rk3588: its NPU takes files of Rockchip's RKLLM toolkit only" in shown.split(
        "not served:")[1]


def test_one_target_is_shown_in_full_with_its_sources() -> None:
    shown = run("targets", "qnn-htp-v68")
    assert "soc_model = 93" in shown
    assert "fixed_ranges: Sigmoid = 0.0, 1.0; Tanh = -1.0, 1.0" in shown
    assert "sources:\n  - soc_model 93 is QCS6490" in shown


def test_json_has_the_recipes_whole() -> None:
    listed = run_json("targets")
    assert listed["targets"]["cpu-int4"]["weights"]["bits"] == 4
    assert "rk3588" in listed["unserved"]
    one = run_json("targets", "openvino-cpu")
    assert list(one["targets"]) == ["openvino-cpu"]


def test_a_probe_of_the_cpu_shows_what_ran_where() -> None:
    shown = run("targets", "--probe", "cpu-fp32")
    assert shown.startswith("cpu-fp32: available\n  fp32: available: 6 nodes on "
                            "CPUExecutionProvider")


def test_a_probe_of_what_is_absent_ends_with_1(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('summary = "x"\nprecision = "fp32"\nverified = "unverified"\n'
                      'verified_with = "nobody"\n[provider]\nname = "NoExecutionProvider"\n'
                      '[shapes]\nlayout = "growing"\n')
    run("targets", "--probe", str(recipe), "--json", code=1)


def test_a_name_that_is_not_served_says_what_to_use() -> None:
    assert "use cpu-int4" in run("targets", "rk3588", code=2)


def test_board_without_probe_is_refused() -> None:
    assert "--board goes with --probe" in run("targets", "--board", code=2)
