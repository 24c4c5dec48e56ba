"""What a hub counts, how Prometheus reads it, and the listener that serves it."""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import os
import socket
import threading
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from iotcall.errors import InputError
from iotcall.hub.exposition import CONTENT_TYPE, Counter, Gauge, Histogram, exposition
from iotcall.hub.listener import MetricsListener
from iotcall.hub.metrics import HubMetrics, resident_bytes
from iotcall.hub.turn import CommandRecord, LatencyRecord, TurnRecord
from tests.hub.actors import DEADLINE_SECONDS, wait_until


def turn(outcome: str = "done", verdicts: tuple[str, ...] = (), decode_ms: float = 12.0,
         total_ms: float = 60.0, confidence: float | None = 0.9) -> TurnRecord:
    return TurnRecord(
        utterance="geheim", site_id="kitchen", session_id=None, calls=(), confidence=confidence,
        outcome=outcome, reply="", latency_ms=LatencyRecord(
            decode=decode_ms, command=0.0, total=total_ms),
        commands=tuple(CommandRecord(
            device="lamp", property="state", value="on", topic="t", payload="p", verdict=verdict,
            state={}) for verdict in verdicts))


def parsed(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Prometheus' own reading: (sample, labels) -> value."""
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text) for sample in family.samples}


# --- the numbers ------------------------------------------------------------------------------


def test_utterances_and_commands_are_counted_by_what_came_of_them() -> None:
    metrics = HubMetrics()
    metrics.turn(turn(verdicts=("confirmed", "confirmed", "refused")))
    metrics.turn(turn("unconfirmed", ("unconfirmed",)))
    metrics.turn(turn("answer"))
    read = parsed(metrics.text())
    assert read["iotcall_utterances_total", (("outcome", "done"),)] == 1
    assert read["iotcall_utterances_total", (("outcome", "answer"),)] == 1
    assert read["iotcall_utterances_total", (("outcome", "busy"),)] == 0  # told before the first
    assert read["iotcall_commands_total", (("verdict", "confirmed"),)] == 2
    assert read["iotcall_commands_total", (("verdict", "refused"),)] == 1


def test_times_are_in_seconds_and_only_of_what_took_time() -> None:
    metrics = HubMetrics()
    metrics.turn(turn(decode_ms=12.0, total_ms=60.0))
    metrics.turn(turn("answer", decode_ms=0.0, total_ms=3.0, confidence=None))
    metrics.turn(turn("busy", decode_ms=0.0, total_ms=0.0, confidence=None))
    read = parsed(metrics.text())
    assert read["iotcall_decode_seconds_count", ()] == 1
    assert read["iotcall_decode_seconds_sum", ()] == pytest.approx(0.012)
    assert read["iotcall_decode_seconds_bucket", (("le", "0.01"),)] == 0
    assert read["iotcall_decode_seconds_bucket", (("le", "0.02"),)] == 1
    assert read["iotcall_utterance_seconds_count", ()] == 2
    assert read["iotcall_utterance_seconds_bucket", (("le", "+Inf"),)] == 2


def test_everything_else_is_counted_or_asked_for() -> None:
    queue = [3]
    metrics = HubMetrics(queue=lambda: queue[0], devices=lambda: 17)
    metrics.connected()
    metrics.connected()
    metrics.fallback_asked()
    metrics.store_failed()
    read = parsed(metrics.text())
    assert read["iotcall_broker_connects_total", ()] == 2
    assert read["iotcall_fallback_requests_total", ()] == 1
    assert read["iotcall_store_errors_total", ()] == 1
    assert (read["iotcall_queue_utterances", ()], read["iotcall_devices", ()]) == (3, 17)
    queue[0] = 0
    assert parsed(metrics.text())["iotcall_queue_utterances", ()] == 0
    assert read["process_start_time_seconds", ()] > 1e9


