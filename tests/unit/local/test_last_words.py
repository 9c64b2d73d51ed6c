from __future__ import annotations

import pytest

from cli.local.last_words import last_words

BEGINNING = 'time="2026-11-22T04:36:42Z" level=fatal msg="Fatal error from runtime: process component agents-statestore error: '
INIT = "[INIT_COMPONENT_FAILURE]: initialization error occurred for "
END = '" app_id=tests instance=vm scope=dapr.runtime type=log ver=1.16.0'


def test_a_refused_key_is_told_with_the_component_and_the_cure() -> None:
    said = (
        f"{BEGINNING}{INIT}agents-statestore (state.azure.cosmosdb/v1): {INIT}agents-statestore (state.azure.cosmosdb/v1): failed to "
        r"retrieve account properties: GET http://127.0.0.1:3902\n---------------\nRESPONSE 401: 401 Unauthorized\n{\n  \"code\": 1}"
        f"{END}"
    )
    assert last_words(said) == (
        "agents-statestore (state.azure.cosmosdb/v1): failed to retrieve account properties: GET http://127.0.0.1:3902 RESPONSE 401: "
        '401 Unauthorized { "code": 1}; the store refuses the key or the identity: see masterKey or url in the components\' statestore.yaml'
    )


def test_a_missing_setting_is_told_as_it_was_said() -> None:
    said = f"{BEGINNING}{INIT}agents-pubsub (pubsub.azure.servicebus.topics/v1): either one of connection string or namespace name are required{END}"
    assert last_words(said) == (
        "agents-pubsub (pubsub.azure.servicebus.topics/v1): either one of connection string or namespace name are required"
        "; see connectionString or namespaceName in the components' pubsub.yaml, and the variables of the sidecar that it names"
    )


@pytest.mark.parametrize(
    "line", ["", 'level=error msg="no"', 'level=fatal msg="never ends', "msg=level=fatal"]
)
def test_any_other_line_says_nothing(line: str) -> None:
    assert last_words(line) is None
