"""Who the commands say they are: the headers that every call to an agent has."""

import re
from collections.abc import Mapping

from cli.errors import CommandError
from cli.exit_codes import ExitCode


def credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """The sidecars' APP_API_TOKEN, and AGENTS_TOKEN, which says who asks; CommandError for what no header can carry."""
    found = {}
    if token := environment.get("APP_API_TOKEN"):
        found["dapr-api-token"] = token
    bearer = environment.get("AGENTS_TOKEN")
    if bearer and not re.fullmatch(r"[\x21-\x7e]+", bearer):
        raise CommandError(
            "AGENTS_TOKEN holds blanks, line ends or other characters that no header can carry",
            hint="give the token alone, without Bearer and without quotes",
            code=ExitCode.INVALID,
        )
    if bearer:
        found["Authorization"] = f"Bearer {bearer}"
    return found
