"""A Wyoming service that handles: transcripts in, what we did and say out, for Home Assistant.

Leaves out: what an utterance means (`answer` knows), the events' form (wyoming_events), discovery
by zeroconf (Home Assistant asks for host and port once), and who may connect: the protocol knows
neither passwords nor TLS, so it belongs on the loopback or in a trusted network.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog

from iotcall.errors import InputError
from iotcall.hub.logs import fault
from iotcall.hub.wyoming_events import (
    LINE_LIMIT_BYTES,
    PAYLOAD_LIMIT_BYTES,
    Answered,
    Event,
    Said,
    Transcript,
    UnreadableEvent,
    answer,
    error,
    info,
    pong,
    read_chunk,
    read_event,
    read_header,
    read_start,
    read_transcript,
    said,
)

__all__ = ["Answered", "Said", "WyomingServer", "WyomingSettings", "read_address"]

_BUSY = Answered(text="I am still busy. Please say that again in a moment.", handled=False)
_UNREADABLE = Answered(text="I could not read that message.", handled=False)
_FAILED = Answered(text="Sorry, something went wrong.", handled=False)
_LATE = Answered(text="That takes too long. I do not know yet what comes of it.", handled=False)
_ADDRESS = re.compile(r"tcp://(?P<host>[\w.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})/?")
_LINGER_SECONDS = 1.0
_STOP_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class WyomingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the service."""

    connections: int = 32
    """One more is told so and closed."""
    answers: int = 8
    """Utterances in hand at once; one more is answered "busy"."""
    idle_seconds: float = 60.0
    """A client that has not sent a whole event by then is closed; Home Assistant connects anew for
    every utterance."""
    write_seconds: float = 5.0
    """A client that takes no answer for so long is closed."""
    answer_seconds: float = 60.0
    """Longest wait for `answer`; it may still do what was said."""
    text_limit_characters: int = 400
    """Longest utterance."""


