"""Which tokens prove something: every way of forging one that we know of, against a real issuer and real keys."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from domain.errors import Unavailable
from infrastructure.identity import tokens as module
from infrastructure.identity.caller import Refused
from infrastructure.identity.issuer import Issuer
from infrastructure.identity.jwks import read_keys
from infrastructure.identity.roles import PERMISSIONS, Permission, Role
from infrastructure.identity.tokens import LEEWAY, Tokens
from tests.support.forged_tokens import FORGED, soon
from tests.support.issuer import AUDIENCE, SUBJECT, LocalIssuer, public_jwk, rsa_key


def tokens_of(issuer: LocalIssuer, **options: Any) -> Tokens:
    return Tokens(Issuer(issuer.url), (AUDIENCE, "agents-of-old"), **options)


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
