"""From sources to one file of labelled dialogues, every row accounted for.

Each row goes the same way: read, fitted to the catalogue, redacted, fitted again (a label that a
fake has broken must not stay), compared with all before it, noted in the journal. Leaves out: how a
person is told.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import Random

import msgspec

from iotcall.catalogue import Catalogue
from iotcall.distill.traces.detect import Detector
from iotcall.distill.traces.fit import fit
from iotcall.distill.traces.journal import Entry, Header, Journal
from iotcall.distill.traces.reading import Source, rows_of
from iotcall.distill.traces.redact import redact
from iotcall.distill.traces.rows import LeftOut, Told, read_row
from iotcall.distill.traces.seen import PART, Seen
from iotcall.errors import FileError, InputError
from iotcall.evaluate import Dialogue, dialogue_to_json

BROKEN = "redaction broke a label"


class Options(msgspec.Struct, frozen=True):
    """How rows are treated."""

    near: float = 0.85
    """Similarity from which on dialogues with the same calls are duplicates; 1: none are."""
    region: str = "US"
    """Country (ISO 3166) of telephone numbers without a country's code."""
    names: tuple[str, ...] = ()
    """To be replaced too."""
    seed: int = 1
    """Of the fakes."""


class Report(msgspec.Struct, frozen=True):
    """What a run read and what became of it: rows = kept + the sum of left_out."""

    out: str
    sources: dict[str, int]
    """File -> its rows."""
    rows: int
    kept: int
    turns: int
    """In the kept rows."""
    left_out: dict[str, int]
    """Reason -> rows."""
    cut_short: dict[str, int]
    """Reason -> kept rows that lost turns at their end for it."""
    redacted: dict[str, int]
    """Kind -> places in kept rows."""
    tools: dict[str, int]
    """Tool -> calls in the kept rows."""


def gather(sources: Sequence[Source], catalogue: Catalogue, out: Path, options: Options, *,
           resume: bool = False, left_out: Path | None = None,
           progress: Callable[[int, int], None] = lambda source, rows: None) -> Report:
    """Write the usable dialogues of all sources to `out`, readable by their owner only.

    An interruption leaves ``OUT.journal``, from which a run with `resume` goes on.

    Args:
        left_out: also write where each row that is left out stands, and why (no word of it).
        progress: is told the source, counted from 0, and how many rows are done in all.

    Raises:
        InputError: a source cannot be read, or the journal there is of another run or in use
            by one.
    """
    header = _header(sources, catalogue, options)
    detector = Detector(region=options.region, names=options.names)
    seen = Seen(options.near)
    entries: list[Entry] = []
    replaced: dict[int, str] = {}  # number of an entry -> why it went after all

    def take(entry: Entry) -> Entry:
        """The entry, if it is to be kept compared with those before."""
        if entry.kept is not None:
            told = read_row(entry.pattern or entry.kept)
            if isinstance(told, LeftOut):  # spoken fakes have made it longer than rows may be
                entry = Entry(entry.source, entry.row, told.reason)
            else:
                verdict = seen.admit(told.dialogue, len(entries))
                replaced.update(dict.fromkeys(verdict.replaces, PART))
                if verdict.reason:
                    entry = Entry(entry.source, entry.row, verdict.reason)
        entries.append(entry)
        return entry

    with Journal(out.with_name(f"{out.name}.journal"), header, resume=resume) as journal:
        for entry in journal.entries:
            take(entry)
        done = Counter(entry.source for entry in entries)
        for index, source in enumerate(sources):
            progress(index, len(entries))
            for number, row in enumerate(rows_of(source), start=1):
                if number > done[index]:
                    journal.add(take(_entry(row, index, number, catalogue, detector,
                                                 Random(f"{options.seed}:{index}:{number}"))))
                    progress(index, len(entries))
        if not entries:
            journal.path.unlink()
            raise InputError(f"{', '.join(source.name for source in sources[:3])}: no row there; "
                             "expected one JSON object a line")
        final = [Entry(entry.source, entry.row, replaced[number]) if number in replaced else entry
                 for number, entry in enumerate(entries)]
        _write(out, (_line(entry.kept) for entry in final if entry.kept is not None))
        if left_out:
            _write(left_out, (_line({"source": sources[entry.source].name, "row": entry.row,
                                     "reason": entry.why})
                              for entry in final if entry.kept is None))
        journal.path.unlink()
    return _report(out, sources, final)


def _entry(row: object, source: int, number: int, catalogue: Catalogue, detector: Detector,
           random: Random) -> Entry:
    """What becomes of a row, duplicates aside."""
    told = row if isinstance(row, LeftOut) else read_row(row)
    if isinstance(told, LeftOut):
        return Entry(source, number, told.reason)
    whole, fault = fit(told.dialogue, catalogue)
    cut = fault or told.cut
    if not whole.turns:
        return Entry(source, number, cut.reason if cut else "no user turn")
    told = msgspec.structs.replace(told, dialogue=whole, asked=told.asked[:len(whole.turns)])
    found = redact(told, detector, random)
    safe, broken = fit(found.dialogue, catalogue)
    if not safe.turns:
        return Entry(source, number, BROKEN)
    kept = dialogue_to_json(safe)
    pattern = Dialogue(found.pattern.turns[:len(safe.turns)], found.pattern.home)
    return Entry(source, number, "", BROKEN if broken else cut.reason if cut else "", found.counts,
                 kept, dialogue_to_json(pattern) if found.counts else None)


def _header(sources: Sequence[Source], catalogue: Catalogue, options: Options) -> Header:
    plain = msgspec.to_builtins(options)
    # names are not for a file that says what was left out
    plain["names"] = hashlib.sha256("\n".join(options.names).encode()).hexdigest()[:16]
    text = json.dumps(catalogue.to_json(), sort_keys=True)
    return Header(tuple((source.name, source.size) for source in sources), plain,
                  hashlib.sha256(text.encode()).hexdigest())


def _line(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False) + "\n").encode(errors="replace")


def _write(path: Path, lines: Iterator[bytes]) -> None:
    """All or nothing; readable by the owner only."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.writelines(lines)
        partial.replace(path)
    except OSError as error:
        raise FileError(path, f"cannot be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def _report(out: Path, sources: Sequence[Source], entries: Sequence[Entry]) -> Report:
    kept = [entry for entry in entries if entry.kept is not None]
    tools: Counter[str] = Counter()
    redacted: Counter[str] = Counter()
    turns = 0
    for entry in kept:
        redacted.update(entry.replaced)
        told = read_row(entry.kept)
        if isinstance(told, Told):
            turns += len(told.dialogue.turns)
            tools.update(call.name for turn in told.dialogue.turns for call in turn.calls)
    rows = Counter(entry.source for entry in entries)
    return Report(
        str(out), {source.name: rows[index] for index, source in enumerate(sources)},
        len(entries), len(kept), turns,
        _counted(entry.why for entry in entries if entry.kept is None),
        _counted(entry.cut for entry in kept if entry.cut), dict(sorted(redacted.items())),
        dict(sorted(tools.items())))


def _counted(texts: Iterable[str]) -> dict[str, int]:
    """Text -> how often, the most frequent first."""
    return dict(sorted(Counter(texts).items(), key=lambda pair: (-pair[1], pair[0])))
