"""The parity certificate as a page that a person can read. Leaves out: measuring, the bar.

One file without scripts, links or dates: the same certificate gives the same bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from itertools import takewhile

from iotcall.evaluate.page import STYLE, escaped, page
from iotcall.export.parity.certificate import FEW_TURNS, Certificate, Parted, Stage, Variant

PAGE = "parity.html"

_FIRST, _LAST = -7, 2
"""Decades of the chart, the same on every page so that pages can be compared."""
_ZERO, _LEFT, _RIGHT = 3.0, 14.0, 95.0
"""Places on the chart in percent of its width: no difference, the first decade, the last."""
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_WORD = re.compile(r"[A-Za-z0-9_\u0080-\U0010ffff]+|.", re.DOTALL)
"""Pieces of an answer; whatever is not ASCII stays whole, so that no emoji is cut."""

_STYLE = """\
dl{margin:.6rem 0;display:grid;grid-template-columns:14rem 1fr}
dt,dd{margin:0;padding:.4rem 0;border-top:1px solid var(--line)}
dt{color:var(--soft);padding-inline-end:1rem}
dd small{display:block}
svg{display:block;width:100%;height:1.1rem;overflow:visible}
svg line{stroke:var(--soft);stroke-opacity:.5}
svg circle{fill:var(--dot);stroke:var(--dot);stroke-width:2}
svg circle.zero{fill:var(--paper)}
svg text{fill:var(--soft);font-size:11px;text-anchor:middle}
.stages{table-layout:fixed}.stages th:first-child{width:31%}.stages th:last-child{width:34%}
.stages th:nth-child(3){width:3.5rem}
.axis td{border:0;padding-block:0 .2rem}
.turns{table-layout:fixed}.turns td{unicode-bidi:plaintext;white-space:pre-wrap}
.turns td:nth-child(2),.turns td:nth-child(3){font:.82rem/1.5 ui-monospace,monospace}
.turns th:nth-child(1){width:27%}.turns th:nth-child(4){width:7rem}
@media screen and (max-width:40rem){
thead{display:none}
table,tbody,tr,th,td{display:block}
dl{display:block}dd{border:0;padding-top:0}dt{padding-bottom:0}
tr{border-top:1px solid var(--line);padding:.5rem 0}
tbody th,td,.axis td,.stages th:first-child{border:0;padding:.1rem 0;width:auto}
td::before{display:block;color:var(--soft);font:.8rem/1.5 system-ui,sans-serif}
.stages tr{display:grid;grid-template-columns:2fr 1fr 2fr}
.stages th,.stages td:last-child{grid-column:1/-1}
.stages td:nth-child(2)::before{content:"torch's calls"}
.stages td:nth-child(3)::before{content:"ties"}
.stages td:nth-child(4)::before{content:"golden right"}
.stages td:nth-child(5)::before{content:"largest logit difference"}
.axis td:not(:last-child),.axis td::before{display:none!important}
.turns td::before{unicode-bidi:isolate}
.turns td:nth-child(1)::before{content:"utterance"}
.turns td:nth-child(2)::before{content:"torch"}
.turns td:nth-child(3)::before{content:"found"}
.turns td:nth-child(4)::before{content:"margin"}}
@media print{html{font-size:80%}body{max-width:none;padding:0}
svg circle,mark{print-color-adjust:exact}}
"""


def certificate_page(certificate: Certificate) -> str:
    """One self-contained HTML page; text from golden turns and answers is escaped."""
    name = certificate.student or "the bundle"
    bundle = certificate.stages[-1] if certificate.stages else None
    verdict = _verdict(name, bundle)
    body = "\n".join((
        '<p class="soft">Parity certificate</p>', f"<h1>{escaped(verdict)}</h1>",
        *(f"<p>{escaped(line)}</p>" for line in _lead(certificate)),
        *_notes(certificate.notes), *_chain(certificate.stages), *_variants(certificate.variants),
        *_figures(certificate), *_turns(certificate)))
    return page(verdict, STYLE + _STYLE, body)


def _verdict(name: str, bundle: Stage | None) -> str:
    if bundle is None or not bundle.turns:
        return f"{name} was compared with torch on no golden turns"
    return f"{name} makes torch's calls on {_of(bundle.agreed, bundle.turns)} golden turns"


def _lead(certificate: Certificate) -> Iterable[str]:
    """What the verdict means; plain sentences."""
    for line in certificate.allowed:
        yield f"Below the bar, and allowed by the person who exported it: {line}."
    yield (f"Target {certificate.target}, measured on a machine with {certificate.instruction_set}."
           " Other processors round otherwise.")
    if not certificate.stages or not certificate.stages[-1].turns:
        return
    torch, bundle = certificate.stages[0], certificate.stages[-1]
    apart = bundle.turns - bundle.agreed
    if apart and bundle.ties:
        judged = bundle.turns - bundle.ties
        yield (f"It parts from torch on {_turns_of(apart)}, {bundle.ties} of them at a tie. Ties "
               f"are left out of the agreement: {_of(bundle.agreed, judged)}"
               f"{f', {_share(bundle.agreed, judged)}' if judged else ''}.")
    elif apart:
        yield (f"It parts from torch on {_turns_of(apart)}, none of them at a tie: the agreement "
               f"is {_share(bundle.agreed, bundle.turns)}.")
    elif bundle.turns < FEW_TURNS:
        # the one-sided 95 % bound of a share of which none was seen in so many: 1 - 0.05^(1/n)
        bound = 1 - 0.05 ** (1 / bundle.turns)
        yield (f"None parted, but {_turns_of(bundle.turns)} are few: if they are a fair sample, "
               f"up to {math.ceil(bound * 100)}% of turns like them might still part (95% "
               "confidence).")
    yield ("This compares the bundle with its checkpoint in torch; it does not say that either is "
           f"right. The bundle makes the golden calls on {_of(bundle.right, bundle.turns)} turns, "
           f"torch on {_of(torch.right, torch.turns)}.")


def _notes(notes: tuple[str, ...]) -> Iterable[str]:
    if notes:
        yield f"<h2>Notes</h2>\n<ul>{''.join(f'<li>{escaped(note)}</li>' for note in notes)}</ul>"


def _chain(stages: tuple[Stage, ...]) -> Iterable[str]:
    if not stages:
        return
    yield (
        "<h2>From checkpoint to bundle</h2>\n"
        "<p>Each row decodes the golden turns after one more step of the export; the last one is "
        "the bundle. Where a figure gets worse, that step did it.</p>\n"
        '<table class="stages">\n<thead><tr><th>Stage</th><th>Torch\'s calls</th><th>Ties</th>'
        "<th>Golden right</th><th>Largest logit difference</th></tr></thead>\n<tbody>")
    for number, stage in enumerate(stages):
        if number:
            value = math.nan if stage.logit_difference is None else stage.logit_difference
            difference = f"{_number(value)}{_chart(value)}"
        else:
            difference = "the reference"
        yield (f"<tr><th>{number + 1}. {escaped(stage.name)}</th>"
               f"<td>{_of(stage.agreed, stage.turns)}</td><td>{stage.ties}</td>"
               f"<td>{_of(stage.right, stage.turns)}</td><td>{difference}</td></tr>")
    yield (
        f'<tr class="axis"><td></td><td></td><td></td><td></td><td>{_axis()}</td></tr>\n'
        '</tbody>\n</table>\n'
        '<p class="soft"><b>Torch\'s calls</b>: turns on which the stage asks for the calls that '
        "torch asks for. <b>Tie</b>: a turn that parts where torch itself hardly preferred its "
        "answer. <b>Golden right</b>: turns with the calls that the golden dialogues want. "
        "<b>Logit difference</b>: how far a token's score moved from torch's, over the tokens that "
        "the grammar allowed; each mark on the scale is ten times the one before, an open circle "
        "is no difference at all, and a stage that runs in a process of its own tells no "
        "scores.</p>")


def _chart(value: float) -> str:
    """A dot on a logarithmic scale; nothing where there is no number."""
    if math.isnan(value):
        return ""
    ticks = "".join(f'<line x1="{_place(10.0 ** at)}%" x2="{_place(10.0 ** at)}%" y1="5" y2="13"/>'
                    for at in range(_FIRST, _LAST + 1))
    kind = "" if value else ' class="zero"'
    return (f'<svg role="img" aria-label="{_number(value)} on a logarithmic scale">'
            f'<line x1="{_ZERO}%" x2="{_RIGHT}%" y1="9" y2="9"/>{ticks}'
            f'<circle cx="{_place(value)}%" cy="9" r="4"{kind}/></svg>')


def _axis() -> str:
    labels = [(_ZERO, "0"), *((_place(10.0 ** at), _power(at)) for at in range(-6, _LAST + 1, 2))]
    return "".join(('<svg aria-hidden="true">', *(
        f'<text x="{place}%" y="11">{label}</text>' for place, label in labels), "</svg>"))


def _place(value: float) -> float:
    """Percent of the chart's width; what lies beyond the scale sits at its end."""
    if value <= 0:
        return _ZERO
    decades = min(max(math.log10(value), _FIRST), _LAST) if math.isfinite(value) else _LAST
    return round(_LEFT + (_RIGHT - _LEFT) * (decades - _FIRST) / (_LAST - _FIRST), 2)


