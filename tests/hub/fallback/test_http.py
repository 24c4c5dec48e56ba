"""Against a real server that behaves in every way that it should not."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from iotcall.hub.fallback import Endpoint, Failed, http_transport, read_endpoint
from iotcall.hub.fallback import http as fallback_http
from tests.hub.fallback.service import (
    Behaviour,
    Service,
    answering,
    chunked,
    completion,
    raw,
    status,
    trickling,
)

PATIENT, SHORT = 20.0, 0.4


def ask(service: Service, seconds: float = PATIENT, key: str = "") -> bytes | Failed:
    post = http_transport(read_endpoint(service.url), key)
    return post(b'{"model": "m"}', time.monotonic() + seconds)


def reason(found: bytes | Failed) -> str:
    assert isinstance(found, Failed), found
    return found.reason


def test_a_request_is_posted_as_json_and_the_answer_comes_back(service: Service) -> None:
    service.behave = answering(completion(text="yes"))
    assert ask(service) == completion(text="yes")
    assert service.paths == ["/v1/chat/completions"]
    assert service.bodies == [{"model": "m"}]
    headers = service.headers[0]
    assert headers["Content-Type"] == "application/json"
    assert headers["Host"] == f"127.0.0.1:{service.port}"
    assert "Authorization" not in headers


def test_a_key_is_sent_as_a_bearer_token_and_shown_nowhere(service: Service) -> None:
    service.behave = status(401)
    found = ask(service, key="sk-secret")
    assert service.headers[0]["Authorization"] == "Bearer sk-secret"
    assert isinstance(found, Failed)
    assert found.reason == "refused"
    assert "secret" not in found.detail
    assert "api_key_env" in found.detail


def test_an_answer_in_chunks_is_put_together(service: Service) -> None:
    service.behave = chunked(completion(text="yes " * 900))
    assert ask(service) == completion(text="yes " * 900)


@pytest.mark.parametrize("code", [201, 400, 404, 429, 500, 502, 503])
def test_another_status_is_a_refusal_that_says_which(service: Service, code: int) -> None:
    service.behave = status(code)
    found = ask(service)
    assert isinstance(found, Failed)
    assert (found.reason, found.detail[:8]) == ("refused", f"HTTP {code}")


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(service: Service, code: int) -> None:
    with Service() as elsewhere:
        service.behave = status(code, Location=elsewhere.url + "/chat/completions")
        assert reason(ask(service, key="sk-secret")) == "redirected"
        assert elsewhere.paths == []


@pytest.mark.parametrize("behave", [
    answering(b"x" * 10_000_000), chunked(b"x" * 10_000_000, 65536),
    raw(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10_000_000),
], ids=["told", "chunked", "untold"])
def test_a_body_of_ten_megabytes_is_not_read(service: Service, behave: Behaviour) -> None:
    service.behave = behave
    assert reason(ask(service)) == "too_large"


@pytest.mark.parametrize("opening", [
    b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff0\r\n",
], ids=["status", "headers", "body", "endless body", "chunk"])
def test_an_answer_that_trickles_for_ever_ends_at_the_deadline(
    service: Service, opening: bytes
) -> None:
    service.behave = trickling(opening)
    assert reason(ask(service, SHORT)) == "too_slow"


def test_a_server_that_accepts_and_says_nothing_ends_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        post = http_transport(read_endpoint(f"http://127.0.0.1:{deaf.getsockname()[1]}"))
        assert reason(post(b"{}", time.monotonic() + SHORT)) == "too_slow"


def test_a_request_that_nobody_reads_ends_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        post = http_transport(read_endpoint(f"http://127.0.0.1:{deaf.getsockname()[1]}"))
        assert reason(post(b"x" * 50_000_000, time.monotonic() + SHORT)) == "too_slow"


def test_a_connect_that_is_never_answered_ends_at_the_deadline() -> None:
    """A listener whose backlog is full lets further connects hang, as a firewall does."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        post = http_transport(read_endpoint(f"http://127.0.0.1:{port}"))
        assert reason(post(b"{}", time.monotonic() + SHORT)) == "too_slow"
        for each in waiting:
            each.close()


def test_a_name_that_is_looked_up_for_ever_ends_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stands in for a resolver whose router is down: there is none here."""
    over = threading.Event()
    monkeypatch.setattr(fallback_http.socket, "getaddrinfo", lambda *_, **__: over.wait(60) and [])
    post = http_transport(Endpoint(tls=False, host="box.lan", port=80, path="/"))
    assert reason(post(b"{}", time.monotonic() + SHORT)) == "too_slow"
    over.set()


def test_a_deadline_that_has_passed_asks_nobody(service: Service) -> None:
    assert reason(ask(service, -1.0)) == "too_slow"
    assert service.paths == []


def test_a_refused_connection_is_unreachable() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    post = http_transport(read_endpoint(f"http://127.0.0.1:{port}"))
    assert reason(post(b"{}", time.monotonic() + PATIENT)) == "unreachable"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".lan", "a..lan"])
def test_a_name_that_nobody_has_is_unreachable(host: str) -> None:
    post = http_transport(Endpoint(tls=False, host=host, port=80, path="/"))
    assert reason(post(b"{}", time.monotonic() + PATIENT)) == "unreachable"


def test_the_next_address_is_tried_where_the_first_takes_no_connection(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.behave = answering(b"{}")
    stream = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
    monkeypatch.setattr(fallback_http.socket, "getaddrinfo", lambda *_, **__: [
        (*stream, ("127.0.0.1", 1)), (*stream, ("127.0.0.1", service.port))])
    assert ask(service) == b"{}"


@pytest.mark.parametrize(("sent", "why"), [
    (b"", "unreachable"), (b"SSH-2.0-OpenSSH\r\n", "unreadable"),
    (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 70_000 + b"\r\n\r\n", "unreadable"),
    (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "unreadable"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "unreadable"),
    (b"HTTP/1.1 abc OK\r\n\r\n", "unreadable"),
])
def test_what_is_no_http_is_a_reason(service: Service, sent: bytes, why: str) -> None:
    service.behave = raw(sent)
    assert reason(ask(service)) == why


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that signed itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "box")])
    now = datetime.datetime.now(datetime.UTC)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
            .sign(key, hashes.SHA256()))
    path = tmp_path / "box.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    return path


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Service(context) as service:
        service.behave = answering(b"{}")
        service.url = f"https://127.0.0.1:{service.port}"
        found = ask(service, key="sk-secret")
        assert reason(found) == "untrusted"
        assert service.paths == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert ask(service) == b"{}"
        service.url = f"https://localhost:{service.port}"  # not the name in the certificate
        assert reason(ask(service)) == "untrusted"


def test_a_service_without_tls_gets_no_request_over_https(service: Service) -> None:
    service.url = f"https://127.0.0.1:{service.port}"
    assert reason(ask(service)) == "unreachable"
    assert service.paths == []


def test_a_tls_handshake_that_stalls_ends_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        post = http_transport(read_endpoint(f"https://127.0.0.1:{deaf.getsockname()[1]}"))
        assert reason(post(b"{}", time.monotonic() + SHORT)) == "too_slow"
