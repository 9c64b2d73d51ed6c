"""Who may call an agent, as its settings say."""

from __future__ import annotations

from infrastructure.host.settings import Settings
from infrastructure.identity.identity import Identity, Proof
from infrastructure.identity.limits import Limit


def identity_of(settings: Settings) -> Identity | None:
    """None where nobody has to log in: on loopback, for development.

    Raises:
        KeysInvalid: the file of API keys is wrong.

    """
    if not settings.asks_for_login:
        return None
    # Imported only when chosen: cryptography takes a tenth of a second of every start otherwise.
    tokens: Proof | None = None
    keys: Proof | None = None
    if settings.oidc_issuer is not None:
        from infrastructure.identity.issuer import Issuer  # noqa: PLC0415
        from infrastructure.identity.tokens import Tokens  # noqa: PLC0415

        audiences = tuple(settings.oidc_audience.split(",")) if settings.oidc_audience else ()
        tokens = Tokens(
            Issuer(settings.oidc_issuer),
            audiences,
            subject_claim=settings.oidc_subject_claim,
            roles_claim=settings.oidc_roles_claim,
        )
    if settings.api_keys is not None:
        from infrastructure.identity.key_file import KeyFile  # noqa: PLC0415

        keys = KeyFile(settings.api_keys)
    limit = Limit(settings.rate_limit) if settings.rate_limit else None
    return Identity(tokens=tokens, keys=keys, limit=limit)