@pytest.mark.skipif(resident_bytes() is None, reason="no /proc here")
def test_the_memory_is_this_process_own() -> None:
    read = parsed(HubMetrics().text())["process_resident_memory_bytes", ()]
    assert 1e6 < read < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_nothing_that_was_said_is_in_it() -> None:
    metrics = HubMetrics()
    metrics.turn(turn())
    assert "geheim" not in metrics.text() + json.dumps(metrics.snapshot())
    assert "kitchen" not in metrics.text() + json.dumps(metrics.snapshot())


def test_the_snapshot_says_the_same_in_json() -> None:
    metrics = HubMetrics(queue=lambda: 2, devices=lambda: 5)
    for _ in range(20):
        metrics.turn(turn(verdicts=("accepted",)))
    metrics.turn(turn(decode_ms=60_000.0))
    told = json.loads(json.dumps(metrics.snapshot()))
    assert told["utterances"]["done"] == 21
    assert told["commands"]["accepted"] == 20
    assert told["decode_seconds"] == {"count": 21, "sum": 60.24, "p50_at_most": 0.02,
                                      "p95_at_most": 0.02}
    assert (told["queue"], told["devices"]) == (2, 5)
    assert len(json.dumps(told)) < 2000


def test_before_the_first_utterance_the_snapshot_claims_no_times() -> None:
    assert HubMetrics().snapshot()["utterance_seconds"] == {
        "count": 0, "sum": 0.0, "p50_at_most": None, "p95_at_most": None}


# --- the text ---------------------------------------------------------------------------------


def test_every_family_has_help_and_type_and_a_name_by_the_conventions() -> None:
    families = list(text_string_to_metric_families(HubMetrics().text()))
    assert len(families) == 12
    for family in families:
        assert family.documentation.endswith(".") or family.name.startswith("process_")
        assert family.type in ("counter", "gauge", "histogram")
        assert family.name.startswith(("iotcall_", "process_"))
        assert not family.name.endswith(("_ms", "_milliseconds"))


def test_a_label_value_of_anybody_else_makes_no_new_series() -> None:
    counter = Counter("c_total", "Help.", "kind", ["known"])
    for number in range(100):
        counter.add(f"made up {number}")
    counter.add("known")
    assert counter.counts() == {"known": 1, "other": 100}


def test_odd_characters_are_read_back_as_they_were() -> None:
    odd = 'a"b\\c\nd'
    counter = Counter("c_total", f"Help {odd}", "kind", [odd])
    counter.add(odd, 3)
    [family] = text_string_to_metric_families(exposition([counter]))
    assert family.samples[0].labels == {"kind": odd}
    assert family.samples[0].value == 3
    assert "a" in family.documentation


@pytest.mark.parametrize("value", [0.0, 1.5, -2.0, 1e20, 1e-9, math.inf, -math.inf])
def test_numbers_are_read_back_exactly(value: float) -> None:
    read = parsed(exposition([Gauge("g", "Help.", lambda: value)]))
    assert read["g", ()] == value


def test_a_number_that_nobody_knows_is_not_told() -> None:
    assert exposition([Gauge("g", "Help.", lambda: None)]) == ""
    assert math.isnan(parsed(exposition([Gauge("g", "Help.", lambda: math.nan)]))["g", ()])


def test_a_histogram_counts_a_value_at_its_bound_and_ignores_what_is_no_time() -> None:
    histogram = Histogram("h", "Help.", (1.0, 2.0))
    for value in (1.0, 1.5, 2.0, 99.0, math.nan, math.inf):
        histogram.observe(value)
    read = parsed(exposition([histogram]))
    assert [read["h_bucket", (("le", bound),)] for bound in ("1", "2", "+Inf")] == [1, 3, 4]
    assert read["h_sum", ()] == 103.5