class WyomingServer:
    """Serves from `start` to `stop`, on a thread of its own; also a context manager."""

    def __init__(self, host: str, port: int, answer: Callable[[Said], Answered], *,
                 languages: Sequence[str] = ("en",),
                 settings: WyomingSettings | None = None) -> None:
        """`answer` runs on a thread of a bounded pool, several at a time; it may take seconds."""
        self._host, self._port, self._answer = host, port, answer
        self._settings = settings or WyomingSettings()
        self._info = info(languages)
        self._thread: threading.Thread | None = None
        self._ended = asyncio.Event()
        self._clients: set[asyncio.Task[Any]] = set()
        self._answering = 0

    @property
    def port(self) -> int:
        """Where it listens; after `start` the one that the system chose, where 0 was asked for."""
        return self._port

    def start(self) -> None:
        """Listen; returns when clients can connect.

        Raises:
            InputError: the address cannot be had.
        """
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            listening = socket.create_server((self._host, self._port), family=family)
        except (OSError, OverflowError, UnicodeError) as unusable:
            raise InputError(f"cannot listen for Wyoming on {self._host} port {self._port}: "
                             f"{unusable}; expected a free port and an address of this machine"
                             ) from unusable
        self._port = listening.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=[listening], name="wyoming",
                                        daemon=True)
        self._thread.start()
        _log.info("wyoming.started", host=self._host, port=self._port)

    def stop(self) -> None:
        """End all connections, without waiting for answers that are in hand."""
        if self._thread is None:
            return
        with contextlib.suppress(RuntimeError):  # it has stopped already
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(_STOP_SECONDS)
        _log.info("wyoming.stopped")

    def __enter__(self) -> WyomingServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self, listening: socket.socket) -> None:
        with listening, asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(listening))

    async def _serve(self, listening: socket.socket) -> None:
        server = await asyncio.start_server(self._connected, sock=listening,
                                            limit=LINE_LIMIT_BYTES)
        await self._ended.wait()
        server.close()  # subtle: its wait_closed would wait for clients, from Python 3.12 on
        clients = tuple(self._clients)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One connection from its first byte to its last; raises nothing."""
        allowed, client = self._settings.connections, asyncio.current_task()
        assert client is not None
        if len(self._clients) >= 2 * allowed:  # as many are being told that they are too many
            writer.transport.abort()
            return
        self._clients.add(client)
        try:
            if len(self._clients) > allowed:
                raise UnreadableEvent("busy", f"expected at most {allowed} connections")
            await self._converse(reader, writer)
        except UnreadableEvent as unreadable:
            _log.warning("wyoming.refused", code=unreadable.code, reason=str(unreadable))
            await self._dismiss(reader, writer, error(unreadable.code, str(unreadable)))
        except asyncio.CancelledError:
            with contextlib.suppress(OSError, RuntimeError):
                writer.write(error("stopping", "the hub is stopping"))
        except (OSError, asyncio.IncompleteReadError) as gone:  # timeouts too
            _log.debug("wyoming.gone", reason=type(gone).__name__)
        except Exception as unforeseen:  # a client must not end the service
            _log.error("wyoming.failed", fault=fault(unforeseen))
        finally:
            self._clients.discard(client)
            writer.transport.abort()  # what is not sent by now has nobody who reads it

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        streamed: Transcript | None = None
        while (event := await self._next(reader)) is not None:
            match event.type:
                case "describe":
                    await self._write(writer, self._info)
                case "ping":
                    await self._write(writer, pong(event))
                case "transcript-start":
                    streamed = read_start(event)
                case "transcript-chunk" if streamed is not None:
                    streamed = read_chunk(event, streamed)
                case "transcript":
                    # subtle: after its chunks a stream brings the whole text too, and only then
                    # its stop. Said once, it is done once.
                    whole, streamed = read_transcript(event, streamed), None
                    await self._write(writer, await self._handle(whole))
                case "transcript-stop" if streamed is not None:
                    whole, streamed = streamed, None
                    await self._write(writer, await self._handle(whole))
                case _:  # the protocol lets a service drop what it does not know
                    _log.debug("wyoming.event_ignored")

    async def _next(self, reader: asyncio.StreamReader) -> Event | None:
        """The next event; None when the client is done."""
        async with asyncio.timeout(self._settings.idle_seconds):
            try:
                line = await reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as longer:
                raise UnreadableEvent(
                    "too-long", f"expected lines of at most {LINE_LIMIT_BYTES} bytes") from longer
            except asyncio.IncompleteReadError as ended:
                if ended.partial:
                    raise
                return None
            header = read_header(line)
            event = read_event(header, await reader.readexactly(header.data_length or 0))
            await _skip(reader, header.payload_length or 0)
            return event

    async def _write(self, writer: asyncio.StreamWriter, event: bytes) -> None:
        writer.write(event)
        async with asyncio.timeout(self._settings.write_seconds):
            await writer.drain()

    async def _handle(self, transcript: Transcript) -> bytes:
        """The answer to a transcript."""
        asked = said(transcript, self._settings.text_limit_characters)
        if asked is None:
            _log.warning("wyoming.unusable_transcript")
            return answer(_UNREADABLE, transcript.context)
        if self._answering >= self._settings.answers:
            _log.warning("wyoming.busy", site_id=asked.site_id)
            return answer(_BUSY, transcript.context)
        try:
            async with asyncio.timeout(self._settings.answer_seconds):
                answered = await self._ask(asked)
        except TimeoutError:
            _log.error("wyoming.answer_late", site_id=asked.site_id)
            answered = _LATE
        return answer(answered, transcript.context)

    def _ask(self, asked: Said) -> asyncio.Future[Answered]:
        """Call `answer` on another thread.

        subtle: threads of an executor would hold up the end of the process; these are left behind.
        """
        told: asyncio.Future[Answered] = self._loop.create_future()

        def tell(answered: Answered) -> None:
            self._answering -= 1
            if not told.done():
                told.set_result(answered)

        def call() -> None:
            answered = _FAILED
            try:
                answered = self._answer(asked)
            except Exception as unforeseen:
                _log.error("wyoming.answer_failed", fault=fault(unforeseen))
            with contextlib.suppress(RuntimeError):  # stopped: nobody waits for it any more
                self._loop.call_soon_threadsafe(tell, answered)

        threading.Thread(target=call, name="wyoming-answer", daemon=True).start()
        self._answering += 1
        return told

    async def _dismiss(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, last: bytes
    ) -> None:
        """Send a last event so that it arrives.

        subtle: closed over input that was not read, a connection is reset, and the client may lose
        what it was told. So we read on for a moment.
        """
        with contextlib.suppress(OSError, RuntimeError, asyncio.IncompleteReadError,
                                 asyncio.CancelledError):
            await self._write(writer, last)
            writer.write_eof()
            async with asyncio.timeout(_LINGER_SECONDS):
                await _skip(reader, PAYLOAD_LIMIT_BYTES)


def read_address(url: str) -> tuple[str, int]:
    """Host and port of ``tcp://HOST:PORT``.

    Raises:
        InputError: shows the expected form.
    """
    found = _ADDRESS.fullmatch(url)
    if not found or int(found["port"]) > 65535:
        raise InputError(f"{url!r} is no address to listen on; expected tcp://HOST:PORT, such as "
                         "tcp://127.0.0.1:10500, or tcp://0.0.0.0:10500 for every network")
    return found["host"].strip("[]"), int(found["port"])


async def _skip(reader: asyncio.StreamReader, count: int) -> None:
    """Read so many bytes, or to the end, and keep none."""
    while count and (read := await reader.read(min(count, LINE_LIMIT_BYTES))):
        count -= len(read)
