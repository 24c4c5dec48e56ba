from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import fsspec
import pyarrow
import pytest
from pyarrow import ipc, parquet

from iotcall.distill.traces.reading import LONGEST_LINE, find_sources, rows_of
from iotcall.distill.traces.rows import LeftOut
from iotcall.errors import InputError

ROWS: list[dict[str, Any]] = [
    {"question": [{"role": "user", "content": "light"}],
     "answer": {"name": "lamp", "parameters": {"state": "on"}}},
    {"question": [{"role": "user", "content": "warmer"}],
     "answer": {"name": "heat", "parameters": {"degrees": 21}}}]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def read(*given: str) -> list[Any]:
    return [row for source in find_sources(given) for row in rows_of(source)]


def write(name: str, folder: Path) -> Path:
    path = folder / name
    table = pyarrow.Table.from_pylist(ROWS)
    if ".parquet" in name:
        parquet.write_table(table, path)
    elif name == "file.arrow":
        with ipc.new_file(path, table.schema) as file:
            file.write_table(table)
    elif name == "stream.arrow":
        with ipc.new_stream(path, table.schema) as file:
            file.write_table(table)
    elif name.endswith(".gz"):
        path.write_bytes(gzip.compress(LINES))
    elif name.endswith(".json"):
        path.write_text(json.dumps(ROWS, indent=2))
    else:
        path.write_bytes(b"\xef\xbb\xbf" + LINES.replace(b"\n", b"\r\n\n"))
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.1", "a", "a.jsonl.gz", "a.json", "a.parquet",
                                  "file.arrow", "stream.arrow"])
def test_every_kind_of_file_gives_the_same_rows(name: str, tmp_path: Path) -> None:
    path = write(name, tmp_path)
    assert read(str(path)) == ROWS
    assert read(f"file://{path}") == ROWS


def test_a_table_keeps_a_refusal_and_gives_a_call_no_argument_of_another(tmp_path: Path) -> None:
    rows = [{"question": "light", "answer": None}, {"question": "hello", "answer": "no"}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert read(str(tmp_path / "a.parquet")) == rows


def test_a_url_of_another_file_system_is_read() -> None:
    with fsspec.open("memory://traces/a.jsonl", "wb") as file:
        file.write(LINES)
    assert read("memory://traces/a.jsonl") == ROWS
    assert read("memory://traces/*.jsonl", "memory://traces/a.jsonl") == ROWS
    assert read("memory://traces") == ROWS


def test_a_file_within_a_file_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in.jsonl", LINES)
    assert read(f"zip://in.jsonl::{tmp_path}/a.zip") == ROWS


def test_a_folder_gives_its_files_in_order_and_each_file_is_read_once(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.parquet", "b.jsonl.1", "notes.txt"):
        write(name, tmp_path)
    names = [Path(source.name).name for source in
             find_sources([str(tmp_path), str(tmp_path / "b.jsonl"), str(tmp_path / "*.parquet")])]
    assert names == ["a.parquet", "b.jsonl", "b.jsonl.1"]


def test_a_line_that_is_no_row_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"torn": \n\xff\xfe\n' + b"x" * (LONGEST_LINE + 5) + b"\n" + LINES)
    found = read(str(path))
    assert [row.reason for row in found[:3] if isinstance(row, LeftOut)] == [
        "not JSON", "not UTF-8", "line too long"]
    assert found[3:] == ROWS


@pytest.mark.parametrize(("given", "complaint"), [
    ("missing.jsonl", "is missing"), ("*.nothing", "nothing to read"),
    ("nosuch://x", "nosuch"), ("a\0b", "is missing")])
def test_what_cannot_be_found_is_an_input_error(given: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        find_sources([given])


@pytest.mark.parametrize(("name", "content"), [
    ("a.parquet", b"PAR1 and no more"), ("a.jsonl.gz", b"\x1f\x8b no gzip"),
    ("a.arrow", b"ARROW1 and no more"), ("a.json", b"[1, 2"),
    ("a.jsonl.gz", gzip.compress(LINES)[:-12])])
def test_a_damaged_file_is_an_input_error(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        read(str(tmp_path / name))


def test_a_password_in_a_url_is_not_shown() -> None:
    with pytest.raises(InputError) as caught:
        find_sources(["nosuch://ann:secret@host/a.jsonl"])
    assert "secret" not in str(caught.value)
