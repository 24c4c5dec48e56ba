"""Recipes of targets: the shipped ones are honest, wrong ones are told where they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from iotcall.errors import FileError, InputError
from iotcall.export.target import load_target, load_unserved, shipped_targets
from iotcall.shipped import shipped

TARGETS = shipped_targets()
MINIMAL = """
summary = "A chip"
precision = "fp32"
verified = "unverified"
verified_with = "nobody"
[provider]
name = "CPUExecutionProvider"
[shapes]
layout = "growing"
"""
WEIGHTS = "[weights]\nbits = 4\n"
ACTIVATIONS = "[activations]\nbits = 16\n"


def _load(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    load_target(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize("name", TARGETS)
def test_a_shipped_recipe_says_how_it_was_verified_and_where_its_quirks_are_from(name: str) -> None:
    target = TARGETS[name]
    assert target.verified_with
    assert "\n" not in target.summary + target.verified_with
    if target.provider.name != "CPUExecutionProvider":
        assert target.sources
    if target.verified == "unverified":
        assert "nobody" in target.verified_with.lower()
    if target.verified == "emulated":
        assert target.emulation is not None
        assert target.emulation.same_device


@pytest.mark.parametrize("name", TARGETS)
def test_a_shipped_recipe_pins_its_packages(name: str) -> None:
    assert all("==" in package for package in TARGETS[name].provider.packages)


def test_fixed_point_targets_forbid_what_fails_on_them() -> None:
    for name in ("qnn-htp-v68", "qnn-htp-v73"):
        rules = TARGETS[name].rules
        assert rules.static_shapes
        assert not {"Where", "IsNaN", "Erf", "LayerNormalization"} & {*rules.operators}
        assert rules.least_constant is not None
        assert rules.least_constant <= TARGETS[name].shapes.mask
        assert TARGETS[name].activations is not None
        assert TARGETS[name].activations.fixed_ranges == {"Sigmoid": (0, 1), "Tanh": (-1, 1)}


def test_what_is_not_served_says_why_and_names_a_target_that_is() -> None:
    for name, unserved in load_unserved().items():
        assert name not in TARGETS
        assert unserved.reason
        assert any(target in unserved.instead for target in TARGETS), name
        with pytest.raises(InputError, match=f"{name} is not a target: .*; use "):
            load_target(name)
    with pytest.raises(InputError, match="RK3588 is not a target"):
        load_target("RK3588")


def test_an_unknown_name_lists_the_shipped_ones() -> None:
    with pytest.raises(InputError, match="cpu-fp32, cpu-int4, cpu-int4-latin, cpu-int8"):
        load_target("cpu-int9")


def test_a_recipe_of_ones_own_is_named_after_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(MINIMAL)
    name, target = load_target(str(tmp_path / "mine.toml"))
    assert (name, target.summary) == ("mine", "A chip")


@pytest.mark.parametrize(("text", "place", "message"), [
    (MINIMAL + WEIGHTS + ACTIVATIONS, "weights", "found both"),
    (MINIMAL + WEIGHTS, "precision", "expected 'int4'"),
    (MINIMAL + ACTIVATIONS, "precision", "expected 'a16w8'"),
    (MINIMAL.replace("fp32", "a16w8") + ACTIVATIONS, "activations", "expected static shapes"),
    (MINIMAL.replace("fp32", "int4") + WEIGHTS + "block_size = 24\n", "weights.block_size",
     "power of two"),
    (MINIMAL.replace("growing", "shared"), "shapes.capacity", "64 tokens or more"),
    (MINIMAL.replace("growing", "static") + "capacity = 128\nchunk = 128\n", "shapes.chunk",
     "chunk of 2 to 127"),
    (MINIMAL + '[head]\nrows = "asked"\n', "head.rows", "packed weights"),
    (MINIMAL.replace("layout", "layuot"), "shapes", "did you mean `layout`"),
])
def test_a_recipe_that_does_not_fit_is_told_where(tmp_path: Path, text: str, place: str,
                                                  message: str) -> None:
    with pytest.raises(FileError, match=message) as caught:
        _load(tmp_path, text)
    assert caught.value.place == place


def test_no_recipe_file_is_left_out() -> None:
    assert sorted(TARGETS) == sorted(path.stem for path in shipped("export/targets").iterdir())
