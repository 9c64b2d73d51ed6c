"""Who they say they are: forged, borrowed, misplaced, or not allowed to."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import cycle, islice

from infrastructure.identity.keys import new_key
from tests.abuse.field import APP_TOKEN, MARK, Field
from tests.abuse.wire import request
from tests.support.forged_tokens import FORGED

ROOT = "/api/service-desk"
TICKET = f'{{"title":"{MARK}","description":"d","reporter":"r"}}'.encode()
JSON = "Content-Type: application/json"
NOBODY = "00000000-0000-0000-0000-000000000000"
PROTECTED = [
    ("POST", f"{ROOT}/open-ticket", TICKET),
    ("POST", f"{ROOT}/execute", b'{"task":"open-ticket","input":' + TICKET + b"}"),
    ("POST", f"{ROOT}/triage/stream", TICKET),
    ("GET", f"{ROOT}/audit", b""),
    ("GET", f"{ROOT}/executions/{NOBODY}", b""),
    ("GET", "/metrics", b""),
    ("GET", "/openapi.json", b""),
    ("POST", f"{ROOT}/dead-letters/{NOBODY}/replay", b""),
    ("POST", f"{ROOT}/dead-letters/{NOBODY}/drop", b'{"reason":"' + MARK.encode() + b'"}'),
]
"""What nobody may do who is not known."""
PRIVILEGED = PROTECTED[-2:]
FORGERIES = {
    name: make for name, (make, _) in FORGED.items() if name != "a line end"
}  # that is one of the framings
WAYS = len(FORGERIES)
SIGNED_ONCE = 4
"""Tokens made of each forgery: a signature takes a millisecond."""


def _to(route: tuple[str, str, bytes], *headers: str) -> bytes:
    method, path, body = route
    return request(method, path, JSON, *headers, body=body)


def _bearer(token: str) -> str:
    return f"Authorization: Bearer {token}"


def forged(field: Field, chance: random.Random) -> Iterator[bytes]:
    made = [make(field.issuer) for make in FORGERIES.values() for _ in range(SIGNED_ONCE)]
    for token in cycle(made):
        yield _to(chance.choice(PROTECTED), _bearer(token))


def others(field: Field, chance: random.Random) -> Iterator[bytes]:
    good, key = field.tokens["Admin"][0], field.key
    _, other = new_key()
    wrong = [
        [],
        ["Authorization:"],
        ["Authorization: Bearer"],
        ["Authorization: Bearer null"],
        [f"Authorization: {good}"],
        [f"Authorization: Basic {good}"],
        [f"Authorization: Digest {good}"],
        [f"Authorization: Bearer,{good}"],
        [f"Authorization: Bearer {good} {good}"],
        [f"Authorization: Bearer {good},{good}"],
        [f"Authorization: Bearer \t{good} x"],
        [_bearer(good), _bearer(good)],
        [_bearer(good), "Authorization: Basic YTpi"],
        ["Authorization: Basic YTpi", _bearer(good)],
        [f"Proxy-Authorization: Bearer {good}"],
        [f"X-Authorization: Bearer {good}"],
        [f"Authorization_: Bearer {good}"],
        [f"X-API-Key: {key}"],
        [f"Cookie: token={good}; Authorization=Bearer {good}"],
        [f"dapr-api-token: {good}"],
        [f"dapr-api-token: {key}"],
        [_bearer(other)],
        [_bearer(key[:-1])],
        [_bearer(key + "A")],
        [_bearer(key[:17])],
        [_bearer(key[:17] + other[17:])],
        [_bearer(key.upper())],
        [_bearer("agk_' OR '1'='1_" + "A" * 43)],
        [_bearer("agk_" + "../" * 20)],
        [_bearer("agk_" + "9" * 9000)],
        [_bearer("\u0430gk_" + key[4:])],
        [_bearer("\udcff\udcfe")],
        [_bearer(APP_TOKEN[:-1])],
        [_bearer(APP_TOKEN + "\x80")],
    ]
    for headers in cycle(wrong):
        method, path, body = chance.choice(PROTECTED)
        query = chance.choice(["", f"?access_token={good}", f"?token={key}&authorization=Bearer%20{good}"])
        yield request(method, path + query, JSON, *headers, body=body)


def borrowed(field: Field, chance: random.Random) -> Iterator[bytes]:
    """Headers that a proxy might have set, and that nobody checks who comes past it."""
    del field
    said = [
        ["dapr-caller-app-id: devops", "dapr-caller-namespace: default"],
        ["dapr-callee-app-id: service-desk", "dapr-app-id: service-desk"],
        ["dapr-api-token:"],
        ["dapr-api-token: true", "dapr-caller-app-id: service-desk"],
        ["X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1;host=localhost"],
        ["X-Forwarded-Host: localhost", "X-Forwarded-Proto: https", "X-Forwarded-User: admin"],
        ["X-Original-URL: /healthz", "X-Rewrite-URL: /healthz", "X-Forwarded-Prefix: /healthz"],
        ["X-HTTP-Method-Override: GET", "X-Method-Override: OPTIONS"],
        ["X-MS-CLIENT-PRINCIPAL: eyJhZG1pbiI6dHJ1ZX0=", "X-MS-CLIENT-PRINCIPAL-NAME: admin"],
        ["Remote-User: admin", "X-Remote-User: admin", "X-Auth-Request-Email: a@b.example"],
        ["X-Client-Cert: -----BEGIN", "ssl-client-verify: SUCCESS", "ssl-client-subject-dn: CN=admin"],
        ["Origin: http://localhost", "Sec-Fetch-Site: same-origin"],
        ["Connection: close, Authorization, dapr-api-token"],
        ["caller: local", "scope-caller: sidecar"],
        ["Via: 1.1 service-desk.daprd", "User-Agent: kube-probe/1.33"],
    ]
    for headers in cycle(said):
        yield _to(chance.choice(PROTECTED), *headers)


def sidecar_routes(field: Field, chance: random.Random) -> Iterator[bytes]:
    """The routes that a sidecar calls take its token alone: an Admin's is none."""
    event = f'{{"specversion":"1.0","id":"{MARK}","source":"s","type":"t","data_base64":"e30="}}'.encode()
    topics = [
        "agents.servicedesk.ticket.escalated",
        "agents.devops.execution.requested",
        "agents.servicedesk.ticket.created",
    ]
    routes = [("GET", "/dapr/subscribe", b""), ("GET", "/dapr/config", b""), ("POST", "/job/nightly", event)]
    routes += [("POST", f"/dapr/events/{topic}", event) for topic in topics]
    routes += [("PUT", "/dapr/actors/x/1/method/y", event), ("DELETE", "/dapr/actors/x/1", b"")]
    admin = field.tokens["Admin"][0]
    for route in cycle(routes):
        wrong = chance.choice(
            [
                "X: y",
                "dapr-api-token:",
                "dapr-api-token: wrong",
                f"dapr-api-token: {APP_TOKEN[:-1]}",
                f"dapr-api-token: {APP_TOKEN}x",
                f"dapr-api-token: {APP_TOKEN.upper()}",
                f"dapr-api-token: Bearer {APP_TOKEN}",
                f"dapr-api-token: wrong, {APP_TOKEN}",
                f"dapr-api-token: {admin}",
                f"app-api-token: {APP_TOKEN}",
                f"dapr_api_token: {APP_TOKEN}",
                f"Authorization: Basic {APP_TOKEN}",
                _bearer(admin),
                _bearer(field.key),
                "dapr-api-token: " + "A" * 8000,
                "dapr-api-token: \u00e4\u00f6",
            ]
        )
        yield _to(route, "Content-Type: application/cloudevents+json", wrong)


