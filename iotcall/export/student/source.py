"""What is exported: a checkpoint's folder, whatever it came as. Leaves out: reading its weights.

A local folder, a model hub's id (fetched by huggingface_hub, kept in its cache), or a LoRA adapter,
which is merged into its base first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from iotcall.errors import ExportError
from iotcall.export.student.adapter import ADAPTER, merge_adapter, named_base
from iotcall.export.surroundings import first_line, quiet, scratch_folder

CONFIG = "config.json"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_FILES = ("*.json", "*.safetensors", "*.jinja")
"""What an export reads of a repository, at its top: other folders hold other forms of it."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint that is ready to be read."""

    folder: Path
    """Holds config.json, weights and tokenizer."""
    given: str
    """What a person calls it: the merged adapter's folder, where the other is a scratch one."""
    config: Any
    """transformers' configuration."""
    architecture: str
    """``model_type``, e.g. ``lfm2``."""
    notes: tuple[str, ...]


@contextmanager
def open_source(given: str, *, base: str | None = None, revision: str | None = None,
                progress: Callable[[str], None] = lambda step: None) -> Iterator[Source]:
    """The checkpoint of that folder or hub id; a merged adapter lasts as long as the context.

    Args:
        given: a folder, or ``owner/name`` of a model hub.
        base: of an adapter, where it is not what the adapter names.
        revision: of the hub's repository.

    Raises:
        ExportError: it is no checkpoint, cannot be fetched, or does not fit its base.
    """
    if revision is not None and Path(given).is_dir():
        raise ExportError(f"{given} is a folder here, --revision is of a model hub's repository: "
                          "leave it out")
    folder = _folder(given, revision, progress)
    if not (folder / ADAPTER).is_file():
        if base is not None:
            raise ExportError(f"{given} is no adapter, it holds no {ADAPTER}: leave --base out")
        yield _source(folder, given, ())
        return
    base_folder = _base_of(folder, base, progress)
    read_config(base_folder)
    progress("merging the adapter into its base")
    with scratch_folder() as scratch:
        merge_adapter(folder, base_folder, scratch)
        name = base or named_base(folder).name
        yield _source(scratch, given, (f"the adapter was merged into {name}",))


def read_config(folder: Path) -> Any:
    """transformers' configuration of a checkpoint.

    Raises:
        ExportError: there is no config.json, or none that names an architecture it knows.
    """
    from transformers import AutoConfig

    path = folder / CONFIG
    try:
        named = json.loads(path.read_text(encoding="utf-8"))["model_type"]
    except FileNotFoundError:
        raise ExportError(f"{folder} holds no {CONFIG}: give the folder of a Hugging Face "
                          "checkpoint") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ExportError(f"{path} names no architecture ({error!r}): it must be JSON with a "
                          "model_type") from error
    try:
        with quiet():
            return AutoConfig.from_pretrained(folder, local_files_only=True,
                                              trust_remote_code=False)
    except Exception as error:  # transformers raises whatever its readers raise
        raise ExportError(f"{path}: transformers cannot read the configuration of {named!r}: "
                          f"{first_line(error)}") from error


def _source(folder: Path, given: str, notes: tuple[str, ...]) -> Source:
    config = read_config(folder)
    return Source(folder=folder, given=given, config=config, architecture=config.model_type,
                  notes=notes)


def _folder(given: str, revision: str | None, progress: Callable[[str], None]) -> Path:
    path = Path(given)
    if given and path.is_dir():
        return path
    if given and path.exists():
        raise ExportError(f"{given} is a file: give the folder of a checkpoint that holds "
                          "config.json and *.safetensors")
    if not _HUB_ID.fullmatch(given) or given.startswith((".", "/")):
        raise ExportError(f"{given}: expected the folder of a checkpoint or a model hub's id "
                          "(owner/name), found neither")
    from huggingface_hub import snapshot_download

    progress(f"fetching {given}")
    try:
        return Path(snapshot_download(given, revision=revision, allow_patterns=list(_FILES),
                                      ignore_patterns=["*/*"]))
    except Exception as error:  # the hub's client raises its own and its HTTP library's errors
        raise ExportError(f"{given} is no folder here and cannot be fetched from the model hub: "
                          f"{first_line(error)}; copy the checkpoint here and give its "
                          "folder") from error


def _base_of(adapter: Path, given: str | None, progress: Callable[[str], None]) -> Path:
    """The folder of an adapter's base: as given, else by the name that the adapter has for it,
    here, in it, beside it, or on the hub."""
    named = named_base(adapter)
    if given is not None:
        folder = _folder(given, None, progress)
    elif not named.name:
        raise ExportError(f"{adapter / ADAPTER} names no base model: give it with --base")
    else:
        last = Path(named.name).name
        places = (Path(named.name), adapter / named.name, adapter / last,
                  adapter.parent / named.name, adapter.parent / last)
        found = next((place for place in places if (place / CONFIG).is_file()
                      and place.resolve() != adapter.resolve()), None)
        try:
            folder = found or _folder(named.name, named.revision, progress)
        except ExportError as error:
            raise ExportError(f"{adapter} is an adapter without its base: {error}; or give the "
                              "base with --base") from error
    if (folder / ADAPTER).is_file():
        raise ExportError(f"{folder} is an adapter itself, no base: merge it first")
    return folder
