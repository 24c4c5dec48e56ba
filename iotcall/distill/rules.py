"""Rules of a dialogue grammar: what people say for a call, alone or after another call.

A catalogue's rules are TOML files in ``grammars/<name>/synthesis/``; ``lexicon.toml`` beside them
says how values are spoken, ``around.toml`` what is said before and behind. Leaves out: drawing
dialogues from them.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from iotcall.catalogue import Catalogue, Enumeration, Field, Integer, Text
from iotcall.errors import FileError
from iotcall.settings import read_toml

_LEXICON, _AROUND = "lexicon.toml", "around.toml"
_OTHERS = frozenset({_LEXICON, _AROUND, "exchange.toml", "off_topic.toml"})
_VARIABLE = re.compile(r"\{([a-z_]*)\}")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sentences that mean one call."""

    call: str
    """``tool key=value key={variable}``; a key that is not named is absent."""
    says: tuple[str, ...]
    """Sentences; ``{variable}`` is spoken as the lexicon says."""
    after: str = ""
    """The call just before, in the same form; ``key={}`` is any value. Empty: no call needed."""
    shares: str = ""
    """Rules of one such name share all their sentences: only the context tells them apart."""
    alone: bool = False
    """Said first in a dialogue only: after another call it would mean something else."""
    breaks_off: bool = False
    """The sentences are unfinished: nothing may be put behind them."""


class Pattern(msgspec.Struct, frozen=True):
    """A parsed `Rule.call` or `Rule.after`."""

    tool: str
    literals: dict[str, str]
    variables: dict[str, str]
    """Argument -> variable name; an empty name matches any value."""


class ParsedRule(msgspec.Struct, frozen=True):
    call: Pattern
    after: Pattern | None
    says: tuple[str, ...]
    alone: bool
    breaks_off: bool


class Around(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What people say around a call: thanks, second thoughts, reasons."""

    call: str
    """``tool key=value``; other arguments are free."""
    before: tuple[str, ...] = ()
    """In front of the sentence, with its comma: "great,"."""
    behind: tuple[str, ...] = ()
    """Behind it, with its comma or space: ", the kids are home"."""


class ParsedAround(msgspec.Struct, frozen=True):
    call: Pattern
    before: tuple[str, ...]
    behind: tuple[str, ...]


class _AroundFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    around: list[Around]


class _RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rule: list[Rule]


Lexicon = dict[str, dict[str, list[str]]]
"""Argument name -> value -> ways to say it, the commonest first."""


def load_rules(folder: Path, catalogue: Catalogue) -> list[ParsedRule]:
    """All rules of a folder, checked against the catalogue.

    Raises:
        FileError: a rule does not fit the catalogue or a sentence names an unbound variable.
    """
    found: list[tuple[Path, Rule]] = []
    for path in sorted(folder.glob("*.toml")):
        if path.name not in _OTHERS:
            found += [(path, rule) for rule in read_toml(path, _RuleFile).rule]
    if not found:
        raise FileError(folder, "holds no rules; expected TOML files with [[rule]] tables")
    shared: dict[str, list[str]] = {}
    for _, rule in found:
        if rule.shares:
            shared.setdefault(rule.shares, []).extend(rule.says)
    return [_parsed(path, rule, shared.get(rule.shares, rule.says), catalogue)
            for path, rule in found]


def load_lexicon(folder: Path) -> Lexicon:
    """The folder's ``lexicon.toml``."""
    return read_toml(folder / _LEXICON, Lexicon)


def load_around(folder: Path, catalogue: Catalogue) -> list[ParsedAround]:
    """The folder's ``around.toml``; none is nothing to say.

    Raises:
        FileError: a call does not fit the catalogue.
    """
    path = folder / _AROUND
    found = read_toml(path, _AroundFile).around if path.exists() else []
    try:
        return [ParsedAround(_pattern(item.call, catalogue), item.before, item.behind)
                for item in found]
    except ValueError as error:
        raise FileError(path, str(error)) from error


def _parsed(path: Path, rule: Rule, says: tuple[str, ...] | list[str],
            catalogue: Catalogue) -> ParsedRule:
    try:
        call = _pattern(rule.call, catalogue)
        after = _pattern(rule.after, catalogue) if rule.after else None
        if "" in call.variables.values():
            raise ValueError("a call's variable needs a name")
        for field in catalogue.tool(call.tool).parameters.fields:
            if field.required and not {field.name} & (call.literals.keys() | call.variables.keys()):
                raise ValueError(f"{call.tool} needs the argument {field.name}")
        fresh = set(call.variables.values()) - set(after.variables.values() if after else ())
        for sentence in says:
            unsaid = fresh - set(_VARIABLE.findall(sentence))
            if unsaid:
                raise ValueError(f"{sentence!r} does not say {{{min(unsaid)}}}, so nobody could "
                                 "know it")
            for name in _VARIABLE.findall(sentence):
                if name not in call.variables.values():
                    raise ValueError(f"{{{name}}} in {sentence!r} is not bound by the call")
    except ValueError as error:
        raise FileError(path, str(error), place=f"rule {rule.call!r}") from error
    return ParsedRule(call, after, tuple(dict.fromkeys(says)), rule.alone, rule.breaks_off)


def _pattern(text: str, catalogue: Catalogue) -> Pattern:
    name, *parts = text.split()
    tools = {tool.name: tool for tool in catalogue.tools}
    if name not in tools:
        raise ValueError(f"no tool is called {name!r}; expected one of {', '.join(tools)}")
    fields = {field.name: field for field in tools[name].parameters.fields}
    literals, variables = {}, {}
    for part in parts:
        key, equals, value = part.partition("=")
        if key not in fields or not equals:
            raise ValueError(f"{part!r} is no argument of {name}; expected {', '.join(fields)}")
        if not isinstance(fields[key].node, Enumeration | Integer | Text):
            raise ValueError(f"{key} cannot be said in a rule; expected an enum, integer or string")
        variable = _VARIABLE.fullmatch(value)
        if variable:
            variables[key] = variable.group(1)
        else:
            literals[key] = _literal(fields[key], value)
    return Pattern(name, literals, variables)


def _literal(field: Field, value: str) -> str:
    node = field.node
    if isinstance(node, Enumeration) and value not in map(str, node.values):
        raise ValueError(f"{field.name}={value} is none of {', '.join(map(str, node.values))}")
    if isinstance(node, Integer) and not node.minimum <= int(value) <= node.maximum:
        raise ValueError(f"{field.name}={value} is not in {node.minimum}..{node.maximum}")
    if isinstance(node, Text) and not node.min_length <= len(value) <= node.max_length:
        raise ValueError(f"{field.name}={value} is not of {node.min_length}..{node.max_length} "
                         "characters")
    return value
