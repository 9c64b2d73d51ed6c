"""Alerts and dashboards ask for metrics that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from deploy.declared import ROOT
from deploy.tests.kinds import named, of_kind
from deploy.verify import alerts
from deploy.verify.chart import Document

Rendered = Callable[..., list[Document]]
OURS = re.compile(r"\b((?:agents|gen_ai)_[a-z_]+?)(?:_bucket|_sum|_count)?(?=\{)")


def test_every_metric_that_is_asked_for_is_one_of_ours(rendered: Rendered) -> None:
    documented = set(
        re.findall(r"`((?:agents|gen_ai)_[a-z_]+)`", (ROOT / "docs/observability.md").read_text())
    )
    asked = {name for expression in _expressions(rendered("prod")) for name in OURS.findall(expression)}
    assert len(asked) > 10
    assert asked <= documented


def test_every_alert_says_what_is_so_and_what_to_do(rendered: Rendered) -> None:
    for rule in _rules(rendered("prod")):
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert set(rule["annotations"]) == {"summary", "next", "runbook_url"}


def test_the_runbook_is_where_the_values_say(rendered: Rendered) -> None:
    site = "https://docs.example.com/runbook/"
    for rule in _rules(rendered("prod", f"monitoring.runbook={site}")):
        assert rule["annotations"]["runbook_url"] == f"{site}#{rule['alert'].lower()}"


def test_alerts_are_about_the_release_alone(rendered: Rendered) -> None:
    for rule in _rules(rendered("prod")):
        selectors = re.findall(r"\b(?:agents|gen_ai|kube|up)\w*\{([^}]*)\}", rule["expr"])
        assert selectors
        assert all('namespace="agents"' in one for one in selectors), rule["alert"]
        assert "@" not in rule["expr"]


def test_metrics_are_fetched_with_the_apps_token(rendered: Rendered) -> None:
    app, sidecar = named(rendered("prod"), "PodMonitor", "devops")["spec"]["podMetricsEndpoints"]
    assert app["authorization"]["credentials"] == {"name": "devops-app-api-token", "key": "token"}
    assert (app["port"], sidecar["port"]) == ("http", "dapr-metrics")


def test_the_dashboard_is_where_grafana_looks_for_it(rendered: Rendered) -> None:
    dashboard = named(rendered("prod"), "ConfigMap", "agents-dashboard")
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert len(json.loads(dashboard["data"]["agents.json"])["panels"]) == 12


def test_a_cluster_without_the_operator_gets_none_of_it(rendered: Rendered) -> None:
    objects = rendered("prod", "monitoring.enabled=false")
    assert not [found for found in objects if found["apiVersion"].startswith("monitoring.")]
    assert not [found for found in of_kind(objects, "ConfigMap") if "dashboard" in found["metadata"]["name"]]


def _rules(objects: list[Document]) -> list[Document]:
    return alerts.rules_of(alerts.groups_of(objects))


def _expressions(objects: list[Document]) -> list[str]:
    dashboard = json.loads(named(objects, "ConfigMap", "agents-dashboard")["data"]["agents.json"])
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return [*shown, *(rule["expr"] for rule in _rules(objects))]
