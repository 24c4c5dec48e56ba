"""Schemas of strings, integers and numbers -> nodes. Leaves out: everything that nests."""

from __future__ import annotations

import re
from decimal import Decimal, localcontext
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, TypeVar

from iotcall.catalogue.nodes import Integer, Number, Source, Text, decimal_places
from iotcall.catalogue.text_formats import FORMATS, UNHONOURED
from iotcall.catalogue.values import is_endless, is_number
from iotcall.errors import SchemaError

DEFAULT_TEXT_LENGTH = 256
"""Characters of a string without maxLength."""
LONGEST_TEXT = 32_768
"""Characters of any string: a larger maxLength is read as this."""
DEFAULT_INTEGER = 999_999_999_999_999
"""Largest magnitude of an integer without bounds: exact as a double too."""
DEFAULT_NUMBER = 1_000_000_000
"""Magnitude below which a number without bounds stays."""
DEFAULT_DIGITS = 6
"""Digits after the point of a number that declares neither step nor digits."""
SIGNIFICANT_DIGITS = 15
"""Digits of a decimal, before and after the point together: what a double keeps apart."""
KNOWN_EXTENSIONS = {"x-grounded", "x-derived", "x-registry", "x-digits"}
"""Our own keywords: where a value must come from, and the digits of a decimal."""

_LARGEST_STEPS = 10**40
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def read_text(schema: dict[str, Any], pointer: str) -> Text:
    """Lengths, pattern, format and source of a string."""
    low = count(schema, "minLength", pointer, 0)
    high = count(schema, "maxLength", pointer, max(low, DEFAULT_TEXT_LENGTH))
    if LONGEST_TEXT < low <= high:
        raise SchemaError(f"{pointer}/minLength", f"strings of more than {LONGEST_TEXT} characters "
                                                  "cannot be honoured here")
    if low > high:
        raise SchemaError(pointer, f"minLength {low} is above maxLength {high}")
    pattern, format = schema.get("pattern"), schema.get("format")
    if pattern is not None:
        try:
            re.compile(pattern)
        except (re.error, TypeError, RecursionError, OverflowError) as error:
            raise SchemaError(f"{pointer}/pattern", "expected a regular expression, found "
                                                    f"{pattern!r}: {error}") from error
    if isinstance(format, str) and not {format} & (FORMATS.keys() | UNHONOURED) and (
            not get_close_matches(format, FORMATS, 1, 0.8)):
        format = None  # somebody's annotation: JSON Schema has no such format
    if format is not None and (not isinstance(format, str) or format not in FORMATS):
        raise SchemaError(f"{pointer}/format", f"the format {format!r} cannot be honoured here; "
                          f"expected one of {', '.join(sorted(FORMATS))}, or a pattern")
    return Text(low, min(high, LONGEST_TEXT), pattern, format,
                _source(schema, pointer, registry=True))


def read_integer(schema: dict[str, Any], pointer: str) -> Integer:
    """Bounds, step and source of an integer."""
    step = _fraction(schema, "multipleOf", pointer, Fraction(1))
    if step <= 0:
        raise SchemaError(f"{pointer}/multipleOf", f"expected a number above 0, found {step}")
    # multiples of 3/2 that are integers are multiples of 3
    whole = Fraction(step.numerator)
    low, high = _bounds(schema, pointer, whole, DEFAULT_INTEGER)
    return Integer(int(low * whole), int(high * whole), int(whole), _source(schema, pointer))


def read_number(schema: dict[str, Any], pointer: str) -> Number:
    """Bounds, step and source of a decimal."""
    digits = count(schema, "x-digits", pointer, DEFAULT_DIGITS)
    if digits > SIGNIFICANT_DIGITS:
        raise SchemaError(f"{pointer}/x-digits", f"expected {SIGNIFICANT_DIGITS} at most")
    step = _fraction(schema, "multipleOf", pointer, Fraction(1, 10**digits))
    if step <= 0:
        raise SchemaError(f"{pointer}/multipleOf", f"expected a number above 0, found {step}")
    if "multipleOf" in schema and "x-digits" in schema:
        raise SchemaError(f"{pointer}/x-digits", "multipleOf and x-digits together; keep one")
    if 10**30 % step.denominator:
        raise SchemaError(f"{pointer}/multipleOf", "expected a step with a finite decimal writing")
    low, high = _bounds(schema, pointer, step, DEFAULT_NUMBER - step)
    if max(abs(low * step), abs(high * step)) * 10**_places(step) >= 10**SIGNIFICANT_DIGITS:
        if "multipleOf" in schema or "x-digits" in schema:
            raise SchemaError(pointer, f"decimals of more than {SIGNIFICANT_DIGITS} digits cannot "
                                       "be told apart; lower the bounds or the digits")
        # wide bounds leave fewer digits after the point
        whole = len(str(int(max(abs(low * step), abs(high * step)))))
        step = Fraction(1, 10**max(0, SIGNIFICANT_DIGITS - whole))
        low, high = _bounds(schema, pointer, step, DEFAULT_NUMBER - step)
    return Number(_decimal(low * step), _decimal(high * step), _decimal(step),
                  _source(schema, pointer))