def broken_pushes(_: Field, chance: random.Random) -> Iterator[bytes]:
    """By whoever has the sidecar's token, and brings no event."""
    bodies = [
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"data_base64":7}',
        b'{"data_base64":"!"}',
        b"[" * 9_000,
        b"\xff\xfe",
    ]
    topics = ["agents.servicedesk.ticket.escalated", "agents.devops.execution.requested"]
    for body in cycle(bodies):
        target = f"/dapr/events/{chance.choice(topics)}"
        yield request("POST", target, JSON, f"dapr-api-token: {APP_TOKEN}", body=body)


def too_much(field: Field, chance: random.Random) -> Iterator[bytes]:
    """Callers who are who they say, and want what is not theirs."""
    writes = list(islice(PROTECTED, 3))
    split = b'{"shares":{"1.0.0":100}}'
    wanted = [("Viewer", route) for route in writes]
    wanted += [(role, route) for role in ("Viewer", "Developer") for route in PRIVILEGED]
    wanted += [(role, ("GET", f"{ROOT}/audit", b"")) for role in ("Viewer", "Developer", "Operator")]
    wanted += [("Developer", ("PUT", f"{ROOT}/prompts/triage/split", split))]
    nobody = field.issuer.token(sub=MARK, roles=["agents.admin", "Admin", "Agents.Owner"])
    for role, route in cycle(wanted):
        token = nobody if chance.random() < 0.1 else field.any_of(role, chance)
        yield _to(route, _bearer(token), "X-Roles: Agents.Admin", "roles: Agents.Admin")
