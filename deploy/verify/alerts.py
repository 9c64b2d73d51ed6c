"""The chart's alerts, put to Prometheus' own `promtool`: whether it reads them, and when they fire."""

from __future__ import annotations

import copy
import json
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from cli.errors import CommandError
from deploy.declared import ROOT
from deploy.verify.chart import NAMESPACE, Document

CASES = Path("deploy/tests/alerts.yaml")
STEP = 30
"""Seconds between two values of a series, as the chart's PodMonitors scrape."""
Series = Mapping[str, Any]
Page = str
"""What an agent's /metrics said."""
Labels = Mapping[str, str]


def groups_of(objects: Iterable[Document]) -> list[Document]:
    (rule,) = (found for found in objects if found["kind"] == "PrometheusRule")
    groups: list[Document] = rule["spec"]["groups"]
    return groups


def rules_of(groups: Iterable[Document]) -> list[Document]:
    return [rule for group in groups for rule in group["rules"]]


def cases() -> list[dict[str, Any]]:
    tests: list[dict[str, Any]] = yaml.safe_load((ROOT / CASES).read_text())["tests"]
    return tests


def are_read(promtool: Path, groups: Sequence[Document]) -> None:
    """Expressions and the templates of the annotations; CommandError with what Prometheus would refuse."""
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules.yaml"
        rules.write_text(yaml.safe_dump({"groups": list(groups)}))
        _promtool(promtool, "check", "rules", "--lint-fatal", str(rules))


def hold(promtool: Path, groups: Sequence[Document], tests: Sequence[Mapping[str, Any]]) -> None:
    """`tests` as promtool has them, but alerts are told apart by labels alone; CommandError with what came out differently."""
    bare = copy.deepcopy(list(groups))
    for rule in rules_of(bare):
        rule.pop("annotations", None)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rules.yaml").write_text(yaml.safe_dump({"groups": bare}))
        # Rules are looked at as often as their series have values: a week in steps of 30 s would take minutes.
        for interval in sorted({str(test["interval"]) for test in tests}):
            document = {
                "rule_files": ["rules.yaml"],
                "evaluation_interval": interval,
                "tests": [test for test in tests if test["interval"] == interval],
            }
            file = Path(folder) / f"{interval}.yaml"
            file.write_text(yaml.safe_dump(document))
            _promtool(promtool, "test", "rules", str(file))


def fires(alert: str, labels: Sequence[Labels], series: Sequence[Series], minute: int) -> dict[str, Any]:
    """A test for `hold`: that the alert fires then, once with each of these labels; none: that it does not."""
    expected = [{"exp_labels": dict(one)} for one in labels]
    rule_test = {"alertname": alert, "eval_time": f"{minute}m", "exp_alerts": expected}
    return {
        "name": alert,
        "interval": f"{STEP}s",
        "input_series": list(series),
        "alert_rule_test": [rule_test],
    }


def as_steps(before: Page, after: Page, **target: str) -> list[Series]:
    """What happened between the pages, ten minutes in: what was not there is not there before either. For 20 minutes more."""
    old, new = samples(before, target), samples(after, target)
    return [
        {"series": series, "values": f"{old.get(series, '_')}x19 {value}x40"} for series, value in new.items()
    ]


def as_rates(before: Page, after: Page, seconds: float, **target: str) -> list[Series]:
    """As if what happened within `seconds` between the pages went on like that for half an hour."""
    old, new = samples(before, target), samples(after, target)
    slopes = {series: (value - old.get(series, 0.0)) / seconds * STEP for series, value in new.items()}
    return [
        {"series": series, "values": f"{old.get(series, 0.0)}+{slope:.6f}x60"}
        for series, slope in slopes.items()
    ]


def samples(page: Page, target: Mapping[str, str]) -> dict[str, float]:
    """Our metrics of a page under the labels that Prometheus adds: namespace, and what is given."""
    found = {}
    for family in text_string_to_metric_families(page):
        for one in family.samples:
            if one.name.startswith(("agents_", "gen_ai_")):
                labels = {"namespace": NAMESPACE, **target, **one.labels}
                # To Prometheus a label that is empty is none.
                told = sorted((name, value) for name, value in labels.items() if value)
                shown = ", ".join(f"{name}={json.dumps(value)}" for name, value in told)
                found[f"{one.name}{{{shown}}}"] = one.value
    return found


def _promtool(program: Path, *arguments: str) -> None:
    ran = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise CommandError(f"promtool {' '.join(arguments[:2])}: {(ran.stdout + ran.stderr).strip()}")