def _variants(variants: tuple[Variant, ...]) -> Iterable[str]:
    if not variants:
        return
    rows = "\n".join(f"<dt>{_of(variant.agreed, variant.turns)} turns</dt>"
                     f"<dd>{escaped(variant.name)}</dd>" for variant in variants)
    yield ("<h2>Other ways of decoding</h2>\n<p>A hub may run the bundle in these ways. Each is "
           "compared with the bundle's own usual calls, not with torch.</p>\n"
           f"<dl>\n{rows}\n</dl>")


def _figures(certificate: Certificate) -> Iterable[str]:
    retokenised = certificate.retokenised
    figures = (
        ("fp32 graphs to torch", _number(certificate.prefill_difference),
         "Largest logit difference before anything is quantised, over the whole vocabulary, after "
         "each piece of a long prompt."),
        ("Tie", f"below {_number(certificate.tie)}",
         "Of the margin, the difference in log-probability between torch's answer and the one "
         "found, where they part. Here torch thought its own at most "
         f"{_ratio(certificate.tie)} times as likely."),
        ("Prefix tokens", f"{certificate.prefix_tokens or 'none'}",
         "Tokens of the prompt's beginning whose state is shipped, so that a hub need not read "
         "them first."),
        ("Grammar mass difference", _number(certificate.grammar_mass_difference),
         "Largest change, from the traced graph to the bundle, of the share of probability (0 to "
         "1) that the student puts on valid first tokens."),
        ("Retokenised", "not trimmed" if retokenised is None else _percent(retokenised),
         "The vocabulary is whole: every utterance is cut into the student's own tokens."
         if retokenised is None else
         "Share of golden utterances that the trimmed vocabulary cuts into other tokens than the "
         "student was trained with."))
    rows = "\n".join(f"<dt>{term}</dt><dd>{escaped(value)}<small>{escaped(meaning)}</small></dd>"
                     for term, value, meaning in figures)
    yield f"<h2>Further figures</h2>\n<dl>\n{rows}\n</dl>"


