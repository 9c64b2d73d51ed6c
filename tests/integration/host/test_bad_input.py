"""Bad input against the real thing: uvicorn on a socket, daprd, Redis. Each time the documented error, never a 500."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from typing import Any

import pytest

from tests.support.agent_process import AgentProcess
from tests.support.raw_http import Answer, get, is_closed, post, read, send

pytestmark = pytest.mark.integration

ROOT = "/api/service-desk"
TRIAGE = f"{ROOT}/triage"
OPEN = f"{ROOT}/open-ticket"
TICKET = {"title": "VPN drops", "description": "Every five minutes.", "reporter": "maria"}
ALIVE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def port(service_desk: AgentProcess) -> int:
    return service_desk.port


@pytest.fixture(autouse=True)
def _unharmed(service_desk: AgentProcess) -> Any:
    yield
    answer = get(service_desk.port, "/readyz")
    assert answer is not None
    assert answer.status == 200, answer.body


def expect(answer: Answer | None, status: int, code: str) -> dict[str, Any]:
    assert answer is not None
    assert (answer.status, answer.error["code"]) == (status, code), answer.body
    return answer.error


def ticket(**fields: Any) -> bytes:
    return json.dumps(TICKET | fields).encode()


def with_number(number: str) -> bytes:
    return b'{"title":"t","description":"d","reporter":%s}' % number.encode()


MALFORMED = {
    "empty": b"",
    "blank": b"  \n",
    "not JSON": b"title=VPN",
    "an array": b"[]",
    "a text": b'"text"',
    "null": b"null",
    "cut off": b'{"title": "VPN',
    "two values": b"{}{}",
    "NaN": with_number("NaN"),
    "1e400": with_number("1e400"),
    "-1e999999": with_number("-1e999999"),
    "5000 digits": with_number("9" * 5000),
    "a million digits": with_number("9" * 1_000_000),
    "a lone surrogate": b'{"title":"\\ud800"}',
    "a lone surrogate in a key": b'{"\\udc00":1}',
    "surrogates in UTF-8": b'{"title":"\xed\xa0\x80"}',
    "broken UTF-8": b'{"title":"\xff\xfe"}',
    "NUL": b'{"title":"a\\u0000b"}',
    "a raw NUL": b'{"title":"a\x00b"}',
    "a control character": b'{"title":"a\x01b"}',
    "deep arrays": b"[" * 1_000_000 + b"]" * 1_000_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a byte order mark": b"\xef\xbb\xbf" + ticket(),
    "UTF-16": ticket().decode().encode("utf-16"),
    "UTF-32": ticket().decode().encode("utf-32"),
    "too many values": b'{"title":[' + b"1," * 100_000 + b"1]}",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("path", [OPEN, f"{ROOT}/execute", f"{TRIAGE}/stream"])
def test_malformed(port: int, path: str, body: bytes) -> None:
    expect(post(port, path, body), 400, "malformed")


UNFIT = {
    "a field missing": {"title": "t", "description": "d"},
    "an unknown field": TICKET | {"colour": "red"},
    "an unknown field of a long name": TICKET | {"k" * 1_000_000: 1},
    "a number for a text": TICKET | {"title": 5},
    "null for a text": TICKET | {"title": None},
    "a list for a text": TICKET | {"title": ["VPN"]},
    "a blank text": TICKET | {"title": " \t "},
    "a text too long": TICKET | {"title": "x" * 201},
    "a text far too long": TICKET | {"description": "x" * 3_000_000},
    "no such choice": TICKET | {"impact": "galaxy"},
    "a large number": TICKET | {"reporter": 10**4000},
}


@pytest.mark.parametrize("body", UNFIT.values(), ids=UNFIT)
def test_input_that_does_not_fit(port: int, body: dict[str, Any]) -> None:
    for path, sent in ((OPEN, body), (f"{ROOT}/execute", {"task": "open-ticket", "input": body})):
        answer = post(port, path, json.dumps(sent).encode())
        error = expect(answer, 422, "invalid_input")
        assert len(error["details"]["errors"]) == 1
        assert answer is not None
        assert len(answer.body) < 1000


def test_of_two_equal_keys_the_last_counts(port: int) -> None:
    answer = post(port, OPEN, ticket()[:-1] + b',"title":"last"}')
    assert answer is not None
    assert json.loads(answer.body)["output"]["title"] == "last"


def test_texts_of_any_script_come_back_as_they_were(port: int) -> None:
    title = "日本語 \U0001f9ef \u202e\u0301 \U0010ffff \u2028 é"
    answer = post(port, OPEN, ticket(title=title))
    assert answer is not None
    body = json.loads(answer.body)
    assert body["output"]["title"] == title
    record = get(port, f"{ROOT}/executions/{body['execution_id']}")
    assert record is not None
    assert json.loads(record.body)["events"][0]["data"]["title"] == title


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/api/devops/tasks", 404, "not_found"),
        ("POST", f"{ROOT}/no-such-task", 404, "not_found"),
        ("POST", "/dapr/events/x", 404, "not_found"),
        ("GET", OPEN, 405, "method_not_allowed"),
        ("DELETE", f"{ROOT}/tasks", 405, "method_not_allowed"),
        ("PATCH", "/healthz", 405, "method_not_allowed"),
        ("OPTIONS", OPEN, 405, "method_not_allowed"),
        ("TRACE", OPEN, 405, "method_not_allowed"),
        ("PROPFIND", OPEN, 405, "method_not_allowed"),
        ("BREW", OPEN, 400, "malformed"),
        ("GET", "/" + "x" * 60_000, 404, "not_found"),
        ("GET", "/?" + "x" * 60_000, 404, "not_found"),
    ],
)
def test_unknown_routes_and_methods(port: int, method: str, path: str, status: int, code: str) -> None:
    answer = send(port, f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    expect(answer, status, code)
    assert answer is not None
    assert len(answer.body) < 1000


def test_an_unknown_task_names_the_known_ones(port: int) -> None:
    answer = post(port, f"{ROOT}/execute", b'{"task":"nonsense","input":{}}')
    error = expect(answer, 404, "unknown_task")
    assert error["details"] == {"tasks": ["open-ticket", "triage", "suggest-solution"]}


@pytest.mark.parametrize(
    "odd", ["%00", "a%00b", "%2f", "..%2f..%2f", "../x", "..", "%2e%2e", "%ff", "%", "%zz", "a%7C%7Cb", "%0d%0a", "*", "x" * 9000]
)  # fmt: skip
def test_odd_paths_find_nothing(port: int, odd: str) -> None:
    for path in (
        f"{ROOT}/executions/{odd}",
        f"{ROOT}/entities/supportticket/{odd}",
        f"{ROOT}/entities/{odd}/x",
    ):
        answer = get(port, path)
        assert answer is not None
        assert answer.status == 404, answer.body
        assert answer.error["code"] in {"not_found", "unknown_execution", "unknown_entity"}
    answer = get(port, f"{ROOT}/correlations/{odd}")
    assert answer is not None
    assert answer.status in {200, 404}


def test_a_reused_key_is_409_and_a_repeated_one_is_replayed(port: int) -> None:
    key = f"Idempotency-Key: {time.time_ns()}"
    first = post(port, OPEN, ticket(), key)
    again = post(port, OPEN, ticket(), key)
    assert first is not None
    assert again is not None
    assert (json.loads(first.body)["replayed"], json.loads(again.body)["replayed"]) == (False, True)
    expect(post(port, OPEN, ticket(title="other"), key), 409, "id_reused")


@pytest.mark.parametrize("value", ["", "a b", "x" * 201, "schlüssel", "a\tb"])
@pytest.mark.parametrize("name", ["Idempotency-Key", "X-Correlation-ID"])
def test_identities_of_other_characters(port: int, name: str, value: str) -> None:
    expect(post(port, OPEN, ticket(), f"{name}: {value}"), 400, "malformed")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "nonsense"])
def test_other_content_types(port: int, kind: str) -> None:
    expect(post(port, OPEN, ticket(), f"Content-Type: {kind}"), 415, "unsupported_media_type")


def test_foreign_host_names(port: int) -> None:
    for host in ("evil.example", "localhost.evil.example", "[::1"):
        answer = send(port, f"GET {ROOT}/tasks HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        expect(answer, 403, "foreign_host")


@pytest.mark.parametrize(
    "host", ["", "Host: a\r\nHost: a", "Host: localhost@evil.example", "Host: a/b", "Host: a b"]
)
def test_a_host_that_two_readers_may_read_differently(port: int, host: str) -> None:
    head = "\r\n".join([f"GET {ROOT}/tasks HTTP/1.1", *([host] if host else []), "", ""])
    expect(send(port, head.encode()), 400, "malformed")


class TestLargeBodies:
    @pytest.mark.parametrize("chunked", [False, True])
    @pytest.mark.parametrize("size", [6, 15])
    def test_413_is_readable_for_a_client_that_is_still_sending(
        self, port: int, size: int, chunked: bool
    ) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(_head(size * 2**20, chunked=chunked))
            for _ in range(size * 16):
                connection.sendall(_piece(chunked=chunked))
            if chunked:
                connection.sendall(b"0\r\n\r\n")
            expect(read(connection), 413, "too_large")
            connection.sendall(ALIVE)
            answer = read(connection)
            assert answer is not None
            assert answer.status == 200

    def test_beyond_16_mib_the_connection_ends(self, port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(_head(2**40, chunked=False))
            sent = 0
            with contextlib.suppress(ConnectionError):
                while sent < 200 * 2**20:
                    connection.sendall(_piece(chunked=False))
                    sent += 2**16
            assert sent < 40 * 2**20

    def test_413_is_read_by_a_client_that_reads_while_it_sends(self, port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(_head(100 * 2**20, chunked=False))
            got: list[Answer | None] = []
            reading = threading.Thread(target=lambda: got.append(read(connection)))
            reading.start()
            with contextlib.suppress(ConnectionError):
                for _ in range(16 * 100):
                    connection.sendall(_piece(chunked=False))
            reading.join(60)
            assert got[0] is None or got[0].status == 413

    def test_ten_at_once_leave_no_memory_behind(self, service_desk: AgentProcess) -> None:
        before = _resident(service_desk)
        answers: list[Answer | None] = []
        body = b"x" * (6 * 2**20)
        threads = [
            threading.Thread(target=lambda: answers.append(post(service_desk.port, OPEN, body)))
            for _ in range(10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [answer and answer.status for answer in answers] == [413] * 10
        assert _resident(service_desk) - before < 60

    def test_a_large_body_to_an_unknown_route_is_404(self, port: int) -> None:
        expect(post(port, "/nonsense", b"x" * (6 * 2**20)), 404, "not_found")

    def test_a_body_whose_list_would_be_a_million_errors(self, port: int) -> None:
        """Counted before it is validated: each of them would be an error for each missing field, for minutes."""
        expect(post(port, OPEN, b'{"title":[' + b"{}," * 1_300_000 + b"{}]}"), 400, "malformed")


class TestChunks:
    def test_a_body_in_chunks_is_a_body(self, port: int) -> None:
        pieces = [b"%x\r\n%s\r\n" % (1, bytes([byte])) for byte in ticket()]
        answer = send(port, _head(0, chunked=True), *pieces, b"0\r\n\r\n")
        assert answer is not None
        assert answer.status == 200

    @pytest.mark.parametrize(
        "chunk", [b"zz\r\n{}\r\n", b"-1\r\n", b"ffffffffffffffffff\r\n", b"1;" + b"x" * 100_000]
    )
    def test_a_broken_chunk_is_400_or_the_end(self, port: int, chunk: bytes) -> None:
        answer = send(port, _head(0, chunked=True), chunk, b"\r\n0\r\n\r\n")
        assert answer is None or answer.status == 400


class TestConnections:
    @pytest.mark.parametrize(
        "nonsense",
        [
            b"\x00\x00\x00\x00\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET /healthz\r\n\r\n",
            b"GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ],
    )
    def test_invalid_http(self, port: int, nonsense: bytes) -> None:
        expect(send(port, nonsense), 400, "malformed")

    def test_a_huge_header(self, port: int) -> None:
        answer = send(port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 10_000_000)
        assert answer is None or answer.status == 431

    @pytest.mark.parametrize(
        "head", [f"GET /{'x' * 70_000} HTTP/1.1\r\n", "GET / HTTP/1.1\r\n" + "X: y\r\n" * 12_000]
    )
    def test_a_huge_head_that_comes_in_one_piece(self, port: int, head: str) -> None:
        expect(send(port, f"{head}Host: localhost\r\n\r\n".encode()), 431, "headers_too_large")

    def test_http_1_0(self, port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            body = ticket()
            head = f"POST {OPEN} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = read(connection)
            assert answer is not None
            assert answer.status == 200
            assert is_closed(connection)

    def test_pipelining(self, port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            body = ticket()
            request = _head(len(body), chunked=False) + body
            connection.sendall(
                request + ALIVE + request + b"GET /nonsense HTTP/1.1\r\nHost: localhost\r\n\r\n"
            )
            answers = [read(connection) for _ in range(4)]
            assert [answer and answer.status for answer in answers] == [200, 200, 200, 404]

    def test_connections_that_say_nothing_keep_nobody_out(self, port: int) -> None:
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
        try:
            for one in idle[::2]:
                one.sendall(b"POST / HT")
            answer = post(port, OPEN, ticket())
            assert answer is not None
            assert answer.status == 200
        finally:
            for one in idle:
                one.close()

    def test_clients_that_leave_at_any_point(self, port: int) -> None:
        whole = _head(len(ticket()), chunked=False) + ticket()
        for length in range(1, len(whole), 7):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(whole[:length])
        answer = post(port, OPEN, ticket())
        assert answer is not None
        assert answer.status == 200


def _head(length: int, *, chunked: bool) -> bytes:
    body = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {length}"
    return (
        f"POST {OPEN} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{body}\r\n\r\n"
    ).encode()


def _piece(*, chunked: bool) -> bytes:
    piece = b"x" * 2**16
    return b"10000\r\n" + piece + b"\r\n" if chunked else piece


def _resident(agent: AgentProcess) -> float:
    """MiB."""
    with open(f"/proc/{agent.process.popen.pid}/statm") as statm:  # noqa: PTH123
        return int(statm.read().split()[1]) * 4096 / 2**20
