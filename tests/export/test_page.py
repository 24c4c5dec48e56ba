"""The parity certificate as a page."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser

import msgspec
import pytest

from iotcall.export.parity.certificate import Certificate, Parted, Stage, Variant
from iotcall.export.parity.page import certificate_page

HOSTILE = "<script>alert('1')</script> & \"lamp\" </td></table> \x00\x1b \ud800"
HEBREW, FAMILY = "הדלק את האור במטבח", "👨‍👩‍👧‍👦"
_VOID = {"meta"}


class _Page(HTMLParser):
    """Checks that tags balance; keeps the text, the tags and the words in bold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.bold: list[str] = []
        self.words: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)
        self.close()
        assert not self.open
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)
        if self.open and self.open[-1] == "b":
            self.bold.append(data)


def _parted(utterance: str = "light on", torch: str = "[on(room='hall')]",
            found: str = "[on(room='bath')]", margin: float | None = 0.31) -> Parted:
    return Parted(utterance=utterance, torch=torch, found=found, margin=margin,
                  tie=margin is not None and margin < 0.05)


def _stage(name: str, difference: float, *parted: Parted, turns: int = 200,
           right: int = 190) -> Stage:
    return Stage(name=name, logit_difference=difference, turns=turns, agreed=turns - len(parted),
                 ties=sum(one.tie for one in parted), right=right, parted=parted)


def _certificate(*stages: Stage) -> Certificate:
    return Certificate(
        student="lamp-student", target="cpu-int4", instruction_set="x86_64-avx2",
        prefill_difference=2.9e-6, tie=0.05, stages=stages,
        variants=(Variant(name="one token at a time", turns=200, agreed=199),),
        prefix_tokens=220, grammar_mass_difference=3.6e-4, notes=("a <note> & more",))


CHAIN = (_stage("torch, fp32", 3e-6), _stage("traced graph, fp32", 0.0),
         _stage("weights of 4 bits", 1.638, _parted(margin=0.02)),
         _stage("SomeProvider <npu>", None, _parted(margin=0.02), _parted("two"),
                _parted("three", margin=None)))


def test_the_verdict_stands_in_the_heading_and_ties_are_told() -> None:
    page = _Page(certificate_page(_certificate(*CHAIN)))
    assert "lamp-student makes torch's calls on 197 of 200 golden turns" in page.text
    assert "parts from torch on 3 turns, 1 of them at a tie" in page.text
    assert "197 of 199, 98.9%" in page.text


def test_every_stage_variant_and_note_is_named() -> None:
    page = _Page(certificate_page(_certificate(*CHAIN)))
    for number, stage in enumerate(CHAIN, 1):
        assert f"{number}. {stage.name}" in page.text
    assert "199 of 200 turns one token at a time" in page.text.replace("\n", " ")
    for told in ("a <note> & more", "cpu-int4", "x86_64-avx2", "220", "3.6 \u00d7 10⁻⁴", "1.64"):
        assert told in page.text


def test_what_an_utterance_holds_is_text() -> None:
    part = _parted(HOSTILE, HOSTILE, "")
    page = _Page(certificate_page(_certificate(_stage(HOSTILE, 1.0, part))))
    assert "script" not in page.tags
    assert "<script>alert('1')</script> & \"lamp\" </td></table> ␀␛ ?" in page.text


def test_the_page_needs_nothing_from_outside_and_runs_nothing() -> None:
    page = _Page(certificate_page(_certificate(*CHAIN)))
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name in ("src", "href")
                or name.startswith("on")]
    assert "://" not in certificate_page(_certificate(*CHAIN))


def test_the_same_certificate_gives_the_same_page() -> None:
    one, two = _certificate(*CHAIN), msgspec.structs.replace(_certificate(*CHAIN))
    assert certificate_page(one) == certificate_page(two)


@pytest.mark.parametrize(("difference", "told", "dot"), [
    (None, "not told", None), (0.0, "0", "3.0%"), (math.inf, "infinite", "95.0%"),
    (1e-300, "1.0 \u00d7 10⁻³⁰⁰", "14.0%"), (1.0, "1", "77.0%"),
    (123456.0, "1.2 \u00d7 10⁵", "95.0%"),
])
def test_any_logit_difference_has_a_place(difference: float | None, told: str,
                                         dot: str | None) -> None:
    page = _Page(certificate_page(_certificate(CHAIN[0], _stage("last", difference))))
    assert told in page.words
    assert [value for name, value in page.attributes if name == "cx"] == ([dot] if dot else [])


def test_what_differs_is_bold_and_no_emoji_is_cut() -> None:
    part = _parted(HEBREW, f"[on(room='{FAMILY}')]", f"[on(room='{FAMILY[:3]}')]")
    page = _Page(certificate_page(_certificate(_stage("last", 1.0, part))))
    assert page.bold[-2:] == [FAMILY, FAMILY[:3]]
    assert HEBREW in page.words


def test_an_answer_that_only_adds_words_is_bold_where_it_adds() -> None:
    part = _parted(torch="[on(),on()]", found="[on(),on(),on()]")
    page = _Page(certificate_page(_certificate(_stage("last", 1.0, part))))
    assert page.bold[-1] in (",on()", "on(),")


def test_few_turns_without_a_difference_are_no_certainty() -> None:
    stages = _stage("torch, fp32", 0.0, turns=14, right=14), _stage("last", 0.0, turns=14, right=12)
    page = _Page(certificate_page(_certificate(*stages)))
    assert "14 turns are few" in page.text
    assert "up to 20% of turns" in page.text
    assert "No stage parts from torch" in page.text
    assert "golden calls on 12 of 14 turns, torch on 14 of 14" in page.text


@pytest.mark.parametrize("stages", [(), (_stage("torch, fp32", 0.0, turns=0, right=0),)])
def test_a_certificate_over_nothing_says_so(stages: tuple[Stage, ...]) -> None:
    empty = msgspec.structs.replace(_certificate(*stages), variants=(), notes=(), student="")
    assert "the bundle was compared with torch on no golden turns" in _Page(
        certificate_page(empty)).text


def test_a_share_is_never_rounded_up_to_all() -> None:
    page = _Page(certificate_page(_certificate(
        _stage("torch, fp32", 0.0, turns=5000), _stage("last", 1.0, _parted(), turns=5000))))
    assert "the agreement is 99.9%" in page.text


def test_two_hundred_parted_turns_stay_small() -> None:
    parted = [_parted(f"switch on the lamp number {number}") for number in range(200)]
    page = certificate_page(_certificate(CHAIN[0], _stage("last", 1.0, *parted)))
    assert len(page.encode()) < 40_000
