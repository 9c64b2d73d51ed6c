"""Alerts, their sections of docs/runbook.md and the series that they are tried with stay together. Whether they fire, `make verify-deploy` proves."""

from __future__ import annotations

import re
from typing import Any

import yaml

from deploy.declared import CHART, ROOT
from deploy.verify import alerts

RUNBOOK = ROOT / "docs" / "runbook.md"


def rules() -> list[dict[str, Any]]:
    text = (ROOT / CHART / "files/alerts.yaml").read_text()
    return alerts.rules_of(yaml.safe_load(text.replace("@runbook@", "docs/runbook.md"))["groups"])


def sections() -> dict[str, str]:
    parts = re.split(r"^###? (.+)$", RUNBOOK.read_text(), flags=re.MULTILINE)
    return {name: text for name, text in zip(parts[1::2], parts[2::2], strict=True) if name[:6] == "Agents"}


def test_every_alert_leads_to_its_section_and_no_section_is_left_over() -> None:
    told = {rule["alert"]: rule["annotations"]["runbook_url"] for rule in rules()}
    assert list(sections()) == list(told)
    assert told == {alert: f"docs/runbook.md#{alert.lower()}" for alert in sections()}


def test_every_section_says_how_to_see_it_what_to_do_when_it_is_over_and_how_it_was_tried() -> None:
    for alert, text in sections().items():
        assert re.search(r"^    \S", text, re.MULTILINE), f"{alert}: no command"
        assert re.search(r"^\*Over\* ", text, re.MULTILINE), f"{alert}: when is it over?"
        assert re.search(r"\*Tried\*: rule", text), f"{alert}: how was it tried?"


def test_every_alert_is_tried_where_it_fires_and_where_not() -> None:
    expected: dict[str, set[bool]] = {}
    for case in alerts.cases():
        for asked in case["alert_rule_test"]:
            assert case["name"].startswith(f"{asked['alertname']}: "), case["name"]
            expected.setdefault(asked["alertname"], set()).add(bool(asked["exp_alerts"]))
    assert expected == {rule["alert"]: {True, False} for rule in rules()}
