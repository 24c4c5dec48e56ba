"""Rows of files wherever they lie: JSON Lines, a JSON list, Parquet, Arrow; plain or compressed.

fsspec finds and opens them (``file://``, ``memory://``, ``s3://`` where its driver is installed),
pyarrow reads columns. JSON is read line by line and not through tables: a table would give every
call the arguments of all others, as nulls. Leaves out: what the rows mean (see rows).
"""

from __future__ import annotations

import json
import lzma
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped,unused-ignore]
import msgspec

from iotcall.distill.traces.rows import LeftOut
from iotcall.errors import InputError

LONGEST_LINE = 4_194_304
"""Bytes."""
LARGEST_LIST = 268_435_456
"""Bytes of a JSON list, which is read as a whole."""
_NAMES = re.compile(
    r".*\.(jsonl|ndjson|json|parquet|arrow)(\.[0-9]+)?(\.(gz|bz2|xz|zst|lz4))?", re.IGNORECASE)
"""Files of a folder that are read; ``traces.jsonl.1`` is a hub's older file."""
_UNREADABLE = (OSError, EOFError, ValueError, NotImplementedError, zlib.error, lzma.LZMAError)
"""What files that are damaged or of an unknown kind raise; ValueError: also pyarrow's."""
_BATCH = 256
_SECRET = re.compile(r"(?<=://)[^/@\s]+(?=@)")


class Source(msgspec.Struct, frozen=True):
    """One file."""

    url: str
    name: str
    """For people: without a password that the URL may hold."""
    size: int
    """Bytes as stored; -1 where the file system does not tell."""


def find_sources(given: Sequence[str]) -> list[Source]:
    """The files that paths, folders, patterns and URLs stand for, each once, in order.

    Raises:
        InputError: one of them is missing, holds nothing to read, or needs a driver.
    """
    found: dict[str, Source] = {}
    for text in given:
        for source in _found(text):
            found.setdefault(source.url, source)
    return list(found.values())


def _found(text: str) -> Iterator[Source]:
    name = shown(text)
    try:
        local = Path(text).exists()
        system, path = fsspec.core.url_to_fs(text)
        if local or not fsspec.core.has_magic(path):
            paths = [path] if not system.isdir(path) else [
                each for each in sorted(system.find(path)) if _NAMES.fullmatch(each)]
        else:
            paths = [each for each in sorted(system.glob(path)) if not system.isdir(each)]
        if not paths:
            raise InputError(f"{name}: nothing to read there; expected files such as *.jsonl, "
                             "*.json, *.parquet or *.arrow")
        for each in paths:
            if not system.exists(each):
                raise InputError(f"{name}: is missing; expected a file, a folder, a pattern or a "
                                 "URL")
            # subtle: only the text as given tells of files within files ("zip://a::b.zip")
            url = text if "::" in text and each == path else system.unstrip_protocol(each)
            size = system.size(each)
            plain = each if "file" in _protocols(system) else shown(url)
            yield Source(url, plain, -1 if size is None else int(size))
    except ImportError as error:
        raise InputError(f"{name}: {shown(str(error))}") from error
    except ValueError as error:
        raise InputError(f"{name}: {shown(str(error))}; expected a path or a URL that fsspec "
                         "knows") from error
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {shown(str(error))}") from error


def rows_of(source: Source) -> Iterator[Any | LeftOut]:
    """Every row as JSON has it; `LeftOut` where a line holds none.

    Raises:
        InputError: the file as a whole cannot be read.
    """
    try:
        with fsspec.open(source.url, "rb", compression="infer") as file:
            start = file.read(8)
            file.seek(0)
            if start.startswith(b"PAR1"):
                yield from _parquet(file)
            elif start.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
                yield from _arrow(file, in_file=start.startswith(b"ARROW1"))
            elif start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
                yield from _list(file)
            else:
                yield from _lines(file)
    except _UNREADABLE as error:
        raise InputError(f"{source.name}: cannot be read: {shown(str(error))[:200]}") from error


def shown(text: str) -> str:
    """A URL without the name and the password in it."""
    return _SECRET.sub("...", text)


def _protocols(system: Any) -> tuple[str, ...]:
    protocol = system.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _lines(file: Any) -> Iterator[Any | LeftOut]:
    first = True
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            while line and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE)
            yield LeftOut("line too long", f"expected at most {LONGEST_LINE} bytes")
            continue
        if first:
            line, first = line.removeprefix(b"\xef\xbb\xbf"), False
        if line.strip():
            yield _line(line)


def _line(line: bytes) -> Any | LeftOut:
    try:
        return json.loads(line.decode())
    except UnicodeDecodeError:
        return LeftOut("not UTF-8")
    except (ValueError, RecursionError) as error:
        return LeftOut("not JSON", str(error)[:120])


def _list(file: Any) -> Iterator[Any]:
    content = file.read(LARGEST_LIST + 1)
    if len(content) > LARGEST_LIST:
        raise ValueError(f"a JSON list of more than {LARGEST_LIST >> 20} MiB; write it as JSON "
                         "Lines, one object a line")
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    yield from found


def _parquet(file: Any) -> Iterator[Any]:
    from pyarrow import parquet  # type: ignore[import-untyped,unused-ignore]

    for batch in parquet.ParquetFile(file).iter_batches(batch_size=_BATCH):
        yield from map(_row, batch.to_pylist())


def _arrow(file: Any, *, in_file: bool) -> Iterator[Any]:
    from pyarrow import ipc  # type: ignore[import-untyped,unused-ignore]

    if in_file:
        reader = ipc.open_file(file)
        batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
    else:  # what the datasets library saves
        batches = iter(ipc.open_stream(file))
    for batch in batches:
        yield from map(_row, batch.to_pylist())


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """A table's row; an answer of null stays, as it is a refusal."""
    found: dict[str, Any] = _without_nulls(row)
    is_refusal = "question" in found and row.get("answer", ...) is None
    return found | ({"answer": None} if is_refusal else {})


def _without_nulls(value: Any) -> Any:
    """A table's row without the keys that it has only because other rows have them."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
