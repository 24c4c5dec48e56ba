"""A real HTTP server that speaks /v1/chat/completions and plays judge, writer and assistant.

It answers well unless a fault is scripted for the request. What it plays is told from the request:
tools are offered to the assistant, the others are known by their system message.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Fault = Callable[["Handler"], None]
"""Answers a request badly."""
Json = dict[str, Any]


class Handler(BaseHTTPRequestHandler):
    """One connection; `server.played` is the play."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        play: OpenAiServer = self.server.played  # type: ignore[attr-defined]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with contextlib.suppress(OSError):  # the client has hung up
            play.take(self, body)

    def reply(self, body: bytes, status: int = 200, *, length: int | None = None,
              **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


class OpenAiServer:
    """A server while the context is open."""

    def __init__(self) -> None:
        self.bodies: list[Json] = []
        """Requests in the order of arrival."""
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.answered: list[str] = []
        """Requests, as JSON, whose answer was sent whole."""
        self.faults: deque[Fault | None] = deque()
        """One for each request to come; None, or none left: it is answered well."""
        self.fault_of: Callable[[Json], Fault | None] = lambda body: None
        """A fault by what is asked, where none is scripted."""
        self.gate = threading.Event()
        """Closed: requests are taken, answers are held back."""
        self.gate.set()
        self.scores: Callable[[str], Json] = lambda dialogue: {
            "clarity": 5, "coherence": 5, "reason": "fine"}
        """The judge: by the dialogue as JSON."""
        self.writes: Callable[[list[Json], int], list[Json]] = in_other_words
        """The writer: the turns to start from, and the number of the request -> its turns."""
        self.calls: dict[str, list[Json]] = {}
        """The assistant: utterance -> calls; what the writer wrote is added."""
        self.broken: list[str] = []
        """What went wrong in the play itself."""
        self.arrived = threading.Condition()
        played = self

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                if not isinstance(sys.exc_info()[1], OSError):  # the client has hung up
                    played.broken.append(repr(sys.exc_info()[1]))

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.played = played  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True,
                                        kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> OpenAiServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        assert self.broken == []

    def wait_for(self, requests: int, seconds: float = 60) -> None:
        """Until so many requests have arrived."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.bodies) >= requests, seconds), (
                f"{len(self.bodies)} requests")

    def asked_twice(self) -> list[str]:
        """Requests that were answered well more than once."""
        return [body for body, count in Counter(self.answered).items() if count > 1]

    def take(self, handler: Handler, body: Json) -> None:
        with self.arrived:
            self.bodies.append(body)
            self.headers.append({key.lower(): value for key, value in handler.headers.items()})
            self.paths.append(handler.path)
            fault = self.faults.popleft() if self.faults else self.fault_of(body)
            self.arrived.notify_all()
        if fault is not None:
            fault(handler)
            return
        message = self._message(body)
        self.gate.wait(60)
        handler.reply(completion(message))
        with self.arrived:
            self.answered.append(json.dumps(body, sort_keys=True))

    def _message(self, body: Json) -> Json:
        system, first = (message["content"] for message in body["messages"][:2])
        if body.get("tools"):
            asked = body["messages"][-1]["content"]
            return {"content": None, "tool_calls": [
                {"id": f"call_{index}", "type": "function", "function": {
                    "name": call["name"], "arguments": json.dumps(call["arguments"])}}
                for index, call in enumerate(self.calls.get(asked, []))]}
        if "You grade dialogues" in system:
            dialogue = first.partition("as JSON:\n")[2]
            return {"content": f"```json\n{json.dumps(self.scores(dialogue))}\n```"}
        start = json.loads(first.partition("Start from this dialogue:\n")[2].partition("\n\n")[0])
        number = int(first.partition("dialogue number ")[2].partition(":")[0])
        turns = self.writes(start["turns"], number)
        for turn in turns:
            self.calls.setdefault(turn["user"], turn["calls"])
        return {"content": "<think>{what now?}</think>" + json.dumps({"turns": turns})}


def in_other_words(turns: list[Json], number: int) -> list[Json]:
    """The same dialogue with a word before each utterance."""
    return [{"user": f"variant {number}, {turn['user']}", "calls": turn["calls"]} for turn in turns]


def completion(message: Json, finish: str = "stop") -> bytes:
    return json.dumps({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "played",
        "choices": [{"index": 0, "finish_reason": finish,
                     "message": {"role": "assistant", **message}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }).encode()


def says(content: str, finish: str = "stop", **message: Any) -> Fault:
    """An answer in these words."""
    return lambda handler: handler.reply(completion({"content": content, **message}, finish))


def status(code: int, message: str = "no", *, kind: str = "", **headers: str) -> Fault:
    """An error in OpenAI's form."""
    body = json.dumps({"error": {"message": message, "type": "error", "code": kind or None}})
    return lambda handler: handler.reply(body.encode(), code, **headers)


def refuses() -> Fault:
    """The model's own refusal."""
    return says("", refusal="I cannot help with that.")


def malformed() -> Fault:
    """JSON that ends in the middle."""
    return says('Sure! {"clarity": 5, "coher')


def breaks_off() -> Fault:
    """A body that is shorter than it says."""
    def fault(handler: Handler) -> None:
        body = completion({"content": "{}"})
        handler.reply(body[:len(body) // 2], length=len(body))
        handler.close_connection = True
    return fault


def nonsense() -> Fault:
    """A body that is no JSON, as proxies write it."""
    return lambda handler: handler.reply(b"<html>Bad gateway</html>", Content_Type="text/html")


def hangs_up() -> Fault:
    """No answer at all, and the connection is closed."""
    def fault(handler: Handler) -> None:
        handler.close_connection = True
    return fault


def silent() -> Fault:
    """No answer for as long as the client waits."""
    def fault(handler: Handler) -> None:
        handler.rfile.read(1)  # returns when the client hangs up
        handler.close_connection = True
    return fault


