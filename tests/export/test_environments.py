"""Environments of providers, made from wheels of a few lines. Leaves out: real providers."""

from __future__ import annotations

import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from iotcall.errors import ExportError
from iotcall.export.providers import environments
from iotcall.export.providers.environments import environment_folder, is_ready, provider_python
from iotcall.export.target import Provider, shipped_targets

FAKE = Provider(name="FakeExecutionProvider", packages=("fake-provider==1.0",), plugin="fake",
                replaces_onnxruntime=True)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels in place of the package index, with ``fake-provider`` in it; and an empty
    cache."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    info = "fake_provider-1.0.dist-info"
    with zipfile.ZipFile(wheels / "fake_provider-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("fake.py", "def get_library_path(): return '/nowhere.so'\n")
        wheel.writestr(f"{info}/METADATA",
                       "Metadata-Version: 2.1\nName: fake-provider\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL",
                       "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("IOTCALL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setattr(environments, "_hub_requirements", lambda: [])
    return wheels


def _nothing_but_locks() -> bool:
    folder = environment_folder(FAKE).parent
    return not folder.exists() or all(path.suffix == ".lock" for path in folder.iterdir())


def test_without_packages_it_is_this_interpreter() -> None:
    assert provider_python(Provider(name="CPUExecutionProvider")) == Path(sys.executable)


def test_packages_that_are_here_need_no_environment() -> None:
    here = Provider(name="X", packages=("onnxruntime>=1.22", "numpy"))
    assert provider_python(here) == Path(sys.executable)
    assert is_ready(here)


def test_packages_that_replace_onnxruntime_never_go_into_this_interpreter(index: Path) -> None:
    assert not is_ready(Provider(name="X", packages=("numpy",), replaces_onnxruntime=True))


def test_it_is_made_once_with_the_package_and_iotcall_and_not_its_neighbours(index: Path) -> None:
    left = environment_folder(FAKE).with_suffix(".partial")
    (left / "bin").mkdir(parents=True)  # of one that was killed
    told: list[str] = []
    python = provider_python(FAKE, progress=told.append)
    assert told == ["making an environment", "installing fake-provider==1.0"]
    assert python == environment_folder(FAKE) / "bin" / "python"
    assert not left.exists()
    code = "import fake, iotcall, importlib.util as u; print(u.find_spec('onnx'), iotcall.__file__)"
    shown = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("None ")
    for wheel in index.iterdir():
        wheel.unlink()
    told.clear()
    assert provider_python(FAKE, progress=told.append) == python
    assert told == []
    assert is_ready(FAKE)


def test_two_at_once_make_one(index: Path) -> None:
    told: list[str] = []
    makers = [threading.Thread(target=provider_python, args=(FAKE,),
                               kwargs={"progress": told.append}) for _ in range(2)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join(timeout=120)
    assert is_ready(FAKE)
    assert told.count("installing fake-provider==1.0") == 1
    assert told.count("waiting for another iotcall that makes the same environment") == 1


def test_what_pip_cannot_find_is_one_line_with_a_way_out(index: Path) -> None:
    missing = Provider(name="X", packages=("no-such-provider==9",), replaces_onnxruntime=True)
    with pytest.raises(ExportError, match=r"no-such-provider==9 cannot be installed for X: Could "
                                          r"not find a version.*PIP_FIND_LINKS") as caught:
        provider_python(missing)
    assert "\n" not in str(caught.value)
    assert not is_ready(missing)
    assert _nothing_but_locks()


def test_a_package_that_pip_could_not_read_is_refused() -> None:
    with pytest.raises(ExportError, match="expected a package as pip names it"):
        provider_python(Provider(name="X", packages=("not a package!",)))


def test_an_interrupted_one_leaves_nothing(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(environments, "_install", interrupt)
        with pytest.raises(KeyboardInterrupt):
            provider_python(FAKE)
    assert _nothing_but_locks()
    assert not is_ready(FAKE)


def test_environments_differ_by_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IOTCALL_CACHE", str(tmp_path))
    targets = shipped_targets()
    folders = {name: environment_folder(targets[name].provider)
               for name in ("qnn-htp-v68", "qnn-htp-v73", "openvino-cpu")}
    assert folders["qnn-htp-v68"] == folders["qnn-htp-v73"] != folders["openvino-cpu"]
    assert folders["openvino-cpu"].parent == tmp_path / "providers"


def test_an_environment_brings_what_a_hub_needs() -> None:
    needed = environments._requirements(shipped_targets()["openvino-cpu"].provider)
    names = {environments._requirement(text).name for text in needed}
    assert {"msgspec", "numpy", "tokenizers", "onnxruntime-openvino"} <= names
    assert not names & {"onnxruntime", "torch", "onnx"}
    beside = environments._requirements(shipped_targets()["qnn-htp-v68"].provider)
    assert any(text.startswith("onnxruntime==") for text in beside)
