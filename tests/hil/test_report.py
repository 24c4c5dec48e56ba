"""The report: what it says, that it loads nothing, and how a real browser lays it out."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from iotcall.hil.report import write_report
from iotcall.hil.rows import Row, Run
from tests.browser import look_at
from tests.hil.runs import emulated, everything, failing, holds, tiny

pytest.importorskip("matplotlib")

LOOK = """view => {
  const page = view.document, wide = page.documentElement, paper = view.getComputedStyle(page.body);
  const box = element => element.getBoundingClientRect();
  const texts = [...page.querySelectorAll('svg text')];
  const apart = (one, two) => one.right <= two.left + 1 || two.right <= one.left + 1
    || one.bottom <= two.top + 2 || two.bottom <= one.top + 2;
  const overlaps = [];
  for (const svg of page.querySelectorAll('svg')) {
    const own = [...svg.querySelectorAll('text')];
    own.forEach((one, place) => own.slice(place + 1).forEach(two => {
      if (!apart(box(one), box(two))) overlaps.push(`${one.textContent} | ${two.textContent}`);
    }));
  }
  return {
    title: page.title, scroll: wide.scrollWidth, width: wide.clientWidth,
    loaded: view.performance.getEntriesByType('resource').map(entry => entry.name),
    charts: [...page.querySelectorAll('svg')].map(svg => [box(svg).width, box(svg).height]),
    cut: texts.filter(text => box(text).right > wide.clientWidth || box(text).left < 0)
      .map(text => text.textContent),
    small: Math.min(99, ...texts.map(text => box(text).height)),
    overlaps, paper: paper.backgroundColor, ink: paper.color,
    inks: [...new Set(texts.map(text => view.getComputedStyle(text).fill))],
  };
}"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("report")
    return {
        "everything": write_report(everything(), folder / "everything", everything(seed=3, ms=50),
                                   [everything("raspberry-pi-5", seed=5, ms=120), emulated()]),
        "failing": write_report(failing(), folder / "failing"),
        "tiny": write_report(tiny(), folder / "tiny")}


@pytest.fixture(scope="module")
def texts(pages: dict[str, Path]) -> dict[str, str]:
    return {name: page.read_text(encoding="utf-8") for name, page in pages.items()}


def test_the_verdict_is_on_top(texts: dict[str, str]) -> None:
    for name, said in (("everything", "smart_home on host-x86: all 8 checks passed"),
                       ("failing", "smart_home on host-x86: 4 of 12 checks failed"),
                       ("tiny", "lamp on qemu-arm64: its one check passed")):
        assert f"<h1>{said}</h1>" in texts[name]
        assert f"<title>{said}</title>" in texts[name]


def test_what_failed_is_told_with_what_to_do(texts: dict[str, str]) -> None:
    part = texts["failing"].partition("<h2>What failed")[2].partition("<h2>")[0]
    for row in failing().failed:
        assert row.check in part
    assert "install the bundle again" in part
    assert "accept the run as the new baseline" in part
    assert "What failed" not in texts["everything"]


def test_every_figure_bears_its_stamp(texts: dict[str, str]) -> None:
    for text in texts.values():
        figures = re.findall(r"<figure>.*?</figure>", text, re.DOTALL)
        assert all(len(re.findall('class="stamp ', figure)) == 1 for figure in figures)
        rows = re.findall(r"<tr><th>.*?</tr>", text, re.DOTALL)
        assert all(len(re.findall('class="stamp ', row)) == 1
                   for row in rows if "<th>Check" not in row)


def test_charts_hold_what_people_compare(texts: dict[str, str]) -> None:
    text = texts["everything"]
    for title in ("utterance to command", "exact by tool (golden)",
                  "memory and own memory over time", "accuracy against word error rate",
                  "dialogues without a mistake (golden)"):
        assert f"<b>{title}</b>" in text
    assert "<h2>Across boards</h2>" in text
    assert "<h2>Since the last run</h2>" in text
    assert "<svg" not in texts["tiny"]


