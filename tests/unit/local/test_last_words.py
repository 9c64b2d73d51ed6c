from __future__ import annotations

import pytest

from cli.local.last_words import complaint, last_words

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
    "said",
    [
        r"failed to ping the database: failed to connect to `user=max database=agents`:\n\t10.0.0.7:5432 (db): dial error",
        "failed to build connection string",
    ],
)
def test_a_database_that_cannot_be_reached_is_told_with_the_variable(said: str) -> None:
    component = "agents-statestore (state.postgresql/v2): "
    told = last_words(f"{BEGINNING}{INIT}{component}{INIT}{component}{said}{END}")
    assert told is not None
    assert told.startswith(f"{component}failed to ")
    assert told.endswith(
        "; see connectionString in the components' statestore.yaml, the variable that it names (AGENTS_POSTGRES), "
        "and whether the database answers there"
    )


@pytest.mark.parametrize(
    "line", ["", 'level=error msg="no"', 'level=fatal msg="never ends', "msg=level=fatal"]
)
def test_any_other_line_says_nothing(line: str) -> None:
    assert last_words(line) is None


UNREAD = (
    'time="2026-11-22T08:48:53Z" level=error msg="Error reading from topic agents.servicedesk.ticket.created. *Error{Condition: '
    "amqp:not-found, Description: The messaging entity 'agents.servicedesk.ticket.created/Subscriptions/service-desk' could not be found., "
    'Info: map[]}" app_id=service-desk component="agents-pubsub (pubsub.azure.servicebus.topics/v1)" instance=vm type=log ver=1.16.0'
)


def test_a_subscription_that_is_not_there_is_told_with_the_topic_and_the_cure() -> None:
    assert last_words(UNREAD) is None
    assert complaint(UNREAD) == (
        "agents.servicedesk.ticket.created",
        (
            "nothing of agents.servicedesk.ticket.created is received: 'agents.servicedesk.ticket.created/Subscriptions/service-desk' is not "
            "there; it has to be made before: deploy/bicep/modules/topics.bicep, which `python -m cli.documents` writes, has all"
        ),
    )


@pytest.mark.parametrize(
    "line",
    ["", UNREAD.replace("error msg", "warning msg"), UNREAD.replace("amqp:not-found", "amqp:link:detach")],
)
def test_any_other_line_is_no_complaint(line: str) -> None:
    assert complaint(line) is None
