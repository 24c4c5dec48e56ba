"""A real HTTP server that plays an OpenAI-compatible service, well or badly."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[[BaseHTTPRequestHandler], None]


class Service:
    """Answers each POST as `behave` does; keeps what it was asked."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.behave: Behaviour = status(500)
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[Any] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                service.paths.append(self.path)
                service.headers.append(dict(self.headers))
                service.bodies.append(
                    json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                with contextlib.suppress(OSError):  # the client has hung up
                    service.behave(self)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Nothing: clients that do not trust us hang up."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if context:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.02],
                                        daemon=True)

    def __enter__(self) -> Service:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def completion(*calls: tuple[str, Any], text: str | None = None) -> bytes:
    """A chat completion as services write it; arguments that are no text are written as JSON."""
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if calls:
        message["tool_calls"] = [
            {"id": f"call_{index}", "type": "function", "function": {
                "name": name, "arguments": arguments if isinstance(arguments, str)
                else json.dumps(arguments)}}
            for index, (name, arguments) in enumerate(calls)]
    return json.dumps({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "big",
        "choices": [{"index": 0, "message": message, "logprobs": None,
                     "finish_reason": "tool_calls" if calls else "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18},
    }).encode()


def answering(body: bytes) -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def chunked(body: bytes, size: int = 1000) -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for start in range(0, len(body), size):
            part = body[start:start + size]
            handler.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")

    return behave


def status(code: int, **headers: str) -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        body = b'{"error": {"message": "Incorrect API key provided: sk-secret"}}'
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def trickling(opening: bytes) -> Behaviour:
    """Sends a byte now and then, for ever: until the client hangs up."""
    def behave(handler: BaseHTTPRequestHandler) -> None:
        pause = threading.Event()
        handler.close_connection = True
        handler.wfile.write(opening)
        while not pause.wait(0.02):
            handler.wfile.write(b"a")

    return behave


def raw(sent: bytes) -> Behaviour:
    """Exactly these bytes, then the connection ends."""
    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(sent)

    return behave
