"""What a bundle holds beside its graphs: tokenizer, prompts, automata, catalogue, golden dialogues.

Leaves out: weights.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from iotcall.bundle.bundle import (
    AUTOMATON,
    CATALOGUE,
    DIALOGUE,
    GOLDEN,
    LEXICON,
    PRIOR,
    PROMPT,
    SKILLS,
    TOKENIZER,
    TOKENS,
)
from iotcall.catalogue import Catalogue
from iotcall.checkpoint import CheckpointNote, read_note
from iotcall.dialogue import read_dialogue
from iotcall.errors import CallError, ExportError, FileError
from iotcall.evaluate import Dialogue, read_dialogues
from iotcall.evaluate.prior import value_prior
from iotcall.export.student.dates import DatedPrefix, dated_prefix
from iotcall.export.student.source import Source
from iotcall.export.student.template import template_pieces
from iotcall.export.student.vocabulary import TrimmedVocabulary, retokenised, trim_vocabulary
from iotcall.export.target import Head
from iotcall.formats import Format, PromptPieces, format_named
from iotcall.grammar import Automaton
from iotcall.grammar.automaton import SLOT_TOKEN
from iotcall.grammar.compiler import compile_automaton
from iotcall.grammar.machine import TokenBytes
from iotcall.grammar.vocabulary import Vocabulary
from iotcall.speech import ValuePrior

TRAINING = "training.json"
FAMILY_FORMATS = {"qwen3": "hermes", "gemma3_text": "functiongemma", "lfm2": "lfm2"}
"""The wire format of a published student by its architecture."""


class Part(msgspec.Struct, frozen=True):
    """One prompt with its grammar: the whole catalogue or first decision (""), or a skill."""

    name: str
    catalogue: Catalogue
    pieces: PromptPieces
    automaton: Automaton

    @property
    def folder(self) -> str:
        """Below the bundle's."""
        return f"{SKILLS}/{self.name}" if self.name else ""


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that needs no weights."""

    catalogue: Catalogue
    format: Format
    tokenizer: Tokenizer
    parts: tuple[Part, ...]
    """The first decision, then the skills."""
    golden: Path
    dialogues: tuple[Dialogue, ...]
    """Golden ones."""
    calibration: tuple[Dialogue, ...]
    settings: Path
    """``dialogue.toml``, which may be absent."""
    lexicon: Path | None
    """``lexicon.json.gz`` beside a checkpoint that was trained here."""
    prior: ValuePrior | None
    """Of the catalogue's written sentences."""
    note: CheckpointNote | None
    trimmed: TrimmedVocabulary | None
    retokenised: float | None
    """Share of golden utterances that the trimmed vocabulary cuts into other tokens."""
    dated: DatedPrefix | None
    """Of the first part, where its chat template writes the date into its prefix."""
    notes: tuple[str, ...]

    def fill(self, folder: Path) -> None:
        """Write all of it into a bundle's folder."""
        (folder / TOKENIZER).write_text(self.tokenizer.to_str(), encoding="utf-8")
        for part in self.parts:
            (folder / part.folder).mkdir(parents=True, exist_ok=True)
            part.automaton.save(folder / part.folder / AUTOMATON)
            (folder / part.folder / PROMPT).write_bytes(as_json(part.pieces))
        if self.free_text():
            TokenBytes(Vocabulary(self.tokenizer).all_bytes()).save(folder / TOKENS)
        (folder / CATALOGUE).write_text(
            json.dumps(self.catalogue.to_json(), indent=2, ensure_ascii=False) + "\n",
            encoding="utf-8")
        shutil.copyfile(self.golden, folder / GOLDEN)
        if self.lexicon:
            shutil.copyfile(self.lexicon, folder / LEXICON)
        if self.prior:
            (folder / PRIOR).write_bytes(msgspec.json.encode(self.prior) + b"\n")
        if self.note:
            (folder / TRAINING).write_bytes(as_json(self.note))
        if self.settings.is_file():
            shutil.copyfile(self.settings, folder / DIALOGUE)

    def free_text(self) -> bool:
        """Whether something may stand in a call that nobody said and no catalogue lists."""
        return any(slot.source != "said" for part in self.parts for slot in part.automaton.slots)

    def live_tokens(self) -> NDArray[np.int64] | None:
        """Every token that an answer can hold; None where a slot is open."""
        if any(part.automaton.slots for part in self.parts):
            return None
        edges = [part.automaton.tokens for part in self.parts]
        found: NDArray[np.int64] = np.unique(np.concatenate(edges)).astype(np.int64)
        assert found[-1] < SLOT_TOKEN
        return found