def count(schema: dict[str, Any], keyword: str, pointer: str, default: int) -> int:
    """A keyword that counts; 2.0 is a count too."""
    value = schema.get(keyword, default)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise SchemaError(f"{pointer}/{keyword}", f"expected a count, found {value!r}")
    return value


def _bounds(schema: dict[str, Any], pointer: str, step: Fraction, magnitude: Fraction | int,
            ) -> tuple[int, int]:
    """Smallest and largest multiple of the step, in steps."""
    # a bound beyond the default on one side moves the default of the other along
    least = _fraction(schema, "minimum", pointer, None)
    most = _fraction(schema, "maximum", pointer, None)
    above = _exclusive(schema, "exclusiveMinimum", least, pointer)
    below = _exclusive(schema, "exclusiveMaximum", most, pointer)
    lows = [bound for bound in (least, above) if bound is not None]
    highs = [bound for bound in (most, below) if bound is not None]
    low = max(lows) if lows else min([Fraction(-magnitude), *(h - 10**9 for h in highs)])
    high = min(highs) if highs else max([Fraction(magnitude), *(b + 10**9 for b in lows)])
    first, last = -(-low // step), high // step
    if above is not None and first * step <= above:
        first += 1
    if below is not None and last * step >= below:
        last -= 1
    if first > last:
        raise SchemaError(pointer, f"no value lies between {_shown(low)} and {_shown(high)}"
                          + (f" in steps of {_shown(step)}" if step != 1 else ""))
    if max(abs(first), abs(last)) > _LARGEST_STEPS:
        raise SchemaError(pointer, "the bounds are too far apart to be written out")
    return int(first), int(last)


def _exclusive(schema: dict[str, Any], keyword: str, inclusive: Fraction | None, pointer: str,
               ) -> Fraction | None:
    """The bound that must not be reached; draft 4 writes it as a flag beside the inclusive one."""
    flag = schema.get(keyword)
    if isinstance(flag, bool):
        return inclusive if flag else None
    return _fraction(schema, keyword, pointer, None)


D = TypeVar("D")


def _fraction(schema: dict[str, Any], keyword: str, pointer: str, default: D) -> Fraction | D:
    if keyword not in schema:
        return default
    value = schema[keyword]
    if not is_number(value) or is_endless(value):
        raise SchemaError(f"{pointer}/{keyword}", f"expected a number, found {value!r}")
    if abs(value) > 10**40 or (value and abs(value) < 1e-30):
        raise SchemaError(f"{pointer}/{keyword}", f"{value!r} is too large or small to be honoured")
    return Fraction(str(value))


def _places(step: Fraction) -> int:
    return decimal_places(_decimal(step))


def _decimal(value: Fraction) -> Decimal:
    with localcontext() as context:
        context.prec = 120
        return (Decimal(value.numerator) / Decimal(value.denominator)).normalize()


def _shown(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else str(float(value))


def _source(schema: dict[str, Any], pointer: str, *, registry: bool = False) -> Source | None:
    grounded, derived = schema.get("x-grounded", False), schema.get("x-derived", {})
    if not isinstance(grounded, bool):
        raise SchemaError(f"{pointer}/x-grounded", f"expected true or false, found {grounded!r}")
    if "x-registry" in schema:
        name = schema["x-registry"]
        if not registry or grounded or not isinstance(name, str) or not _NAME.fullmatch(name):
            raise SchemaError(f"{pointer}/x-registry", "expected the name of a list of names of "
                              f"the home (areas, devices, ...) for a string, found {name!r}")
        return Source("registry", name)
    if not isinstance(derived, dict) or (derived and not grounded) or not all(
            is_number(value) or isinstance(value, str) for value in derived.values()):
        raise SchemaError(f"{pointer}/x-derived", "expected phrases and their values beside "
                                                  f"x-grounded: true, found {derived!r}")
    return Source("said", "", tuple(derived.items())) if grounded else None

