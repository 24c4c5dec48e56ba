"""A Python environment in which a target's provider can be used. Leaves out: using it.

Some providers bring an onnxruntime of their own and clash with the plain one, others are large.
Each set of packages gets a virtual environment in the cache folder (``IOTCALL_CACHE``, else
``~/.cache/iotcall``), made once, with the hub's dependencies and this iotcall.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from iotcall.errors import ExportError
from iotcall.export.target import Provider
from iotcall.shipped import cache_folder

_SOURCE = Path(__file__).resolve().parents[2]
"""The folder of the package iotcall."""
_PLAIN = "onnxruntime"


def has_packages(provider: Provider) -> bool:
    """Whether this interpreter itself can use the provider's packages, beside its onnxruntime."""
    return not provider.replaces_onnxruntime and all(
        _is_installed(_requirement(package)) for package in provider.packages)


def environment_folder(provider: Provider) -> Path:
    """Where the environment of the provider's packages is, or would be made."""
    parts = [*_requirements(provider), f"{sys.version_info[0]}.{sys.version_info[1]}",
             sys.base_prefix, str(_SOURCE)]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return cache_folder() / "providers" / digest[:16]


def is_ready(provider: Provider) -> bool:
    """Whether `provider_python` has nothing to install."""
    return has_packages(provider) or _python(environment_folder(provider)).exists()


def provider_python(provider: Provider, *,
                    progress: Callable[[str], None] = lambda _: None) -> Path:
    """The Python executable of an environment with the provider's packages and iotcall.

    It is this interpreter where that has them; else the environment is made at the first call,
    which pip needs a package index for. An interrupted call leaves nothing that looks made.

    Args:
        provider: its packages may be none, where onnxruntime itself or the board brings it.
        progress: is told what is being done, one line at a time.

    Raises:
        ExportError: pip cannot install the packages; says why and what to do.
    """
    if has_packages(provider):
        return Path(sys.executable)
    folder = environment_folder(provider)
    if not _python(folder).exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(folder.with_suffix(".lock"), progress):
            if not _python(folder).exists():  # another process may have made it meanwhile
                _make(folder, provider, progress)
    return _python(folder)


def _make(folder: Path, provider: Provider, progress: Callable[[str], None]) -> None:
    partial = folder.with_suffix(".partial")  # subtle: one maker at a time, so no clash of names
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(partial)  # of one that was killed
    try:
        progress("making an environment")
        # subtle: pip installs from outside, as putting pip into it takes longer than the rest
        own_pip = importlib.util.find_spec("pip") is not None
        venv.create(partial, with_pip=not own_pip, symlinks=True)
        installer = sys.executable if own_pip else str(_python(partial))
        progress(f"installing {', '.join(provider.packages)}")
        _install([installer, "-m", "pip", "--python", str(_python(partial))], provider)
        (package,) = partial.glob("lib/python*/site-packages")
        # subtle: a link to the package, as a path to its folder would show that one's neighbours
        (package / "iotcall").symlink_to(_SOURCE, target_is_directory=True)
        partial.rename(folder)  # subtle: nothing in it is started by a script, so it may move
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _install(pip: list[str], provider: Provider) -> None:
    command = [*pip, "install", "--quiet", "--no-input", "--disable-pip-version-check",
               "--only-binary", ":all:", "--no-compile", *_requirements(provider)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ExportError(
            f"{', '.join(provider.packages)} cannot be installed for {provider.name}: "
            f"{_fault(done.stderr)}; Python {sys.version_info[0]}.{sys.version_info[1]} on "
            f"{os.uname().machine} needs a wheel of it. Without a network set PIP_FIND_LINKS to a "
            "folder of wheels and PIP_NO_INDEX=1, or choose a target of the CPU provider")


def _fault(stderr: str) -> str:
    """Pip's first error, on one line."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return (errors or lines[-1:] or ["pip ended without a word"])[0].rstrip(".")


def _requirements(provider: Provider) -> list[str]:
    """What pip installs: the provider's packages, and the hub's, sorted."""
    hub = [text for text in _hub_requirements() if _requirement(text).name != _PLAIN]
    if not provider.replaces_onnxruntime:
        hub.append(f"{_PLAIN}=={importlib.metadata.version(_PLAIN)}")
    return sorted([*hub, *(str(_requirement(text)) for text in provider.packages)])


def _hub_requirements() -> list[str]:
    """iotcall's own dependencies, without extras."""
    project = _SOURCE.parent / "pyproject.toml"
    if project.is_file():  # a checkout: what pip noted when it was installed may be older
        texts = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    else:
        texts = importlib.metadata.requires("iotcall") or []
    found = [_requirement(text) for text in texts]
    return [f"{item.name}{item.specifier}" for item in found
            if item.marker is None or item.marker.evaluate({"extra": ""})]


def _requirement(text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        raise ExportError(f"provider.packages: expected a package as pip names it, e.g. "
                          f"'onnxruntime-qnn==2.7.0', found {text!r}") from error


def _is_installed(wanted: Requirement) -> bool:
    try:
        version = importlib.metadata.version(wanted.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return wanted.specifier.contains(version, prereleases=True)


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


@contextlib.contextmanager
def _only_one(path: Path, progress: Callable[[str], None]) -> Iterator[None]:
    """Hold the file's lock; the system lets go of it when the process ends in whatever way."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another iotcall that makes the same environment")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