def test_counts_of_many_threads_are_all_there() -> None:
    metrics = HubMetrics()
    threads = [threading.Thread(target=lambda: [metrics.turn(turn()) for _ in range(500)])
               for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read = parsed(metrics.text())
    assert read["iotcall_utterances_total", (("outcome", "done"),)] == 4000
    assert read["iotcall_decode_seconds_bucket", (("le", "+Inf"),)] == 4000


# --- the listener -----------------------------------------------------------------------------


class Health:
    good = True


@pytest.fixture
def listener() -> Iterator[MetricsListener]:
    with MetricsListener(("127.0.0.1", 0), metrics=HubMetrics().text,
                         healthy=lambda: Health.good) as serving:
        yield serving
    Health.good = True


def get(listener: MetricsListener, path: str, method: str = "GET"
        ) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(*listener.address, timeout=DEADLINE_SECONDS)
    with contextlib.closing(connection):
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()


def raw(listener: MetricsListener, request: bytes) -> bytes:
    with socket.create_connection(listener.address, DEADLINE_SECONDS) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while chunk := connection.recv(65536):
                answer += chunk
        return answer


def test_prometheus_reads_what_is_served(listener: MetricsListener) -> None:
    status, headers, body = get(listener, "/metrics")
    assert (status, headers["Content-Type"]) == (200, CONTENT_TYPE)
    assert ("iotcall_devices", ()) in parsed(body.decode())
    assert get(listener, "/metrics?from=prometheus")[0] == 200


def test_health_is_200_or_503(listener: MetricsListener) -> None:
    status, _, body = get(listener, "/healthz")
    assert (status, json.loads(body)) == (200, {"status": "ok"})
    Health.good = False
    status, _, body = get(listener, "/healthz")
    assert (status, json.loads(body)) == (503, {"status": "unhealthy"})


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/", 404), ("GET", "/metrics/", 404), ("GET", "/../metrics", 404),
    ("POST", "/metrics", 405), ("HEAD", "/healthz", 405), ("DELETE", "/other", 404)])
def test_there_is_nothing_else(listener: MetricsListener, method: str, path: str, status: int
                               ) -> None:
    found, headers, _ = get(listener, path, method)
    assert found == status
    assert headers.get("Allow") == ("GET" if status == 405 else None)


@pytest.mark.parametrize("request_", [
    b"nonsense\r\n\r\n", b"GET /metrics\r\n\r\n", b"GET /metrics HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x00\xa5\r\n\r\n", b"\r\n\r\n", b"GET /metrics HTTP/1.1\r\n",
    b"GET /metrics HTTP/1.1\r\nA: " + b"a" * 9000], ids=[
        "words", "HTTP/0.9", "HTTP/9.9", "TLS", "empty", "cut off", "too long"])
def test_what_is_no_request_gets_400_and_the_next_is_served(listener: MetricsListener,
                                                            request_: bytes) -> None:
    answer = raw(listener, request_)
    assert answer.startswith(b"HTTP/1.1 400 ") or (len(request_) > 8192 and not answer)
    assert get(listener, "/healthz")[0] == 200


def test_one_who_says_nothing_delays_others_and_stops_nothing(listener: MetricsListener) -> None:
    with socket.create_connection(listener.address):
        assert get(listener, "/healthz")[0] == 200


def test_one_who_dribbles_is_hung_up_on(listener: MetricsListener) -> None:
    with socket.create_connection(listener.address) as slow:
        def hung_up() -> bool:
            try:
                slow.sendall(b"a")
            except OSError:
                return True
            return False
        wait_until(hung_up, "the listener to hang up")
    assert get(listener, "/healthz")[0] == 200


def test_a_part_that_fails_is_500_and_the_next_request_is_served() -> None:
    def fails() -> str:
        raise RuntimeError("geheim")
    with MetricsListener(("127.0.0.1", 0), metrics=fails) as listener:
        status, _, body = get(listener, "/metrics")
        assert (status, body) == (500, b"failed\n")
        assert get(listener, "/healthz")[0] == 200


def test_a_listener_that_was_closed_frees_its_address_and_its_thread() -> None:
    with MetricsListener(("127.0.0.1", 0), metrics=str) as listener:
        address = listener.address
    assert "metrics" not in [thread.name for thread in threading.enumerate()]
    with MetricsListener(address, metrics=str) as again:
        assert again.address == address
        with pytest.raises(InputError, match="cannot listen"):
            MetricsListener(address, metrics=str)


def test_it_speaks_ipv6_too() -> None:
    with MetricsListener(("::1", 0), metrics=str) as listener:
        assert get(listener, "/healthz")[0] == 200
