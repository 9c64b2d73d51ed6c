"""Which tokens prove something: every way of forging one that we know of, against a real issuer and real keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from domain.errors import Unavailable
from infrastructure.identity import tokens as module
from infrastructure.identity.caller import Refused
from infrastructure.identity.issuer import Issuer
from infrastructure.identity.jwks import read_keys
from infrastructure.identity.roles import PERMISSIONS, Permission, Role
from infrastructure.identity.tokens import LEEWAY, LONGEST, Tokens
from tests.support.issuer import AUDIENCE, SUBJECT, LocalIssuer, part, public_jwk, public_pem, rsa_key

STRANGER = rsa_key(1)


def tokens_of(issuer: LocalIssuer, **options: Any) -> Tokens:
    return Tokens(Issuer(issuer.url), (AUDIENCE, "agents-of-old"), **options)


def unsigned(issuer: LocalIssuer, algorithm: str) -> str:
    return f"{part({'alg': algorithm, 'kid': 'rsa'})}.{part(issuer.claims('Agents.Admin'))}."


def by_hmac(issuer: LocalIssuer, secret: bytes, algorithm: str = "HS256") -> str:
    signed = f"{part({'alg': algorithm, 'kid': 'rsa'})}.{part(issuer.claims('Agents.Admin'))}"
    return f"{signed}.{part(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def by_stranger(issuer: LocalIssuer, **header: Any) -> str:
    """Signed by a key of somebody else's, under the name of the issuer's."""
    issuer.keys["mine"] = STRANGER
    token = issuer.token("Agents.Admin", kid="mine", header={"kid": "rsa", **header})
    del issuer.keys["mine"]
    return token


def changed(token: str, place: int, value: Any) -> str:
    parts = token.split(".")
    parts[place] = part(value)
    return ".".join(parts)


def flipped(token: str) -> str:
    head, _, signature = token.rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[10] ^= 1
    return f"{head}.{part(bytes(raw))}"


def by_number(issuer: LocalIssuer) -> str:
    """PyJWT makes no such token: it wants a text for `sub`."""
    head = part({"alg": "RS256", "kid": "rsa"})
    signed = f"{head}.{part(issuer.claims('Agents.Admin') | {'sub': 7})}"
    key = issuer.keys["rsa"]
    return f"{signed}.{part(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def soon(seconds: int) -> int:
    """From when the test runs: its file was read long before."""
    return int(time.time()) + seconds


FORGED: dict[str, tuple[Callable[[LocalIssuer], str], str]] = {
    "no signature, alg none": (lambda it: unsigned(it, "none"), "neither a token"),
    "no signature, alg nOnE": (lambda it: unsigned(it, "nOnE"), "neither a token"),
    "alg none with a signature": (lambda it: unsigned(it, "none") + "AAAA", "algorithm is not accepted"),
    "no signature, alg RS256": (lambda it: unsigned(it, "RS256"), "neither a token"),
    "alg empty": (lambda it: unsigned(it, "") + "AAAA", "algorithm is not accepted"),
    "HS256 with the public key as PEM": (lambda it: by_hmac(it, public_pem(it.keys["rsa"])), "algorithm is not accepted"),
    "HS256 with the public key as JWK": (lambda it: by_hmac(it, json.dumps(public_jwk("rsa", it.keys["rsa"])).encode()), "algorithm is not accepted"),
    "HS256 with an empty key": (lambda it: by_hmac(it, b""), "algorithm is not accepted"),
    "an HMAC that calls itself RS256": (lambda it: by_hmac(it, public_pem(it.keys["rsa"]), "RS256"), "signature is wrong"),
    "the kid of a key of another kind": (lambda it: it.token("Agents.Admin", header={"kid": "ec"}), "algorithm is not its key's"),
    "another's key under a known kid": (by_stranger, "signature is wrong"),
    "a flipped bit in the signature": (lambda it: flipped(it.token("Agents.Viewer")), "signature is wrong"),
    "roles added after signing": (lambda it: changed(it.token(), 1, it.claims("Agents.Admin")), "signature is wrong"),
    "another header after signing": (lambda it: changed(it.token(), 0, {"alg": "RS256", "kid": "rsa", "x": 1}), "signature is wrong"),
    "an unknown kid": (lambda it: it.token(header={"kid": "nobody"}), "does not publish"),
    "no kid": (lambda it: f"{part({'alg': 'RS256'})}.{part(it.claims())}.AAAA", "does not name its key"),
    "a kid that is no text": (lambda it: f"{part({'alg': 'RS256', 'kid': {'a': 1}})}.{part(it.claims())}.AAAA", "does not name its key"),
    "a kid that is a path": (lambda it: it.token(header={"kid": "../../../../dev/null"}), "does not publish"),
    "a kid that is an address": (lambda it: it.token(header={"kid": f"http://127.0.0.1:{it.port}/evil"}), "does not publish"),
    "a kid that is a file": (lambda it: it.token(header={"kid": "file:///etc/hostname"}), "does not publish"),
    "a kid that is SQL": (lambda it: it.token(header={"kid": "x' UNION SELECT 'key"}), "does not publish"),
    "a kid with a NUL": (lambda it: it.token(header={"kid": "rsa\0"}), "does not publish"),
    "a kid of 10,000 characters": (lambda it: it.token(header={"kid": "k" * 10_000}), "does not publish"),
    "jku to another's keys": (lambda it: by_stranger(it, jku=f"http://127.0.0.1:{it.port}/evil"), "signature is wrong"),
    "x5u to another's certificate": (lambda it: by_stranger(it, x5u=f"http://127.0.0.1:{it.port}/evil"), "signature is wrong"),
    "a jwk of its own": (lambda it: by_stranger(it, jwk=public_jwk("rsa", STRANGER)), "signature is wrong"),
    "a critical extension": (lambda it: it.token(header={"crit": ["exp"], "exp": 1}), "no token that can be read"),
    "an unencoded payload (b64)": (lambda it: f"{part({'alg': 'RS256', 'kid': 'rsa', 'b64': False, 'crit': ['b64']})}.{part(it.claims())}.AAAA", "no token that can be read"),
    "another audience": (lambda it: it.token(aud="api://others"), "another audience"),
    "audiences without ours": (lambda it: it.token(aud=["api://others", "x"]), "another audience"),
    "our audience with another ending": (lambda it: it.token(aud=AUDIENCE + "/"), "another audience"),
    "no audience": (lambda it: it.token(aud=None), "lacks the claim aud"),
    "another issuer": (lambda it: it.token(iss="https://evil.example/v2.0"), "another issuer"),
    "our issuer with a slash more": (lambda it: it.token(iss=it.url + "/"), "another issuer"),
    "no issuer": (lambda it: it.token(iss=None), "lacks the claim iss"),
    "expired": (lambda it: it.token(exp=soon(-LEEWAY - 5)), "has expired"),
    "no expiry": (lambda it: it.token(exp=None), "lacks the claim exp"),
    "an expiry that is no number": (lambda it: it.token(exp="tomorrow"), "no token that can be read"),
    "an expiry without end": (lambda it: it.token(exp=float("inf")), "no token that can be read"),
    "an expiry beyond all numbers": (lambda it: it.token(exp=10**400), "no token that can be read"),
    "not valid yet": (lambda it: it.token(nbf=soon(LEEWAY + 60)), "not valid yet"),
    "issued in the future": (lambda it: it.token(iat=soon(LEEWAY + 60)), "not valid yet"),
    "no subject": (lambda it: it.token(sub=None), "lacks the claim sub"),
    "an empty subject": (lambda it: it.token(sub=""), "subject is no text"),
    "a subject that is a number": (by_number, "no token that can be read"),
    "a subject of 10,000 characters": (lambda it: it.token(sub="s" * 10_000), "subject is no text"),
    "a subject that is half a character": (lambda it: it.token(sub="\ud800"), "no token that can be read"),
    "a huge token": (lambda it: it.token(padding="x" * LONGEST), "longer than"),
    "a header nested 3,000 deep": (lambda _: f"{part(b'[' * 3000 + b']' * 3000)}.AAAA.AAAA", "no token that can be read"),
    "a header that is a list": (lambda _: f"{part([])}.AAAA.AAAA", "no token that can be read"),
    "a header that is no JSON": (lambda _: f"{part(b'{')}.AAAA.AAAA", "no token that can be read"),
    "a payload that is no JSON": (lambda it: f"{part({'alg': 'RS256', 'kid': 'rsa'})}.AAAA.AAAA", "signature is wrong"),
    "many dots": (lambda _: "." * 10_000, "neither a token"),
    "five parts, encrypted": (lambda it: it.token() + ".AAAA.AAAA", "neither a token"),
    "two parts": (lambda it: it.token().rpartition(".")[0], "neither a token"),
    "characters that base64url has not": (lambda it: it.token().replace(".", "+.", 1), "neither a token"),
    "padding": (lambda it: it.token() + "==", "neither a token"),
    "a line end": (lambda it: it.token() + "\n", "neither a token"),
    "a letter of another script": (lambda it: it.token() + "ä", "neither a token"),
    "nothing": (lambda _: "", "neither a token"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_token_is_refused_with_a_reason_that_does_not_quote_it(
    issuer: LocalIssuer, name: str
) -> None:
    make, says = FORGED[name]
    token = make(issuer)
    with pytest.raises(Refused, match=says) as refused:
        await tokens_of(issuer).caller(token)
    assert all(len(piece) < 8 or piece not in str(refused.value) for piece in token.split("."))
    assert set(issuer.asked) <= {"/tenant/v2.0/.well-known/openid-configuration", "/keys"}


@pytest.mark.parametrize("kid", ["rsa", "ec", "ed"])
async def test_a_token_that_the_issuer_signed_says_who_calls_and_what_they_may(
    issuer: LocalIssuer, kid: str
) -> None:
    caller = await tokens_of(issuer).caller(issuer.token("Agents.Viewer", "Agents.Operator", kid=kid))
    assert caller.name == f"subjects/{SUBJECT}"
    assert caller.roles == (Role.VIEWER, Role.OPERATOR)
    assert caller.permissions == PERMISSIONS[Role.OPERATOR]


@pytest.mark.parametrize(
    ("changes", "who"),
    [
        ({"oid": "somebody else"}, f"subjects/{SUBJECT}"),
        ({"sub": "auth0|a b/../c"}, "subjects/auth0%7Ca%20b%2F..%2Fc"),
        ({"aud": ["x", "agents-of-old"]}, f"subjects/{SUBJECT}"),
        ({"nbf": None, "iat": None}, f"subjects/{SUBJECT}"),
    ],
)
async def test_what_differs_among_issuers_is_taken(
    issuer: LocalIssuer, changes: dict[str, Any], who: str
) -> None:
    assert (await tokens_of(issuer).caller(issuer.token(**changes))).name == who


async def test_clocks_may_differ_a_little(issuer: LocalIssuer) -> None:
    late, early = soon(20 - LEEWAY), soon(LEEWAY - 20)
    for token in (issuer.token(exp=late), issuer.token(nbf=early, iat=early)):
        assert (await tokens_of(issuer).caller(token)).name == f"subjects/{SUBJECT}"


@pytest.mark.parametrize(
    "roles",
    [
        None, [], "Agents.Admin", "Agents.Admin Agents.Viewer", {"Agents.Admin": True}, ["agents.admin"], ["Agents.Admin "],
        ["Admin"], [["Agents.Admin"]], [None, 1, {}], True, 7,
    ],
)  # fmt: skip
async def test_whatever_is_no_list_of_known_roles_allows_nothing(issuer: LocalIssuer, roles: Any) -> None:
    caller = await tokens_of(issuer).caller(issuer.token(roles=roles))
    assert caller.roles == ()
    assert caller.permissions == frozenset()


async def test_roles_may_be_in_another_claim(issuer: LocalIssuer) -> None:
    token = issuer.token("Agents.Admin", groups=["Agents.Viewer", "Agents.Viewer", "everybody"])
    caller = await tokens_of(issuer, roles_claim="groups").caller(token)
    assert caller.roles == (Role.VIEWER,)
    assert Permission.READ_AUDIT not in caller.permissions


async def test_the_subject_may_be_in_another_claim(issuer: LocalIssuer) -> None:
    tokens = tokens_of(issuer, subject_claim="oid")
    assert (await tokens.caller(issuer.token(oid="the-person"))).name == "subjects/the-person"
    with pytest.raises(Refused, match="lacks the claim oid"):
        await tokens.caller(issuer.token())
    with pytest.raises(Refused, match="subject is no text"):
        await tokens.caller(issuer.token(oid=["a"]))


async def test_a_token_is_checked_once_and_known_until_it_expires(issuer: LocalIssuer) -> None:
    now = time.time()
    times = [now]
    tokens = tokens_of(issuer, now=lambda: times[-1])
    token = issuer.token("Agents.Viewer", exp=int(now) - 10)  # within the leeway, for 20 s more
    caller = await tokens.caller(token)
    assert await tokens.caller(token) is caller
    times.append(now + 25)
    assert await tokens.caller(token) is not caller  # looked at again, by the machine's own clock


async def test_a_token_that_is_known_is_unknown_once_its_key_is_taken_back(issuer: LocalIssuer) -> None:
    own = Issuer(issuer.url)
    tokens = Tokens(own, (AUDIENCE,))
    token = issuer.token("Agents.Admin")
    await tokens.caller(token)
    issuer.rotate("next")
    await own._renew()
    with pytest.raises(Refused, match="does not publish"):
        await tokens.caller(token)


async def test_no_more_tokens_are_remembered_than_there_is_room(
    issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 2)
    tokens = tokens_of(issuer)
    for number in range(5):
        await tokens.caller(issuer.token(number=number))
    assert len(tokens._known) == 2


async def test_tokens_are_remembered_by_their_hash_alone(issuer: LocalIssuer) -> None:
    tokens = tokens_of(issuer)
    token = issuer.token()
    await tokens.caller(token)
    assert [*tokens._known] == [hashlib.sha256(token.encode()).digest()]


UNUSABLE: dict[str, dict[str, Any]] = {
    "for encryption": public_jwk("rsa", rsa_key(), use="enc"),
    "of another algorithm": public_jwk("rsa", rsa_key(), alg="RSA-OAEP"),
    "symmetric": {"kty": "oct", "kid": "rsa", "k": "c2VjcmV0"},
    "with its private part": {**RSAAlgorithm.to_jwk(rsa_key(), as_dict=True), "kid": "rsa"},
    "too short": public_jwk("rsa", rsa_key(9, 1024)),
    "broken": {"kty": "RSA", "kid": "rsa", "n": "!", "e": "AQAB"},
    "on another curve": public_jwk("rsa", ec.generate_private_key(ec.SECP256R1()), crv="secp256k1"),
    "without an id": {name: it for name, it in public_jwk("x", rsa_key()).items() if name != "kid"},
}


@pytest.mark.parametrize("name", UNUSABLE)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_a_published_key_that_is_not_for_this_is_not_used(issuer: LocalIssuer, name: str) -> None:
    issuer.published = [UNUSABLE[name], public_jwk("other", ed25519.Ed25519PrivateKey.generate()), 7, {}]  # type: ignore[list-item]
    with pytest.raises(Refused, match="does not publish"):
        await tokens_of(issuer).caller(issuer.token("Agents.Admin"))


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
JSON = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(max_size=5), SCALARS, max_size=2)
FIELDS = {
    "kty": ["RSA", "EC", "OKP", "oct"],
    "crv": ["P-256", "P-521", "Ed25519", "Ed448"],
    "alg": ["RS256", "ES256", "none"],
}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no error
@given(
    st.lists(
        st.fixed_dictionaries(
            {"kid": st.just("k")},
            optional={name: st.sampled_from(values) | JSON for name, values in FIELDS.items()}
            | {name: st.sampled_from(["AQAB", "AAAA", ""]) | JSON for name in ("n", "e", "x", "y", "use")},
        )
        | JSON,
        max_size=4,
    )
    | JSON
)
def test_whatever_an_issuer_publishes_breaks_nothing(keys: Any) -> None:
    assert isinstance(read_keys({"keys": keys}), dict)


async def test_a_key_for_one_algorithm_is_not_used_for_another(issuer: LocalIssuer) -> None:
    issuer.published = [public_jwk("rsa", rsa_key(), alg="RS512")]
    with pytest.raises(Refused, match="algorithm is not its key's"):
        await tokens_of(issuer).caller(issuer.token("Agents.Admin"))


async def test_while_nothing_is_known_of_the_issuer_nobody_can_be_judged(issuer: LocalIssuer) -> None:
    issuer.down = True
    with pytest.raises(Unavailable, match="try again"):
        await tokens_of(issuer).caller(issuer.token())
