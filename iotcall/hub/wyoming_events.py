"""Wyoming events: their bytes, and what is said in them. Leaves out: connections (wyoming).

An event is a line of JSON (`type`, `data`, `data_length`, `payload_length`), then so many bytes of
JSON that are merged over `data`, then so many bytes of audio or the like, which we never need.
Source: https://github.com/OHF-Voice/wyoming#format, as its package 1.10 reads and writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from iotcall import __version__
from iotcall.errors import InputError
from iotcall.hub.topics import TEXT_CAPTURED, Heard, read_voice

LINE_LIMIT_BYTES = 65536
"""Of the line, and of the JSON that follows it."""
PAYLOAD_LIMIT_BYTES = 2**20

Code = Literal["malformed", "too-long", "busy", "stopping"]

_WRITTEN_AS = "1.10.2"  # the package's release whose fields these are; it reads its own nowhere
_NULL = msgspec.Raw(b"null")
_PROGRAM = {
    "name": "iotcall",  # Home Assistant calls the agent so
    "attribution": {"name": "iotcall", "url": ""},  # it has no address of its own
    "installed": True,
    "description": "Turns what people say at home into device commands",
    "version": __version__,
}

_Length = Annotated[int, msgspec.Meta(ge=0)] | None
_Form = TypeVar("_Form")


class UnreadableEvent(InputError):
    """What a client sent is no event; `code` is for the `error` that answers it."""

    def __init__(self, code: Code, message: str) -> None:
        self.code = code
        super().__init__(message)


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The line that an event begins with."""

    type: str
    data: dict[str, msgspec.Raw] | None = None
    data_length: _Length = None
    """Bytes of JSON that follow the line."""
    payload_length: _Length = None
    """Bytes after these."""


