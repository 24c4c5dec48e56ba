"""The stages of an export: each builds graphs, decodes the golden turns and is judged.

Leaves out: making the graphs (see drafts), how answers are compared (see certificate).
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Sequence
from itertools import chain, cycle
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from iotcall.bundle import Bundle, StudentInfo, write_bundle
from iotcall.errors import ExportError
from iotcall.evaluate import Record, decode_turns, golden_turns, instruction_set
from iotcall.evaluate.golden import SELFTEST, answer_of
from iotcall.export.drafts import Drafts, Progress, write_layout
from iotcall.export.graphs.weights import Weights
from iotcall.export.npu.calibration import AnsweredPrompt
from iotcall.export.npu.rules import check_placement
from iotcall.export.parity.certificate import (
    FEW_TURNS,
    Certificate,
    Reference,
    Stage,
    Variant,
    ask_torch,
    judge,
    judge_calls,
    vary,
)
from iotcall.export.parity.oracle import Oracle
from iotcall.export.providers.board import run_on_provider
from iotcall.export.providers.context import build_contexts
from iotcall.export.providers.probe import settings_of
from iotcall.export.student.parts import Parts
from iotcall.export.student.source import Source
from iotcall.export.target import Target
from iotcall.prefix_attention import prefix_tokens
from iotcall.runtime import Decoding, Modes, Student
from iotcall.runtime.decoders import Wanted, open_decoder
from iotcall.runtime.sessions import CPU

CONTEXT = "context"
CHUNKS = (1, 1, 1, 1, 5, 3)
"""Passes after the prefill in which fp32 graphs are compared with torch."""
_PLAIN = "traced graph, fp32"
_TRACED = Modes(traced=True, drafting=False)
_WORST = 1e9
"""Stands for a difference that is no number, which JSON could not hold."""
_ROOM = 192
"""Tokens of a static past beyond the longest golden prompt, for longer ones."""
_CLEAR = 1000.0
"""Margin that stands for an answer without a decision."""
_MASS_TURNS = 32
"""Golden turns whose first decisions choose the tokens outside of the grammar."""


class Stages:
    """Runs the stages in a scratch folder and keeps what the bundle ships."""

    def __init__(self, source: Source, weights: Weights, parts: Parts, target_name: str,
                 target: Target, student: StudentInfo, scratch: Path, progress: Progress,
                 draft: Bundle | None = None) -> None:
        self._source, self._parts, self._draft = source, parts, draft
        self._target, self._scratch, self._progress = target, scratch, progress
        self._items = golden_turns(parts.dialogues)
        self._drafts = Drafts(source, weights, parts, target_name, target, student, scratch,
                              progress)
        self.notes: tuple[str, ...] = self._drafts.notes
        self._final: Path | None = None

    def run(self, *, prefix_kv: bool) -> Certificate:
        """All stages of the target, in order.

        Raises:
            ExportError: a graph cannot be made or loaded.
        """
        rows = self._parts.trimmed.rows if self._parts.trimmed else None
        drafts = self._drafts
        plain = drafts.build("plain", "growing")
        usual = self._decode(plain, _PLAIN, _TRACED)
        drafts.outside = self._outside_tokens(plain, usual)
        self._say("loading torch")
        oracle = Oracle(self._source.folder, rows)
        reference = self._ask_torch(oracle, plain, usual)
        text = self._text(usual)
        self._take_capacity(text)
        first = self._first_pass(text)
        expected = oracle.logits(text, len(text) - first + 1)
        del oracle
        difference = self._difference(plain, text, first, expected)
        torch = judge("torch, fp32", self._items, reference, reference.decodings,
                      self._target.parity.tie)
        # its answers carry the graph's logits wherever torch would have written the same
        judged = [msgspec.structs.replace(torch, logit_difference=0.0),
                  self._judge(_PLAIN, reference, usual)]
        layout = drafts.layout
        last, found = plain, usual
        if layout != "growing":
            name = "fused graph, fp32" if layout == "shared" else "static graphs, fp32"
            last = drafts.build("fp32", layout)
            found = self._decode(last, name, _TRACED)
            judged.append(self._judge(name, reference, found))
            difference = max(difference, self._difference(last, text, first, expected))
        if self._target.weights:
            name = f"weights of {self._target.weights.bits} bits"
            last = drafts.build("final", layout, final=True)
            found = self._decode(last, name, _TRACED)
            judged.append(self._judge(name, reference, found))
        if self._target.activations:
            name = f"fixed point ({self._target.precision}) on the CPU"
            last = drafts.quantise(self._answered(plain, usual))
            found = self._decode(last, name, _TRACED)
            judged.append(self._judge(name, reference, found))
        self._final = last
        variants = self._variants(last, found)
        tokens = self._write_prefixes(last) if prefix_kv else 0
        if tokens:
            variants += (vary("from the shipped prefix state", found, self._decode(
                last, "with the prefix state", Modes(drafting=False))),)
        self._write_record(last, reference, found, judged[-1].agreement)
        if self._target.provider.name != CPU:
            judged += self._on_board(last, reference)
            self._compile(last)
        self.notes += tuple(note for note in drafts.notes if note not in self.notes)
        if len(self._items) < FEW_TURNS:
            self.notes += (f"{len(self._items)} golden turns: agreement should rest on "
                           f"{FEW_TURNS} or more",)
        return Certificate(
            student="", target=drafts.manifest.target.name, instruction_set=instruction_set(),
            prefill_difference=difference, tie=self._target.parity.tie, stages=tuple(judged),
            variants=variants, retokenised=self._parts.retokenised, prefix_tokens=tokens,
            grammar_mass_difference=max(abs(one.grammar_mass - two.grammar_mass)
                                        for one, two in zip(usual, found, strict=True)))

    def fill(self, folder: Path) -> None:
        """Copy what the last stage made, and all parts, into the bundle's folder."""
        assert self._final is not None
        shutil.copytree(self._final, folder, dirs_exist_ok=True)

    def _answered(self, plain: Path, usual: Sequence[Decoding]) -> list[AnsweredPrompt]:
        """Prompts with the fp32 student's answers, of the calibration dialogues."""
        if self._parts.calibration is not self._parts.dialogues:
            items = golden_turns(self._parts.calibration)
            with Student.open(self._drafts.opened(plain), modes=_TRACED) as student:
                usual = decode_turns(student, items, lambda done: self._progress(
                    "calibration turns", done, len(items)))
        return [AnsweredPrompt((*trace.prompt, *trace.tokens), len(trace.prompt))
                for decoding in usual for trace in decoding.trace]

    def _on_board(self, folder: Path, reference: Reference) -> list[Stage]:
        """The bundle on the provider itself, as far as this machine can emulate it."""
        target = self._target
        layout = msgspec.structs.replace(
            self._drafts.opened(folder).layout, provider=settings_of(target, emulated=False))
        write_layout(folder, layout)
        elsewhere = platform.machine() != "x86_64"  # emulations and wheels are for that
        if elsewhere or (target.emulation is None and target.verified != "run"):
            self.notes += (f"nobody has run this on {target.provider.name}: run 'iotcall selftest' "
                           "on the board",)
            return []
        whole = self._scratch / "board"
        manifest = self._drafts.manifest
        with write_bundle(whole, name="board", catalogue=manifest.catalogue,
                          student=manifest.student, target=manifest.target,
                          made_with={}) as partial:
            shutil.copytree(folder, partial, dirs_exist_ok=True)
        where = "" if target.emulation is None else (
            ", in emulation" if target.emulation.same_device else ", on another device of it")
        found = run_on_provider(whole, target, progress=self._say)
        if found.turns < len(self._items):
            self.notes += (f"{target.provider.name} decoded the first {found.turns} of "
                           f"{len(self._items)} golden turns",)
        for placement in found.placements:
            check_placement(placement, target.rules, target.provider.name)
            self.notes += (f"{placement}{where}",) if placement else ()
        return [judge_calls(f"{target.provider.name}{where}", self._items[:found.turns],
                            reference, found.calls, target.parity.tie)]

    def _compile(self, folder: Path) -> None:
        """Compile the graphs for the exact chip, where the target's provider does that ahead."""
        machine = self._target.provider.contexts_for
        if not machine or platform.machine() != "x86_64":
            return
        layout = self._drafts.opened(folder).layout
        made = build_contexts([folder / name for name in layout.graphs], folder / CONTEXT,
                              self._target, progress=self._say)
        write_layout(folder, msgspec.structs.replace(
            layout, machine=machine,
            contexts=tuple(f"{CONTEXT}/{path.name}" for path in made.graphs)))
        self.notes += (f"compiled for the chip with shared weights ({made.bytes / 1e6:.1f} MB); "
                       f"only a board can load that, so it was not run here",)

    def _decode(self, folder: Path, step: str, modes: Modes) -> list[Decoding]:
        with Student.open(self._drafts.opened(folder), modes=modes) as student:
            return decode_turns(student, self._items, lambda done: self._progress(
                f"golden turns: {step}", done, len(self._items)))

    def _judge(self, name: str, reference: Reference, found: Sequence[Decoding]) -> Stage:
        return judge(name, self._items, reference, found, self._target.parity.tie)

    def _ask_torch(self, oracle: Oracle, folder: Path, usual: Sequence[Decoding]) -> Reference:
        modes = Modes(traced=True, prefix_kv=False, drafting=False)
        with Student.open(self._drafts.opened(folder), modes=modes) as own:
            own.decoder = oracle  # type: ignore[assignment]  # it runs, and keeps no states

            def again(number: int) -> Decoding:
                item = self._items[number]
                return own.decode(item.history, item.utterance)

            return ask_torch(oracle, usual, again, lambda done: self._progress(
                "golden turns: torch, fp32", done, len(self._items)))

    def _variants(self, folder: Path, usual: Sequence[Decoding]) -> tuple[Variant, ...]:
        return (
            vary("with each turn's whole prompt in one go", usual, self._decode(
                folder, "without memory", Modes(prefix_kv=False, drafting=False))),
            vary("one token at a time", usual, self._decode(
                folder, "one token at a time", Modes(one_by_one=True, drafting=False))),
            vary("guessed and confirmed", usual, self._guess(folder)))

    def _guess(self, folder: Path) -> list[Decoding]:
        """The golden turns guessed by the draft student, or else from earlier turns."""
        bundle = msgspec.structs.replace(self._drafts.opened(folder), draft=self._draft)
        with Student.open(bundle) as student:
            found = decode_turns(student, self._items, lambda done: self._progress(
                "golden turns: with guesses", done, len(self._items)))
        if self._draft:
            decisions = sum(max(decoding.decisions - 1, 0) for decoding in found)
            self.notes += (f"the draft student {self._draft.name} guesses "
                           f"{sum(decoding.drafted for decoding in found)} of {decisions} "
                           "decisions right that would have cost a pass",)
        return found

    def _write_prefixes(self, folder: Path) -> int:
        """Ship the state after each part's prefix; returns the first one's tokens."""
        self._say("running the prefixes")
        with Student.open(self._drafts.opened(folder)) as student:
            return student.write_prefixes()

    def _write_record(self, folder: Path, reference: Reference, found: Sequence[Decoding],
                      agreement: float) -> None:
        record = Record(
            reference=tuple(map(answer_of, reference.decodings)),
            margins=tuple(min(decoding.smallest_margin, _CLEAR)
                          for decoding in reference.decodings),
            here={instruction_set(): tuple(map(answer_of, found))}, tie=self._target.parity.tie,
            # of a bundle that was allowed below the bar, a board asks no more than the export saw
            call_agreement=min(self._target.parity.call_agreement, agreement))
        (folder / SELFTEST).write_bytes(msgspec.json.encode(record))

    def _text(self, usual: Sequence[Decoding]) -> list[int]:
        """A prompt with its answer, long enough to be cut into passes."""
        traces = [trace for decoding in usual for trace in decoding.trace]
        if not traces:
            raise ExportError("no golden turn has a prompt: golden.jsonl holds nothing that can "
                              "be said")
        longest = max(traces, key=lambda trace: len(trace.prompt) + len(trace.tokens))
        text = [*longest.prompt, *longest.tokens]
        return (text * (24 // len(text) + 1))[:max(len(text), 24)]

    def _take_capacity(self, text: Sequence[int]) -> None:
        """A static past is as long as the catalogue needs: every pass attends to all of it."""
        capacity, drafts = self._target.shapes.capacity, self._drafts
        if drafts.layout == "static":
            drafts.capacity = min(capacity, -(-(len(text) + _ROOM) // 64) * 64)
        if drafts.layout != "growing" and len(text) > capacity:
            raise ExportError(
                f"the longest golden prompt takes {len(text)} tokens with its answer, the past of "
                f"{self._drafts.manifest.target.name} holds {capacity}: raise shapes.capacity in a "
                "copy of the target's file, or declare fewer or shorter tools")

    def _first_pass(self, text: Sequence[int]) -> int:
        """Tokens of the prefill; what follows holds no part of an utterance that is read both ways.
        """
        around = prefix_tokens(self._source.config)
        if around is None:
            return len(text) - sum(CHUNKS)
        return len(text) - list(reversed(text)).index(around[1])

    def _difference(self, folder: Path, text: Sequence[int], first: int,
                    expected: NDArray[np.float32]) -> float:
        """Of the last logits of each pass: a prefill, single steps, chunks with a past."""
        bundle = self._drafts.opened(folder)
        decoder = open_decoder(folder, bundle.layout, threads=2)
        every = np.arange(bundle.layout.vocabulary)
        start, past, worst = 0, decoder.empty(), 0.0
        for size in chain((first,), cycle(CHUNKS)):
            size = min(size, len(text) - start)
            if not size:
                break
            scores, = decoder.run(text[start:start + size], past, [Wanted(size - 1, every)])
            start += size
            row = expected[start - first]
            found = float(np.abs(scores.allowed - row).max())
            # subtle: max() would drop a nan and the proof would pass
            worst = max(worst, found if np.isfinite(found) else _WORST)
        return worst

    def _outside_tokens(self, folder: Path, usual: Sequence[Decoding]) -> NDArray[np.int64]:
        """Tokens that the student would likeliest begin an answer with, were there no grammar."""
        most = self._target.head.outside
        bundle = self._drafts.opened(folder)
        if self._target.head.rows == "all" or not most:
            return np.empty(0, np.int64)
        decoder = open_decoder(folder, bundle.layout, threads=2)
        total = np.zeros(bundle.layout.vocabulary)
        some = usual[::-(-len(usual) // _MASS_TURNS)]  # evenly
        for number, decoding in enumerate(some):
            self._progress("looking outside of the grammar", number, len(some))
            for trace in decoding.trace[:1]:
                if trace.decisions:
                    begun = [*trace.prompt, *trace.tokens[:trace.decisions[0].after]]
                    scores, = decoder.run(begun, decoder.empty(), [
                        Wanted(len(begun) - 1, np.zeros(1, np.int64), others=True)])
                    wide = scores.rest.astype(np.float64)
                    shares = np.exp(wide - wide.max())
                    shares /= shares.sum()
                    shares[trace.decisions[0].allowed] = 0
                    total += shares
        found: NDArray[np.int64] = np.sort(np.argsort(-total, kind="stable")[:most])
        return found

    def _say(self, step: str) -> None:
        self._progress(step, 0, 0)
