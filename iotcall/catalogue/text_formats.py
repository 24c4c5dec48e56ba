"""Regular expressions of the string formats that a schema may name.

Each is a subset of its format that every validator takes. Sources: RFC 3339 (date, time,
date-time), RFC 5321 (email), RFC 4122 (uuid), RFC 2673 (ipv4), RFC 4291 (ipv6), RFC 1123
(hostname), RFC 3986 (uri), ISO 8601 as in RFC 3339 appendix A (duration).
"""

from __future__ import annotations

_LEAP = r"(?:[12][0-9](?:0[48]|[2468][048]|[13579][26])|(?:12|16|20|24|28)00)"
_DATE = (r"(?:[12][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
         r"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
         rf"|{_LEAP}-02-29)")
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_TIME = rf"{_CLOCK}:[0-5][0-9](?:\.[0-9]{{1,3}})?(?:Z|[+-]{_CLOCK})"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_LABEL = r"[a-z0-9]{1,20}(?:-[a-z0-9]{1,20})?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"
_URI = (rf"[a-z][a-z0-9+.-]{{1,8}}://{_HOST}(?::[1-9][0-9]{{0,3}})?(?:/[A-Za-z0-9._~-]*)*"
        r"(?:\?[A-Za-z0-9._~=&+-]*)?(?:#[A-Za-z0-9._~-]*)?")

FORMATS = {
    "date": _DATE,
    "time": _TIME,
    "date-time": rf"{_DATE}T{_TIME}",
    "duration": r"P(?:[1-9][0-9]{0,2}W|[1-9][0-9]{0,2}D(?:T[1-9][0-9]?H)?"
                r"|T(?:[1-9][0-9]?H(?:[1-9][0-9]?M)?|[1-9][0-9]?M(?:[1-9][0-9]?S)?|[1-9][0-9]?S))",
    "email": rf"[A-Za-z0-9_+-]{{1,24}}(?:\.[A-Za-z0-9_+-]{{1,24}})?@(?:{_LABEL}\.)+[a-z]{{2,8}}",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "ipv4": rf"{_OCTET}(?:\.{_OCTET}){{3}}",
    "ipv6": r"(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}",
    "hostname": _HOST,
    "uri": _URI,
}
"""Name -> expression of the whole string, in syntax that Python and Rust share."""

UNHONOURED = {"idn-email", "idn-hostname", "iri", "iri-reference", "json-pointer", "regex",
              "relative-json-pointer", "uri-reference", "uri-template"}
"""Formats of JSON Schema without an expression here. Any other name is somebody's annotation, which
constrains nothing: password, phone, int32."""