def _turns(certificate: Certificate) -> Iterable[str]:
    """Parted turns of every stage, the bundle's first."""
    yield "<h2>Parted turns</h2>"
    stages = [stage for stage in reversed(certificate.stages) if stage.parted]
    if not stages:
        yield "<p>No stage parts from torch on any golden turn.</p>"
        return
    yield ("<p>What differs is bold. The margin says how firmly torch held its answer; it is "
           "unknown where torch was not asked.</p>")
    for stage in stages:
        what = "the bundle" if stage is certificate.stages[-1] else "on the way"
        yield (f"<h3>{escaped(stage.name)}, {what}: {_turns_of(len(stage.parted))}</h3>\n"
               '<table class="turns">\n<thead><tr><th>Utterance</th><th>Torch</th><th>Found</th>'
               "<th>Margin</th></tr></thead>\n<tbody>")
        yield from map(_turn, stage.parted)
        yield "</tbody>\n</table>"


def _turn(parted: Parted) -> str:
    torch, found = _contrast(parted.torch, parted.found)
    margin = "unknown" if parted.margin is None else _number(parted.margin)
    tie = " <mark>tie</mark>" if parted.tie else ""
    return (f"<tr><td>{escaped(parted.utterance)}</td><td>{torch}</td><td>{found}</td>"
            f"<td>{margin}{tie}</td></tr>")


def _contrast(one: str, two: str) -> tuple[str, str]:
    """Both as HTML, bold between what they begin and what they end with alike."""
    left, right = _WORD.findall(one), _WORD.findall(two)
    begin = _alike(left, right)
    end = _alike(left[begin:][::-1], right[begin:][::-1])

    def bold(words: list[str]) -> str:
        if not words:
            return "(nothing)"
        last = len(words) - end
        middle = "".join(words[begin:last])
        return (escaped("".join(words[:begin])) + (f"<b>{escaped(middle)}</b>" if middle else "")
                + escaped("".join(words[last:])))

    return bold(left), bold(right)


def _alike(one: list[str], two: list[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1],
                                    zip(one, two, strict=False)))


def _number(value: float) -> str:
    """0.0000038 -> 3.8 times 10⁻⁶, 1.638 -> 1.64; nan -> not told."""
    if not math.isfinite(value):
        return "not told" if math.isnan(value) else "infinite"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e4:
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    digits, _, power = f"{value:.1e}".partition("e")
    return f"{digits} \u00d7 10{str(int(power)).translate(_SUPERSCRIPT)}"


def _power(decade: int) -> str:
    return f"{10 ** decade:g}" if decade >= -2 else f"10{str(decade).translate(_SUPERSCRIPT)}"


def _ratio(margin: float) -> str:
    return _number(math.exp(margin)) if margin < 100 else "any number of"


def _of(count: int, whole: int) -> str:
    return f"{count} of {whole}"


def _turns_of(count: int) -> str:
    return f"{count} turn" if count == 1 else f"{count} turns"


def _share(count: int, whole: int) -> str:
    """Rounded down: never 100% if one is missing."""
    return f"{count * 1000 // whole / 10:g}%"


def _percent(share: float) -> str:
    return "0%" if share == 0 else "under 0.1%" if share < 0.001 else f"{share:.1%}"