def test_stamps_are_never_in_one_chart_or_line(texts: dict[str, str]) -> None:
    boards = texts["everything"].partition("<h2>Across boards</h2>")[2].partition("<h2>")[0]
    figures = re.findall(r"<figure>.*?</figure>", boards, re.DOTALL)
    assert figures
    assert not any("emu-arm64" in figure for figure in figures)
    rows = re.findall(r"<tr><th>accuracy\.exact.*?</tr>", boards, re.DOTALL)
    assert {("emulated" in row, 'data-of="emu-arm64"' in row, 'data-of="host-x86"' in row)
            for row in rows} == {(True, True, False), (False, False, True)}


def test_an_emulated_run_has_no_times(tmp_path: Path) -> None:
    text = write_report(emulated(), tmp_path).read_text(encoding="utf-8")
    assert "<h2>Latency</h2>" not in text
    assert "1.23 G" in text


def test_nothing_is_loaded_and_nothing_runs(texts: dict[str, str]) -> None:
    for text in texts.values():
        assert "default-src 'none'" in text
        assert not re.search(r"<script|<link|<img|@import|@font-face|https?:|\ssrc=", text)
        assert set(re.findall(r"url\((.)", text)) <= {"#"}
        assert set(re.findall(r'href="(.)', text)) <= {"#"}


def test_ids_are_there_once_and_references_meet_them(texts: dict[str, str]) -> None:
    ids = re.findall(r'\bid="([^"]+)"', texts["everything"])
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', texts["everything"])) <= set(ids)


def test_what_rows_say_is_text_and_no_markup(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script> & \"'\x01\ud800$x_1$"
    row = msgspec.structs.replace(holds(f"accuracy.{evil}", evil), labels={evil: evil}, value=0.5,
                                  unit="share", verdict="failed", interval95=(0.4, 0.6))
    rows = (row, msgspec.structs.replace(row, labels={"tool": evil}),
            *(msgspec.structs.replace(row, labels={"wer": rate, "data": evil})
              for rate in ("0", "0.1", "nan", evil)))
    run = msgspec.structs.replace(tiny(), board=evil, bundle=evil, suite=evil, began=evil,
                                  versions={evil: evil}, rows=rows)
    text = write_report(run, tmp_path, run, [run]).read_text(encoding="utf-8")
    assert "<script" not in text
    assert "\x01" not in text
    assert "$x_1$" in text


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    run = msgspec.structs.replace(everything(), rows=everything().rows[-3:])
    assert write_report(run, tmp_path / "one").read_bytes() == write_report(
        run, tmp_path / "two").read_bytes()


@pytest.mark.parametrize("run", [
    msgspec.structs.replace(tiny(), rows=()),
    msgspec.structs.replace(tiny(), rows=(Row(check="latency.x", stamp="measured", unit="ms",
                                              verdict="reported", told="", value=0,
                                              samples=(0, 0)),))])
def test_hardly_anything_is_shown_too(run: Run, tmp_path: Path) -> None:
    text = write_report(run, tmp_path, tiny(), [tiny()]).read_text(encoding="utf-8")
    assert "nothing was judged" in text


@pytest.mark.parametrize(("width", "dark"), [(1100, False), (1100, True), (360, False)])
def test_a_browser_lays_it_out(width: int, dark: bool, pages: dict[str, Path],
                               tmp_path: Path) -> None:
    told = look_at(list(pages.values()), LOOK, tmp_path, width=width, dark=dark)
    for name, found in zip(pages, told, strict=True):
        assert found["loaded"] == [], name
        assert found["scroll"] <= found["width"], name
        assert found["cut"] == [], name
        assert found["overlaps"] == [], name
        assert found["small"] >= 9, name
        assert all(300 < across < 560 and 40 < down < 560 for across, down in found["charts"])
        assert bool(found["charts"]) == (name != "tiny")
        assert (luminance(found["paper"]) < 0.2) == dark
        for ink in (found["ink"], *found["inks"]):
            assert contrast(ink, found["paper"]) >= 4.5, ink


def contrast(one: str, two: str) -> float:
    """Of two colours as a browser tells them (source: WCAG 2.2, "contrast ratio")."""
    dark, light = sorted((luminance(one), luminance(two)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    shares = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
                        for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