def read_parts(source: Source, grammar_folder: Path, catalogue: Catalogue, head: Head, *,
               format_name: str | None, golden: Path | None, calibration: Path | None,
               progress: Callable[[str], None]) -> Parts:
    """All parts of a bundle but its graphs.

    Raises:
        ExportError: the checkpoint lacks its tokenizer, or its chat template cannot render these
            tools.
        FileError: golden dialogues or dialogue settings cannot be read.
    """
    note, lexicon = _note(source.folder, format_name), source.folder / LEXICON
    format = _format(source.architecture, format_name or (note.format if note else None))
    golden = golden or grammar_folder / GOLDEN
    dialogues = labelled(golden, catalogue)
    settings = grammar_folder / DIALOGUE
    if settings.is_file():
        try:
            text = settings.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise FileError(settings, f"cannot be read: {error}") from error
        read_dialogue(text, catalogue, settings)
    whole, unheld = _within(_tokenizer(source.folder), source)
    first = catalogue.router() if catalogue.skills else catalogue
    named = [("", first), *((skill.name, catalogue.of_skill(skill)) for skill in catalogue.skills)]
    progress("reading the chat template")
    found = [template_pieces(source.folder, format, part) for _, part in named]
    pieces = [own.pieces for own in found]
    notes = (*source.notes, *unheld, *found[0].notes)
    calibrating = labelled(calibration, catalogue) if calibration else dialogues
    tokenizer, trimmed, changed = whole, None, None
    if head.trim:
        progress("trimming the vocabulary")
        texts = [*_said(dialogues), *_said(calibrating), *_written(pieces, format, catalogue,
                                                                   (*dialogues, *calibrating))]
        trimmed = trim_vocabulary(whole, texts, scripts=head.scripts, most=head.most)
        tokenizer = trimmed.tokenizer
        changed = retokenised(whole, trimmed, _said(dialogues))
        notes += (f"the vocabulary was trimmed from {trimmed.before} to {trimmed.kept} tokens; "
                  "torch reads the trimmed tokens too, so parity does not show what trimming "
                  "changes",)
    dated = dated_prefix(tokenizer, pieces[0].prefix, found[0].otherwise)
    notes += (dated.note,) if dated else ()
    parts = []
    for (name, part), own in zip(named, pieces, strict=True):
        progress(f"compiling the grammar{f' of the skill {name}' if name else ''}")
        parts.append(Part(name, part, own, compile_automaton(part, format, own, tokenizer)))
    return Parts(catalogue=catalogue, format=format, tokenizer=tokenizer, parts=tuple(parts),
                 golden=golden, dialogues=dialogues, calibration=calibrating, settings=settings,
                 prior=value_prior(grammar_folder, catalogue),
                 note=note, lexicon=lexicon if lexicon.is_file() else None, trimmed=trimmed,
                 retokenised=changed, dated=dated, notes=notes)


def labelled(path: Path, catalogue: Catalogue) -> tuple[Dialogue, ...]:
    """The dialogues of a file.

    Raises:
        FileError: it cannot be read, or calls a tool that the catalogue lacks.
    """
    dialogues = tuple(read_dialogues(path))
    for number, dialogue in enumerate(dialogues, start=1):
        for call in (call for turn in dialogue.turns for call in turn.calls):
            try:
                catalogue.tool(call.name)
            except CallError as error:
                raise FileError(path, str(error), place=f"dialogue {number}") from error
    return dialogues


def as_json(value: object) -> bytes:
    """Indented, with a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _said(dialogues: Sequence[Dialogue]) -> list[str]:
    return [turn.utterance for dialogue in dialogues for turn in dialogue.turns]


def _written(pieces: Sequence[PromptPieces], format: Format, catalogue: Catalogue,
             dialogues: Sequence[Dialogue]) -> Iterator[str]:
    """Every text around utterances: prompts and answers."""
    for own in pieces:
        yield from msgspec.structs.astuple(own)
    for dialogue in dialogues:
        for turn in dialogue.turns:
            yield format.render(turn.calls, catalogue)


def _note(checkpoint: Path, format_name: str | None) -> CheckpointNote | None:
    """The checkpoint's note; a broken one is none where the format was given."""
    try:
        return read_note(checkpoint)
    except FileError:
        if format_name is None:
            raise
        return None


def _format(architecture: str, given: str | None) -> Format:
    """As given, or the family's."""
    given = given or FAMILY_FORMATS.get(architecture)
    if given is None:
        raise ExportError(f"no wire format is known for {architecture}; give --format")
    return format_named(given)


def _tokenizer(checkpoint: Path) -> Tokenizer:
    path = checkpoint / TOKENIZER
    if not path.is_file():
        raise ExportError(f"{checkpoint} holds no {TOKENIZER}: save the student with its fast "
                          "tokenizer")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare exceptions
        raise ExportError(f"{path} is no tokenizer: {error}") from error


def _within(tokenizer: Tokenizer, source: Source) -> tuple[Tokenizer, tuple[str, ...]]:
    """The tokenizer without special tokens that the model has no row for (Gemma 3's text models
    have one, for pictures), and a note on them.

    Raises:
        ExportError: other tokens have no row.
    """
    size = source.config.get_text_config(decoder=True).vocab_size
    beyond = {text for text, id in tokenizer.get_vocab(with_added_tokens=True).items()
              if id >= size}
    if not beyond:
        return tokenizer, ()
    definition = json.loads(tokenizer.to_str())
    special = {token["content"] for token in definition["added_tokens"] if token["special"]}
    if beyond - special:
        largest = max(tokenizer.get_vocab(with_added_tokens=True).values())
        raise ExportError(
            f"{source.given}: the tokenizer has a token of number {largest}, the model only rows "
            f"0 to {size - 1}: take the tokenizer that it was trained with, or resize the model's "
            "embedding and train the new rows")
    definition["added_tokens"] = [token for token in definition["added_tokens"]
                                  if token["content"] not in beyond]
    definition["model"]["vocab"] = {text: id for text, id in definition["model"]["vocab"].items()
                                    if text not in beyond}
    return (Tokenizer.from_str(json.dumps(definition)),
            (f"{', '.join(sorted(beyond))} is left out of the tokenizer: the model has no row for "
             "it",))
