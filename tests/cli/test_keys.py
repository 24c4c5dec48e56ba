"""Signing on the command line, and the hub that asks for it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from iotcall.bundle import (
    generate_key,
    key_id,
    read_private_key,
    sign_bundle,
    write_key_pair,
)
from iotcall.cli.main import app
from iotcall.errors import InputError
from tests.cli.command import ROOT, ended, run, run_json

STARTER = ROOT / "bundles" / "smart_home"


@pytest.fixture
def owner(tmp_path: Path) -> Path:
    write_key_pair(tmp_path / "owner", generate_key())
    return tmp_path / "owner"


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    write_key_pair(tmp_path / "stranger", generate_key())
    return tmp_path / "stranger"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """An unsigned bundle that may be spoilt."""
    return Path(shutil.copytree(STARTER, tmp_path / "home"))


def test_a_new_key_signs_a_bundle_that_then_names_its_signer(tmp_path: Path, copy: Path) -> None:
    key = str(tmp_path / "key")
    made = run_json("keys", "new", "--out", key)
    assert made["protected"] is False
    signed = run_json("keys", "sign", str(copy), "--key", key)
    assert signed["signed_by"] == made["key_id"]
    listed, starter = run_json("bundles", str(copy), "smart_home")
    assert (listed["signed_by"], starter["signed_by"]) == (made["key_id"], None)
    found = run_json("keys", "verify", str(copy), "--trusted", key + ".pub")
    assert found == {"folder": str(copy), "signed_by": made["key_id"], "trusted": True}


def test_a_passphrase_comes_from_the_environment(tmp_path: Path) -> None:
    key = str(tmp_path / "key")
    made = json.loads(run("keys", "new", "--out", key, "--json", IOTCALL_KEY_PASSPHRASE="sesame"))
    assert made["protected"] is True
    assert "ENCRYPTED" in Path(key).read_text()
    shown = run("keys", "show", key, IOTCALL_KEY_PASSPHRASE="sesame")
    assert shown == f"key {made['key_id']} (private, Ed25519)\n"
    assert "does not open it" in run("keys", "show", key, code=2, IOTCALL_KEY_PASSPHRASE="simsim")


@pytest.mark.parametrize(("arguments", "expected"), [
    (["keys", "new", "--out", "{owner}"], "keys are never replaced"),
    (["keys", "show", "/nonexistent"], "cannot be read"),
    (["keys", "sign", "{bundle}", "--key", "{owner}.pub"], "found a public one"),
    (["keys", "verify", "{bundle}"], r"expected a manifest\.sig, found none"),
    (["keys", "verify", "{bundle}", "--trusted", "{owner}"], "found a private one"),
])
def test_bad_input_is_named_in_one_line(
        owner: Path, arguments: list[str], expected: str) -> None:
    with pytest.raises(InputError, match=expected) as told:
        app([word.format(owner=owner, bundle=STARTER) for word in arguments],
            standalone_mode=False)
    assert "\n" not in str(told.value)


def _hub(bundle: Path, *trusted: Path, **environment: str) -> tuple[int, str]:
    """Exit code and errors of a hub whose broker is not there."""
    options = [word for path in trusted for word in ("--trusted-key", f"{path}.pub")]
    done = ended("hub", "--home", "demo", "--bundle", str(bundle), "--broker",
                 "mqtt://127.0.0.1:9", *options, **environment)
    return done.returncode, done.stderr


def test_a_hub_opens_a_bundle_that_a_trusted_key_signed(
        copy: Path, owner: Path, stranger: Path) -> None:
    sign_bundle(copy, read_private_key(owner))
    code, errors = _hub(copy, stranger, owner)
    assert code == 1
    assert "cannot reach the MQTT broker" in errors


def test_a_hub_refuses_a_bundle_of_another_signer_or_of_none(
        copy: Path, owner: Path, stranger: Path) -> None:
    code, errors = _hub(copy, owner)
    assert code == 2
    assert "found none" in errors
    key = generate_key()
    sign_bundle(copy, key)
    code, errors = _hub(copy, IOTCALL_TRUSTED_KEYS=f"{owner}.pub:{stranger}.pub")
    assert code == 2
    assert f"found one by {key_id(key.public_key())}" in errors
