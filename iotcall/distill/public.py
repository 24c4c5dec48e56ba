"""Public files that a student may learn from, where the user has them. Leaves out: fetching them.

Their sentences are not in this repository; docs/students.md says which files there are and where
each belongs. Ordinary talk (`off_topic`) teaches what no command is: CLINC-150's training
half, less the intents that a catalogue does serve; a part of it is set aside, half to choose
thresholds by, half to judge by.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Literal

import msgspec

from iotcall.catalogue import Catalogue, ToolCall, call_from_json
from iotcall.distill.noise import Noise
from iotcall.distill.slices import Sentence, roughened
from iotcall.errors import CallError, FileError, InputError
from iotcall.evaluate import Dialogue, LabelledTurn, read_dialogues
from iotcall.settings import read_toml

_SET_ASIDE = 0.3
"""Share of ordinary talk that no student sees, by the hash of its text."""
_AT_MOST = 8
"""Turns of a dialogue that may still get one of ordinary talk."""


TalkPart = Literal["learn", "calibrate", "judge"]
"""What a sentence is for."""


class OffTopicRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A catalogue's ``synthesis/off_topic.toml``."""

    tool: str
    """Whose call such talk becomes."""
    arguments: dict[str, str] = {}
    served: tuple[str, ...] = ()
    """Intents of the file that are the catalogue's business, or nearly."""


class _Row(msgspec.Struct):
    text: str
    intent: str


def part_of(text: str) -> TalkPart:
    """What the sentence is for, whatever its case and spaces."""
    first, second = hashlib.sha256(" ".join(text.casefold().split()).encode()).digest()[:2]
    if first >= 256 * _SET_ASIDE:
        return "learn"
    return "calibrate" if second < 128 else "judge"


def ordinary_talk(path: Path, rules: OffTopicRules, part: TalkPart) -> list[str]:
    """Sentences of the file that the catalogue does not serve, those of the part.

    Raises:
        FileError: the file cannot be read; names the line.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise FileError(path, f"cannot be read: {error}") from error
    served = set(rules.served)
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line, type=_Row)
        except ValueError as error:
            raise FileError(path, f"expected an object with text and intent: {error}",
                            place=f"line {number}") from error
        if row.intent not in served and part_of(row.text) == part:
            found.append(row.text)
    return found


def off_topic_rules(catalogue_folder: Path) -> OffTopicRules:
    """Of the catalogue's folder.

    Raises:
        FileError: it has none, or they cannot be read.
    """
    path = catalogue_folder / "synthesis" / "off_topic.toml"
    if not path.is_file():
        raise FileError(path, "is not there: expected the tool that ordinary talk becomes (tool = "
                              "'...') and the intents that the catalogue serves (served = [...])")
    return read_toml(path, OffTopicRules)


class WithPublic:
    """A source's dialogues, with turns of ordinary talk and with public dialogues between."""

    def __init__(self, own: Iterator[Dialogue], seed: int, *, call: ToolCall | None,
                 talk: Sequence[str], talk_share: float, public: Sequence[Dialogue],
                 public_share: float, noise: Noise) -> None:
        self._own, self._random, self._noise = own, Random(f"public {seed}"), noise
        self._call, self._talk, self._talk_share = call, talk, talk_share
        self._public, self._public_share = public, public_share

    def dialogues(self, count: int) -> Iterator[Dialogue]:
        """That many dialogues."""
        for _ in range(count):
            if self._public and self._random.random() < self._public_share:
                yield self._random.choice(self._public)
            else:
                yield self._interrupted(next(self._own))

    def _interrupted(self, dialogue: Dialogue) -> Dialogue:
        if (not self._talk or self._call is None or len(dialogue.turns) > _AT_MOST
                or self._random.random() > self._talk_share):
            return dialogue
        said = roughened(Sentence([(self._random.choice(self._talk), ())]), self._random,
                         self._noise).text
        turns = list(dialogue.turns)
        at = self._random.randint(0, len(turns))
        turns.insert(at, LabelledTurn(said, (self._call,)))
        if at and self._random.random() < 0.3:
            turns = turns[:at + 1]
        return Dialogue(tuple(turns))


def public_dialogues(folder: Path, names: Sequence[str], catalogue: Catalogue) -> list[Dialogue]:
    """The dialogues of those files below the folder; a turn that the catalogue refuses ends one,
    and so does one of no call, or of more calls than it allows.

    Raises:
        InputError: a file is not there.
    """
    found = []
    for name in names:
        if not (folder / name).is_file():
            raise InputError(f"{folder / name} is not there: the recipe learns from it too; "
                             "docs/students.md says where it comes from")
        for dialogue in read_dialogues(folder / name):
            turns = []
            for turn in dialogue.turns:
                least = 0 if catalogue.may_decline else 1
                if not least <= len(turn.calls) <= catalogue.max_calls:
                    break
                try:
                    for call in turn.calls:
                        catalogue.check(call)
                except CallError:
                    break
                turns.append(turn)
            if turns:
                found.append(Dialogue(tuple(turns)))
    return found


def off_topic_call(rules: OffTopicRules, catalogue: Catalogue) -> ToolCall:
    """The checked call."""
    call = call_from_json({"name": rules.tool, "parameters": dict(rules.arguments)})
    catalogue.check(call)
    return call
