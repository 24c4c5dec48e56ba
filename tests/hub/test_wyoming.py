"""The service for Home Assistant, asked by the client that Home Assistant uses."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wyoming.asr import Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event, Eventable
from wyoming.handle import Handled, NotHandled
from wyoming.info import Describe, Info, SelectProgram
from wyoming.intent import Recognize
from wyoming.ping import Ping, Pong

from iotcall import __version__
from iotcall.errors import InputError
from iotcall.hub.wyoming import Answered, Said, WyomingServer, WyomingSettings, read_address
from iotcall.hub.wyoming_events import LINE_LIMIT_BYTES, PAYLOAD_LIMIT_BYTES

DEADLINE_SECONDS = 20.0
ON = Transcript("turn on the kitchen light", language="en",
                context={"conversation_id": "01JD", "device_id": "8f3a",
                         "satellite_id": "assist_satellite.kitchen"})

Serve = Callable[..., WyomingServer]


class House:
    """Answers, and remembers what was said."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self.reached = threading.Semaphore(0)
        self.open = threading.Event()

    def answer(self, said: Said) -> Answered:
        self.said.append(said)
        if said.text == "hold":
            self.reached.release()
            self.open.wait(DEADLINE_SECONDS)
        if said.text == "fail":
            raise ValueError(said.text)
        return Answered(text=f"Did: {said.text}", handled=said.text != "sing")

    def wait_reached(self) -> None:
        assert self.reached.acquire(timeout=DEADLINE_SECONDS), "nobody asked"


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    house.open.set()


@pytest.fixture
def serve(house: House) -> Iterator[Serve]:
    """Starts a service on a free port; bounds may be given."""
    with contextlib.ExitStack() as running:
        yield lambda **bounds: running.enter_context(WyomingServer(
            "127.0.0.1", 0, house.answer, settings=WyomingSettings(**bounds)))


def ask(server: WyomingServer, *events: Eventable, answers: int = 1) -> list[Event]:
    """Send events over one connection with the real client and read so many answers."""
    async def talk() -> list[Event]:
        async with AsyncTcpClient("127.0.0.1", server.port,
                                  read_timeout=DEADLINE_SECONDS) as client:
            for event in events:
                await client.write_event(event.event())
            return [await _next(client) for _ in range(answers)]

    return asyncio.run(talk())


async def _next(client: AsyncTcpClient) -> Event:
    event = await client.read_event()
    assert event is not None, "the connection was closed"
    return event


def send(server: WyomingServer, sent: bytes) -> list[dict[str, Any]]:
    """Send bytes, then no more, and read until the service closes: headers with their data."""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS) as connection:
        with contextlib.suppress(OSError):  # it may have closed by then
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        return read_all(connection)


def read_all(connection: socket.socket) -> list[dict[str, Any]]:
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            received += chunk
    events = []
    while received:
        line, _, received = received.partition(b"\n")
        header = json.loads(line)
        length = header.get("data_length", 0)
        events.append({**header, "data": json.loads(received[:length])})
        received = received[length:]
    return events


def is_alive(server: WyomingServer) -> bool:
    return Info.is_type(ask(server, Describe())[0].type)


def test_it_describes_itself_as_a_service_that_handles_and_never_as_one_that_recognises(
    serve: Serve,
) -> None:
    [event] = ask(serve(), Describe())
    info = Info.from_event(event)
    [program] = info.handle
    [model] = program.models
    assert (program.name, program.installed, program.version) == ("iotcall", True, __version__)
    assert (model.installed, model.version, model.languages) == (True, __version__, ["en"])
    assert program.attribution.name == model.attribution.name == "iotcall"
    assert not program.supports_handled_streaming
    assert program.supports_home_control
    assert [info.asr, info.tts, info.intent, info.wake, info.mic, info.snd] == [[]] * 6
    assert info.satellite is None
    assert info.event().data == event.data, "other fields than the package writes"


def test_a_transcript_is_answered_with_what_was_done(serve: Serve, house: House) -> None:
    [event] = ask(serve(), ON)
    assert Handled.from_event(event) == Handled("Did: turn on the kitchen light", ON.context)
    assert Handled.is_type(event.type)
    assert house.said == [Said(text="turn on the kitchen light", language="en", session_id="01JD",
                               site_id="assist_satellite.kitchen")]