class Event(msgspec.Struct, frozen=True):
    """One event, its payload left out."""

    type: str
    data: dict[str, msgspec.Raw]


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One utterance of a client."""

    text: str
    site_id: str = "default"
    """The satellite's entity id, else its device id: Home Assistant gives them since 2026."""
    session_id: str | None = None
    """Home Assistant's conversation id."""
    language: str | None = None
    """Of the text, as in `en` or `en-US`."""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What to say to it."""

    text: str
    handled: bool = True
    """False tells the client that this was an error; it speaks the text all the same."""


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """A `transcript`, or what was streamed of one."""

    text: str
    language: str | None = None
    context: msgspec.Raw = _NULL
    """Unread; answers repeat it."""


class _Start(msgspec.Struct, frozen=True):
    language: str | None = None
    context: msgspec.Raw = _NULL


class _Text(msgspec.Struct, frozen=True):
    text: str


class _Ping(msgspec.Struct, frozen=True):
    text: str | None = None


class _Context(msgspec.Struct, frozen=True):
    conversation_id: str | None = None
    device_id: str | None = None
    satellite_id: str | None = None


def read_header(line: bytes) -> Header:
    """The line of an event.

    Raises:
        UnreadableEvent: it is none, or announces more than we take.
    """
    header = _read(line, Header)
    if (header.data_length or 0) > LINE_LIMIT_BYTES:
        raise UnreadableEvent("too-long", f"expected data of at most {LINE_LIMIT_BYTES} bytes")
    if (header.payload_length or 0) > PAYLOAD_LIMIT_BYTES:
        raise UnreadableEvent("too-long",
                              f"expected a payload of at most {PAYLOAD_LIMIT_BYTES} bytes")
    return header


def read_event(header: Header, data: bytes) -> Event:
    """The event of a header and the data that followed it.

    Raises:
        UnreadableEvent: the data are no JSON object.
    """
    more = _read(data, dict[str, msgspec.Raw]) if data else {}
    return Event(header.type, {**(header.data or {}), **more})


def read_transcript(event: Event, streamed: Transcript | None) -> Transcript:
    """A `transcript`; what it leaves out is as in the stream in which it came.

    Raises:
        UnreadableEvent: it has no text, or its context is none.
    """
    whole = _read(msgspec.json.encode(event.data), Transcript)
    if streamed is not None:
        whole = Transcript(
            text=whole.text, language=whole.language or streamed.language,
            context=streamed.context if _is_null(whole.context) else whole.context)
    _ids(whole)
    return whole


def read_start(event: Event) -> Transcript:
    """A `transcript-start`: nothing was said yet.

    Raises:
        UnreadableEvent: its language or its context is none.
    """
    start = _read(msgspec.json.encode(event.data), _Start)
    begun = Transcript(text="", language=start.language, context=start.context)
    _ids(begun)
    return begun


def read_chunk(event: Event, so_far: Transcript) -> Transcript:
    """A `transcript-chunk`, after what was streamed before it.

    Raises:
        UnreadableEvent: it has no text, or they are longer together than a whole one may be.
    """
    text = so_far.text + _read(msgspec.json.encode(event.data), _Text).text
    if len(text) > LINE_LIMIT_BYTES:
        raise UnreadableEvent("too-long",
                              f"expected a transcript of at most {LINE_LIMIT_BYTES} characters")
    return msgspec.structs.replace(so_far, text=text)


def said(transcript: Transcript, text_limit_characters: int) -> Said | None:
    """What was said and where; None where it would be refused on a voice topic too."""
    ids = _ids(transcript)
    heard = read_voice(  # subtle: the one judge of texts and ids, whichever way they came
        TEXT_CAPTURED,
        msgspec.json.encode({"text": transcript.text,
                             "siteId": ids.satellite_id or ids.device_id,
                             "sessionId": ids.conversation_id}),
        text_limit_characters=text_limit_characters,
        payload_limit_bytes=4 * LINE_LIMIT_BYTES,
    )
    if not isinstance(heard, Heard):
        return None
    return Said(text=heard.text, site_id=heard.site_id, session_id=heard.session_id,
                language=transcript.language)


def info(languages: Sequence[str]) -> bytes:
    """Answers `describe`: we handle. We never recognise, which would leave the doing to others."""
    handler = {
        **_PROGRAM,
        "models": [{**_PROGRAM, "languages": list(languages)}],
        "supports_handled_streaming": False,
        "supports_home_control": True,
    }
    others = ("asr", "tts", "intent", "wake", "mic", "snd")
    return _event("info", {"handle": [handler], **{kind: [] for kind in others}})


def pong(ping: Event) -> bytes:
    """Answers a `ping`.

    Raises:
        UnreadableEvent: its text is none.
    """
    return _event("pong", {"text": _read(msgspec.json.encode(ping.data), _Ping).text})


def answer(answered: Answered, context: msgspec.Raw = _NULL) -> bytes:
    """Answers a transcript; the context is the transcript's own."""
    data: dict[str, Any] = {"text": answered.text}
    if not _is_null(context):
        data["context"] = context
    return _event("handled" if answered.handled else "not-handled", data)


def error(code: Code, text: str) -> bytes:
    """The last event of a connection that we end."""
    return _event("error", {"text": text, "code": code})


def _ids(transcript: Transcript) -> _Context:
    context = transcript.context
    return _Context() if _is_null(context) else _read(bytes(context), _Context)


def _is_null(context: msgspec.Raw) -> bool:
    return bytes(context) == b"null"


def _event(kind: str, data: Mapping[str, Any]) -> bytes:
    body = msgspec.json.encode(data)
    header = {"type": kind, "version": _WRITTEN_AS, "data_length": len(body)}
    return msgspec.json.encode(header) + b"\n" + body


def _read(encoded: bytes, form: type[_Form]) -> _Form:
    """subtle: the message of a decoder never quotes a value, so it may be sent and logged."""
    try:
        return msgspec.json.decode(encoded, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError) as unreadable:
        raise UnreadableEvent("malformed", f"no event: {unreadable}") from unreadable
    except RecursionError as unreadable:
        raise UnreadableEvent("malformed", "no event: nested too deeply") from unreadable
