"""The report's looks, on top of what pages have in common. Leaves out: what is on the page."""

STYLE = """\
:root{--good:#1f7a44;--bad:#b3261e;--c1:#1a5fb4;--c2:#b3551e;--c3:#1f7a44;--c4:#8a3b8f;--c5:#5f6b00;
--tint:#f4f6f8}
@media screen and (prefers-color-scheme:dark){:root{--good:#7fd39d;--bad:#ff9d93;--c1:#82b1f5;
--c2:#f0a870;--c3:#7fd39d;--c4:#d9a0de;--c5:#cbd36a;--tint:#1f2226}}
body{max-width:64rem}
.verdict{border-inline-start:.4rem solid var(--soft);padding-inline-start:1rem}
.verdict.failed{border-color:var(--bad)}.verdict.passed{border-color:var(--good)}
.word{font-size:.8rem;font-weight:700;letter-spacing:.06em;text-transform:uppercase;
color:var(--soft)}
.failed>.word,.word.failed{color:var(--bad)}.passed>.word,.word.passed{color:var(--good)}
.stamp{display:inline-block;border:1px solid var(--soft);border-radius:.8rem;padding:0 .5rem;
color:var(--soft);font-size:.75rem;font-weight:400;line-height:1.25rem;white-space:nowrap;
letter-spacing:0}
.stamp.emulated{border-style:dashed}.stamp.simulated{border-style:dotted;border-width:2px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.75rem;
margin:1.2rem 0 0;padding:0;list-style:none}
.tiles li{background:var(--tint);border-radius:.4rem;padding:.7rem .9rem}
.tiles b{display:block;font-size:1.45rem;line-height:1.3;font-variant-numeric:tabular-nums}
.tiles span:first-child,.tiles small{color:var(--soft);font-size:.85rem}
.tiles small{display:block;margin-bottom:.3rem}
.todo{list-style:none;padding:0;margin:.6rem 0}
.todo li{border-top:1px solid var(--line);padding:.6rem 0}
.todo b{color:var(--bad)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,25rem),1fr));
gap:1.2rem 2rem;margin:.8rem 0;align-items:start}
figure{margin:0;min-width:0;break-inside:avoid}
figcaption b{font-weight:600}figcaption b::first-letter{text-transform:uppercase}
figcaption p{margin:.1rem 0 .3rem;font-size:.875rem;color:var(--soft)}
svg{display:block;width:100%;height:auto;overflow:visible;margin-top:.3rem}
svg text{font-family:system-ui,sans-serif!important}
td .soft,th .soft{display:block;font-weight:400}
.beside{table-layout:fixed}.beside thead th:first-child{width:36%}
details{border-top:1px solid var(--line)}
summary{padding:.55rem 0;cursor:pointer}
summary b{margin-inline-end:.5rem}
.checks{table-layout:fixed}.checks thead th:first-child{width:46%}
.checks thead th:nth-child(4){width:6.5rem}.checks thead th:nth-child(5){width:6.5rem}
.facts{margin:.6rem 0;display:grid;grid-template-columns:12rem 1fr}
.facts dt,.facts dd{margin:0;padding:.3rem 0;border-top:1px solid var(--line)}
.facts dt{color:var(--soft);padding-inline-end:1rem}
@media screen and (max-width:40rem){
.stack thead{display:none}
.stack,.stack tbody,.stack tr,.stack th,.stack td{display:block}
.stack tr{border-top:1px solid var(--line);padding:.5rem 0}
.stack th,.stack td{border:0;padding:.1rem 0}
.stack td:empty{display:none}
.stack td[data-of]::before{content:attr(data-of) ": ";color:var(--soft);font-size:.8rem}
.facts{display:block}.facts dd{border:0;padding-top:0}.facts dt{padding-bottom:0}}
@media print{html{font-size:80%}body{max-width:none;padding:0}
details>summary{list-style:none}.stamp,.verdict{print-color-adjust:exact}}
"""