@pytest.mark.parametrize(("context", "site", "session"), [
    (None, "default", None),
    ({}, "default", None),
    ({"conversation_id": "01JD"}, "default", "01JD"),
    ({"conversation_id": "01JD", "device_id": "8f3a"}, "8f3a", "01JD"),
    ({"device_id": "8f3a", "satellite_id": None, "mood": [1, {"a": None}]}, "8f3a", None),
])
def test_a_context_says_where_and_in_which_conversation(
    serve: Serve, house: House, context: dict[str, Any] | None, site: str, session: str | None
) -> None:
    [event] = ask(serve(), Transcript("lights", context=context))
    assert house.said == [Said(text="lights", site_id=site, session_id=session)]
    assert Handled.from_event(event).context == context


def test_what_was_not_done_is_not_handled_and_has_a_text(serve: Serve) -> None:
    [event] = ask(serve(), Transcript("sing", context={"conversation_id": "7"}))
    assert NotHandled.is_type(event.type)
    assert NotHandled.from_event(event) == NotHandled("Did: sing", {"conversation_id": "7"})


@pytest.mark.parametrize("text", ["", " \n", "a" * 401, "lights\x00on", "\u200b"])
def test_a_text_that_no_voice_topic_would_take_is_not_handled(
    serve: Serve, house: House, text: str
) -> None:
    server = serve()
    unusable, usable = ask(server, Transcript(text), ON, answers=2)
    assert NotHandled.is_type(unusable.type)
    assert NotHandled.from_event(unusable).text
    assert Handled.is_type(usable.type), "the connection goes on"
    assert [said.text for said in house.said] == [ON.text]


def test_an_answer_that_fails_is_not_handled_and_the_next_one_is(serve: Serve) -> None:
    failed, handled = ask(serve(), Transcript("fail"), ON, answers=2)
    assert NotHandled.is_type(failed.type)
    assert "fail" not in (NotHandled.from_event(failed).text or "")
    assert Handled.is_type(handled.type)


STREAM = [TranscriptStart(context=ON.context, language="en"), TranscriptChunk("turn on the "),
          TranscriptChunk("kitchen light")]


@pytest.mark.parametrize("stream", [
    [*STREAM, TranscriptStop()],
    [*STREAM, Transcript(ON.text), TranscriptStop()],
    [*STREAM[:2], Transcript(ON.text), TranscriptChunk("kitchen light"), TranscriptStop()],
    [*STREAM[:1], TranscriptChunk("off"), *STREAM, TranscriptStop()],
], ids=["stop", "whole", "whole-before-the-rest", "begun-anew"])
def test_a_streamed_transcript_is_done_once(
    serve: Serve, house: House, stream: Sequence[Eventable]
) -> None:
    handled, pong = ask(serve(), *stream, Ping("end"), answers=2)
    assert Handled.from_event(handled).text == f"Did: {ON.text}"
    assert Pong.is_type(pong.type), "one answer, not two"
    assert house.said == [Said(text=ON.text, language="en", session_id="01JD",
                               site_id="assist_satellite.kitchen")]


def test_a_ping_is_answered_with_its_text(serve: Serve) -> None:
    plain, named = ask(serve(), Ping(), Ping("ça va?"), answers=2)
    assert Pong.from_event(plain) == Pong(None)
    assert Pong.from_event(named) == Pong("ça va?")


def test_events_of_other_services_are_dropped_and_nothing_is_done(
    serve: Serve, house: House
) -> None:
    [event] = ask(serve(), SelectProgram("iotcall"), Recognize("turn on the light"),
                  TranscriptChunk("light"), TranscriptStop(), Ping("end"))
    assert Pong.is_type(event.type)
    assert not house.said


