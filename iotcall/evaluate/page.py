"""One self-contained HTML page for people. Leaves out: what is on it.

No scripts, links, fonts from elsewhere or dates of its own: the same content gives the same bytes.
"""

from __future__ import annotations

import html

_VISIBLE = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"}
"""Control characters -> their pictures; HTML has no place for them."""

STYLE = """
:root{color-scheme:light dark;--ink:#1c1f23;--soft:#5a626b;--line:#d5d9de;--paper:#fff;
--dot:#1a5fb4;--mark:#fbe9c6}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e4e6e9;--soft:#a0a8b1;--line:#3b4148;
--paper:#17191c;--dot:#82b1f5;--mark:#54421a}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1.5rem 1.25rem 3rem;background:var(--paper);
color:var(--ink);font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.25;margin:.2rem 0 .6rem;text-wrap:balance}
h2,h3{font-size:1.15rem;margin:2.2rem 0 .3rem;break-after:avoid}
h3{font-size:1rem;margin-top:1.4rem}
p{margin:.3rem 0;max-width:44rem}
.soft,dd small{color:var(--soft);font-size:.875rem}
table{width:100%;border-collapse:collapse;margin:.6rem 0}
th,td{text-align:start;vertical-align:top;padding:.45rem .6rem;border-top:1px solid var(--line)}
th:first-child,td:first-child{padding-inline-start:0}
thead th{border:0;font-weight:400;font-size:.8rem;color:var(--soft);vertical-align:bottom}
tbody th{font-weight:600;font-size:.95rem}
tr{break-inside:avoid}
td{font-variant-numeric:tabular-nums}
mark{background:var(--mark);color:inherit;padding:0 .3em;border-radius:.2em}
"""
"""What pages have in common; light and dark, on paper and on a phone."""


def page(title: str, style: str, body: str) -> str:
    """The whole file; `body` is HTML, `title` text."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # what an utterance holds is escaped; this forbids it to load or run anything all the same
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escaped(title)}</title>\n<style>{style}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n")


def escaped(text: str) -> str:
    """For an element's content, never for an attribute; lone surrogates become ?."""
    return html.escape(visible(text), quote=False)


def visible(text: str) -> str:
    """Control characters as their pictures, lone surrogates as ?."""
    return text.translate(_VISIBLE).encode("utf-8", "replace").decode()
