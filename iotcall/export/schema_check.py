"""Compile JSON Schemas one by one and test values against their languages. Build side only.

Files may hold one schema; a list of ``{"description", "schema", "tests"}`` as
JSON-Schema-Test-Suite has them; one ``{"schema", "tests"}``; or JSON Lines of schemas or of rows
with ``json_schema``. Leaves out: catalogues.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from tokenizers import Tokenizer

from iotcall.catalogue import Node, ordered, read_schema
from iotcall.catalogue.tools import LARGEST_FILE
from iotcall.errors import FileError, InputError, SchemaError
from iotcall.formats import MARKER_BASE, Format, Slots, json_text
from iotcall.grammar.compiler import Answers, compile_answers
from iotcall.grammar.spelling import Speller
from iotcall.grammar.vocabulary import Vocabulary

_REASONS = 20


class Case(msgspec.Struct, frozen=True):
    name: str
    schema: Any
    tests: tuple[tuple[str, Any, bool], ...] = ()
    """Description, value, whether the schema accepts it."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one schema."""

    name: str
    compiled: bool
    pointer: str = ""
    """JSON pointer of what was refused."""
    reason: str = ""
    compile_ms: float = 0.0
    """From the schema to the automaton over tokens."""
    states: int = 0
    accepted: bool | None = None
    """Whether the given value is in the language; None where none was given."""
    tests: int = 0
    valid: int = 0
    """Values of the tests that the schema accepts."""
    valid_accepted: int = 0
    """Of these, values that the language holds: it may be smaller."""
    unsound: tuple[str, ...] = ()
    """Tests whose value the language holds though the schema refuses it."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    total: int
    compiled: int
    compiled_share: float
    median_compile_ms: float
    longest_compile_ms: float
    refusals: dict[str, int]
    """The most frequent reasons."""
    tests: int
    valid: int
    accepted: int
    unsound: int
    schemas: tuple[Checked, ...]


class Checker:
    """Compiles schemas over one vocabulary, as JSON text behind nothing and before the end."""

    def __init__(self, tokenizer: Tokenizer, format: Format) -> None:
        self._tokenizer = tokenizer
        self._vocabulary = Vocabulary(tokenizer)
        self._end = format.markers[-1]

    def check(self, case: Case, value: Any = None, *, with_value: bool = False) -> Checked:
        """Compile the schema of a case; look for the value, and run the case's own tests."""
        began = time.perf_counter()
        try:
            node = read_schema(case.schema)
            slots = Slots()
            expression = json_text.value_pattern(node, slots) + chr(MARKER_BASE)
            automaton = compile_answers(Answers(expression, (self._end,), tuple(slots.found)),
                                        self._vocabulary)
        except InputError as error:
            pointer = error.pointer if isinstance(error, SchemaError) else ""
            reason = str(error).removeprefix(f"{pointer}: ")
            return Checked(name=case.name, compiled=False, pointer=pointer, reason=reason,
                           compile_ms=1000 * (time.perf_counter() - began))
        elapsed = 1000 * (time.perf_counter() - began)
        speller = Speller(automaton, self._tokenizer)
        verdicts = [(name, valid, self._holds(speller, node, data))
                    for name, data, valid in case.tests]
        return Checked(
            name=case.name, compiled=True, compile_ms=round(elapsed, 2), states=automaton.states,
            accepted=self._holds(speller, node, value) if with_value else None,
            tests=len(verdicts), valid=sum(valid for _, valid, _ in verdicts),
            valid_accepted=sum(valid and held for _, valid, held in verdicts),
            unsound=tuple(name for name, valid, held in verdicts if held and not valid))

    def _holds(self, speller: Speller, node: Node, value: Any) -> bool:
        try:
            text = json_text.render(ordered(node, value))
            return speller.parts(text + self._end) is not None
        except (UnicodeEncodeError, RecursionError, ValueError, ArithmeticError):
            return False  # half a character, or what JSON cannot write


def read_cases(path: Path) -> list[Case]:
    """Every schema of a file, or of all .json and .jsonl files below a folder.

    Raises:
        FileError: a file that cannot be read.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix in (".json", ".jsonl"))
        if not files:
            raise FileError(path, "holds no .json or .jsonl file")
        return [case for file in files for case in _cases(file, str(file.relative_to(path)))]
    return _cases(path, path.name)


def read_json(path: Path) -> Any:
    """The value in a JSON file.

    Raises:
        FileError: it cannot be read or is no JSON.
    """
    return _parsed(path, _text_of(path), "")


def summarise(found: list[Checked]) -> Report:
    """Counts over all schemas."""
    compiled = [each for each in found if each.compiled]
    times = [each.compile_ms for each in compiled]
    reasons = Counter(each.reason for each in found if not each.compiled)
    return Report(
        total=len(found), compiled=len(compiled),
        compiled_share=round(len(compiled) / len(found), 4) if found else 0.0,
        median_compile_ms=round(median(times), 2) if times else 0.0,
        longest_compile_ms=round(max(times, default=0.0), 2),
        refusals=dict(reasons.most_common(_REASONS)), tests=sum(each.tests for each in compiled),
        valid=sum(each.valid for each in compiled),
        accepted=sum(each.valid_accepted for each in compiled),
        unsound=sum(len(each.unsound) for each in compiled), schemas=tuple(found))


def _cases(file: Path, name: str) -> list[Case]:
    text = _text_of(file)
    if file.suffix == ".jsonl":
        rows = [(f"{name}:{number}", _parsed(file, line, f"line {number}"))
                for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
        if not rows:
            raise FileError(file, "holds no line")
        return [case for row_name, row in rows for case in _rows(row, row_name)]
    return _rows(_parsed(file, text, ""), name)


def _rows(value: Any, name: str) -> list[Case]:
    if isinstance(value, list) and value and all(
            isinstance(item, dict) and "schema" in item for item in value):
        return [_case(item, f"{name}#{index} {item.get('description', '')}".strip())
                for index, item in enumerate(value)]
    if isinstance(value, dict) and "schema" in value and not {"type", "properties"} & value.keys():
        return [_case(value, name)]
    if isinstance(value, dict) and isinstance(value.get("json_schema"), (str, dict)):
        inner = value["json_schema"]
        if isinstance(inner, str):
            try:
                inner = json.loads(inner)
            except (ValueError, RecursionError):
                inner = {"type": f"unreadable: {inner[:40]}"}
        return [Case(str(value.get("unique_id", name)), inner)]
    return [Case(name, value)]


def _case(item: dict[str, Any], name: str) -> Case:
    listed = item.get("tests", [])
    tests = tuple((str(test.get("description", index)), test.get("data"), bool(test.get("valid")))
                  for index, test in enumerate(listed if isinstance(listed, list) else ())
                  if isinstance(test, dict))
    return Case(name, item["schema"], tests)


def _text_of(file: Path) -> str:
    try:
        size = file.stat().st_size
        if size > LARGEST_FILE and file.suffix != ".jsonl":
            raise FileError(file, f"has {size / 1e6:.1f} MB; expected "
                                  f"{LARGEST_FILE / 1e6:.0f} MB at most")
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(file, f"cannot be read: {error}") from error


def _parsed(file: Path, text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(file, f"is not valid JSON: {error}", place=place) from error
