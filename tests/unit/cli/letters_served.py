"""Stand-ins for agents that serve dead letters as the API is documented, each on a port of its own."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


def letter(agent: str, number: int, **differing: Any) -> dict[str, Any]:
    """A dead letter; the higher its number, the later it came."""
    return {
        "id": f"{agent}-{number}",
        "agent": agent,
        "task": "read-plan",
        "cause": "rejected",
        "message": "nobody can read this",
        "event_type": "agents.planner.plan.made",
        "event_id": f"event-{number}",
        "source": "/agents/planner",
        "size": 321,
        "replayable": True,
        "attempts": 2,
        "first_seen": f"2026-11-20T10:{number:02d}:00+00:00",
        "last_seen": f"2026-11-20T11:{number:02d}:00+00:00",
        "state": "open",
        "replayed_as": None,
        "dropped_because": None,
        "changed_at": None,
        **differing,
    }


DETAILS = {
    "correlation_id": "spring",
    "causation_id": None,
    "replay_of": None,
    "error": {
        "code": "rejected",
        "message": "nobody can read this",
        "details": {"field": "title", "problem": "empty"},
    },
    "prompt": {"name": "read-plan", "version": "1.0.0", "content_hash": "0123456789abcdef"},
    "history": [
        {
            "owner": "host-1",
            "version": "0.1.0",
            "started_at": "2026-11-20T10:01:00+00:00",
            "ended": "lost",
            "ended_at": "2026-11-20T10:01:04+00:00",
        },
        {
            "owner": "host-2",
            "version": "0.1.0",
            "started_at": "2026-11-20T10:01:04+00:00",
            "ended": "rejected",
            "ended_at": "2026-11-20T10:01:05+00:00",
        },
    ],
    "original": {
        "id": "event-1",
        "type": "agents.planner.plan.made",
        "data": {"title": "", "tags": ["a", "b"]},
    },
}


class LettersServed:
    """One agent. `page` letters are given at most for a request; `full` requests to replay are answered 503 first.

    With a `refusal`, every request is answered so.
    """

    def __init__(self, agent: str, letters: list[dict[str, Any]], *, page: int = 500) -> None:
        self.agent = agent
        self.letters = letters
        self.page = page
        self.full = 0
        self.refusal: tuple[int, Any] | None = None
        self.asked: list[str] = []
        self.told: list[str] = []
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(*(served.refusal or served.get(self.path)))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer(*(served.refusal or served.post(self.path, body)))

            def _answer(self, status: int, document: object) -> None:
                content = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def get(self, path: str) -> tuple[int, Any]:
        self.asked.append(path)
        split = urlsplit(path)
        root, _, identity = split.path.partition("/dead-letters")
        assert root == f"/api/{self.agent}"
        if identity:
            found = self._find(identity[1:])
            return (200, {**found, **DETAILS, **found}) if found else _unknown(identity[1:])
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        return 200, self._page(query)

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        self.told.append(path.removeprefix(f"/api/{self.agent}/dead-letters/"))
        identity, verb = self.told[-1].split("/")
        found = self._find(identity)
        if found is None:
            return _unknown(identity)
        if verb == "drop":
            if len(body["reason"]) > 500:
                return refused(422, "invalid_input", 'send {"reason": "…"}, 1 to 500 characters')
            if found["state"] == "replayed":
                return refused(409, "dead_letter_settled", f"{identity} was replayed already")
            found |= {
                "state": "dropped",
                "dropped_because": body["reason"],
                "changed_at": "2026-11-21T00:00:00+00:00",
            }
            return 200, found
        if found["state"] == "dropped":
            return refused(409, "dead_letter_settled", f"{identity} was dropped")
        if self.full:
            self.full -= 1
            return refused(503, "unavailable", "the broker is away")
        found |= {
            "state": "replayed",
            "replayed_as": f"again-{identity}",
            "changed_at": "2026-11-21T00:00:00+00:00",
        }
        return 202, {"execution_id": found["replayed_as"], "replay_of": identity}

    def _page(self, query: dict[str, str]) -> dict[str, Any]:
        fields = {"cause": "cause", "task": "task", "type": "event_type"}
        chosen = [
            one
            for one in sorted(self.letters, key=lambda one: str(one["last_seen"]), reverse=True)
            if query["state"] in ("all", one["state"])
            and all(one[fields[name]] == query[name] for name in fields if name in query)
            and query.get("after", "") <= one["last_seen"] <= query.get("before", "9999")
        ]
        # A cursor that is older than a change still leads on: it names the place, not a count.
        begin = int(query.get("cursor", "0"))
        size = min(self.page, int(query["limit"]))
        more = begin + size < len(chosen)
        return {"dead_letters": chosen[begin : begin + size], "next": str(begin + size) if more else None}

    def _find(self, identity: str) -> dict[str, Any] | None:
        return next((one for one in self.letters if one["id"] == identity), None)


def _unknown(identity: str) -> tuple[int, Any]:
    return refused(404, "unknown_dead_letter", f"there is no dead letter {identity}")


def refused(status: int, code: str, message: str) -> tuple[int, Any]:
    return status, {"error": {"code": code, "message": message, "details": {}, "timestamp": ""}}