def test_a_payload_is_skipped(serve: Serve) -> None:
    async def talk(server: WyomingServer) -> Event:
        async with AsyncTcpClient("127.0.0.1", server.port,
                                  read_timeout=DEADLINE_SECONDS) as client:
            await client.write_event(Event("audio-chunk", {"rate": 16000},
                                           b"{\n" * (PAYLOAD_LIMIT_BYTES // 2)))
            await client.write_event(ON.event())
            return await _next(client)

    assert Handled.is_type(asyncio.run(talk(serve())).type)


def test_two_clients_are_answered_at_once(serve: Serve, house: House) -> None:
    server = serve()

    async def talk() -> tuple[Event, Event]:
        async with AsyncTcpClient("127.0.0.1", server.port,
                                  read_timeout=DEADLINE_SECONDS) as slow:
            await slow.write_event(Transcript("hold").event())
            await asyncio.to_thread(house.wait_reached)
            async with AsyncTcpClient("127.0.0.1", server.port,
                                      read_timeout=DEADLINE_SECONDS) as quick:
                await quick.write_event(ON.event())
                first = await _next(quick)
            house.open.set()
            return first, await _next(slow)

    first, second = asyncio.run(talk())
    assert Handled.from_event(first).text == f"Did: {ON.text}"
    assert Handled.from_event(second).text == "Did: hold"


def test_a_busy_hub_says_so(serve: Serve, house: House) -> None:
    server = serve(answers=1)
    with _held(server, house) as waiting:
        [event] = ask(server, ON)
        assert NotHandled.is_type(event.type)
        assert "busy" in (NotHandled.from_event(event).text or "")
        assert [said.text for said in house.said] == ["hold"]
        house.open.set()
        assert waiting.recv(1), "the first one is answered"
    [event] = ask(server, ON)
    assert Handled.is_type(event.type), "and it is busy no more"


def test_an_answer_that_does_not_come_is_not_waited_for_for_ever(
    serve: Serve, house: House
) -> None:
    server = serve(answer_seconds=0.05)
    [event] = ask(server, Transcript("hold"))
    assert NotHandled.is_type(event.type)
    house.open.set()
    assert is_alive(server)


@contextlib.contextmanager
def _held(server: WyomingServer, house: House) -> Iterator[socket.socket]:
    """A client that waits for its answer."""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS) as waiting:
        waiting.sendall(b'{"type": "transcript", "data": {"text": "hold"}}\n')
        house.wait_reached()
        yield waiting


def test_one_connection_too_many_is_told_and_closed(serve: Serve) -> None:
    server = serve(connections=2)
    with contextlib.ExitStack() as clients:
        for _ in range(2):
            client = clients.enter_context(
                socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS))
            client.sendall(b'{"type": "ping"}\n')
            assert client.recv(1), "connected"
        [refused] = send(server, b"")
    assert (refused["type"], refused["data"]["code"]) == ("error", "busy")


def test_a_client_that_hangs_is_closed(serve: Serve) -> None:
    server = serve(idle_seconds=0.05)
    for begun in (b"", b'{"type": "trans', b'{"type": "ping", "data_length": 9}\n{"te',
                  b'{"type": "ping", "payload_length": 9}\n...'):
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS) as hanging:
            hanging.sendall(begun)
            assert read_all(hanging) == []
    assert is_alive(server)


def test_a_client_that_takes_no_answers_is_closed(serve: Serve) -> None:
    server = serve(write_seconds=0.05)
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS) as deaf:
        ping = json.dumps({"type": "ping", "data": {"text": "a" * 60000}}).encode() + b"\n"
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            _send_for_ever(deaf, ping)
    assert is_alive(server)


def _send_for_ever(connection: socket.socket, event: bytes) -> None:
    while True:
        connection.sendall(event)


MALFORMED = {
    "no JSON": b"hello\n",
    "an empty line": b"\n",
    "no object": b"[1]\n",
    "no type": b"{}\n",
    "a type that is no text": b'{"type": 1}\n',
    "data that are no object": b'{"type": "ping", "data": 1}\n',
    "a negative length": b'{"type": "ping", "data_length": -1}\n',
    "more data than allowed": b'{"type": "ping", "data_length": 65537}\n',
    "a length beyond all numbers": b'{"type": "ping", "data_length": 1e999}\n',
    "more payload than allowed": b'{"type": "ping", "payload_length": 1048577}\n',
    "data that are no JSON": b'{"type": "ping", "data_length": 5}\nhello',
    "no UTF-8": b'{"type": "ping", "data": {"text": "\xff"}}\n',
    "half a surrogate": b'{"type": "ping", "data": {"text": "\\ud800"}}\n',
    "a line without end": b"a" * (2 * LINE_LIMIT_BYTES),
    "too deep a nesting": b'{"type": "ping", "data": ' + b'{"a": ' * 10000 + b"1" + b"}" * 10001
                          + b"\n",
    "a transcript without text": b'{"type": "transcript"}\n',
    "a text that is a number": b'{"type": "transcript", "data": {"text": 7}}\n',
    "a context that is a list": b'{"type": "transcript", "data": {"text": "a", "context": []}}\n',
    "an id that is a number":
        b'{"type": "transcript", "data": {"text": "a", "context": {"conversation_id": 7}}}\n',
    "a stream without end": b'{"type": "transcript-start"}\n' + 3 * (
        b'{"type": "transcript-chunk", "data": {"text": "' + b"a" * 30000 + b'"}}\n'),
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_input_is_answered_with_an_error_and_the_connection_ends(
    serve: Serve, house: House, sent: bytes
) -> None:
    server = serve()
    [answered] = send(server, sent + b'{"type": "transcript", "data": {"text": "lights"}}\n')
    assert answered["type"] == "error"
    assert answered["data"]["code"] in ("malformed", "too-long")
    assert not house.said
    assert is_alive(server)


def test_the_package_reads_our_errors(serve: Serve) -> None:
    async def talk(server: WyomingServer) -> tuple[Event, Event | None]:
        async with AsyncTcpClient("127.0.0.1", server.port,
                                  read_timeout=DEADLINE_SECONDS) as client:
            await client.write_event(Event("transcript", {"text": None}))
            return await _next(client), await client.read_event()

    event, end = asyncio.run(talk(serve()))
    assert Error.is_type(event.type)
    assert Error.from_event(event).code == "malformed"
    assert end is None


_LINES = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda kind, data, more: json.dumps({"type": kind, "data": data, **more}).encode() + b"\n",
        st.sampled_from(["transcript", "transcript-start", "transcript-chunk", "transcript-stop",
                         "describe", "ping", "", "intent"]),
        st.dictionaries(
            st.sampled_from(["text", "context", "language"]),
            st.recursive(st.none() | st.integers() | st.text(max_size=20),
                         lambda inner: st.dictionaries(
                             st.sampled_from(["conversation_id", "satellite_id", "x"]), inner))),
        st.dictionaries(st.sampled_from(["data_length", "payload_length"]),
                        st.none() | st.integers(-1, 40) | st.text(max_size=3)),
    ),
)


def test_no_bytes_end_the_service_or_draw_more_than_one_answer_each() -> None:
    house = House()
    house.open.set()
    with WyomingServer("127.0.0.1", 0, house.answer) as server:

        @settings(max_examples=60, deadline=None)
        @given(st.lists(_LINES, max_size=6))
        def hostile(lines: list[bytes]) -> None:
            answers = send(server, b"".join(lines))
            assert {each["type"] for each in answers} <= {
                "handled", "not-handled", "info", "pong", "error"}
            assert [each["type"] for each in answers[:-1]].count("error") == 0
            assert all("\x00" not in said.text and said.text for said in house.said)

        hostile()
        assert is_alive(server)


def test_stop_ends_at_once_also_while_a_client_waits(serve: Serve, house: House) -> None:
    server = serve()
    with (_held(server, house) as waiting,
          socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS) as idle):
        idle.sendall(b'{"type": "ping"}\n')
        assert idle.recv(1)
        server.stop()
        assert not house.open.is_set(), "it waited for the answer"
        assert not [thread for thread in threading.enumerate() if thread.name == "wyoming"]
        [last] = read_all(waiting)
    assert (last["type"], last["data"]["code"]) == ("error", "stopping")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS)
    server.stop()  # again, and nothing happens


def test_an_address_that_is_taken_is_named(serve: Serve, house: House) -> None:
    taken = serve().port
    with pytest.raises(InputError, match=f"127.0.0.1 port {taken}"):
        WyomingServer("127.0.0.1", taken, house.answer).start()


@pytest.mark.parametrize(("url", "address"), [
    ("tcp://0.0.0.0:10500", ("0.0.0.0", 10500)),
    ("tcp://hub.local:1", ("hub.local", 1)),
    ("tcp://[::1]:10500/", ("::1", 10500)),
])
def test_addresses_to_listen_on(url: str, address: tuple[str, int]) -> None:
    assert read_address(url) == address


@pytest.mark.parametrize("url", ["", "10500", "tcp://", "tcp://hub", "tcp://:10500", "tcp://a:b",
                                 "udp://a:1", "tcp://a:65536", "tcp://u:p@a:1", "tcp://a:1/x"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="tcp://HOST:PORT"):
        read_address(url)
