"""A pod's end, as README.md of the chart calculates it, on what is rendered."""

from __future__ import annotations

import re
from collections.abc import Callable

from agents.runtime.timing import Timing
from deploy.declared import ROOT
from deploy.tests.kinds import container_of, environment_of, of_kind, pod_of
from deploy.verify.chart import Document

Rendered = Callable[..., list[Document]]
SERVER_CLOSES = 5
"""Seconds that uvicorn waits for open connections: `_serve` in infrastructure/host/__main__.py."""
TELEMETRY_CLOSES = 2
"""Seconds that a shutdown waits for the collector: docs/observability.md."""


def test_the_sidecar_outlives_the_app_and_kubernetes_waits_for_both(objects: list[Document]) -> None:
    for deployment in of_kind(objects, "Deployment"):
        pod = pod_of(deployment)
        annotations = pod["metadata"]["annotations"]
        pre_stop = container_of(deployment)["lifecycle"]["preStop"]["sleep"]["seconds"]
        grace = float(environment_of(deployment)["AGENTS_GRACE"])
        app_gone = pre_stop + grace + SERVER_CLOSES + TELEMETRY_CLOSES
        block = _seconds(annotations["dapr.io/block-shutdown-duration"])
        sidecar_gone = block + int(annotations["dapr.io/graceful-shutdown-seconds"])
        assert app_gone < block
        assert sidecar_gone < pod["spec"]["terminationGracePeriodSeconds"]


def test_work_is_handed_back_no_later_than_a_lost_lease_would_be_noticed(objects: list[Document]) -> None:
    for deployment in of_kind(objects, "Deployment"):
        env = environment_of(deployment)
        timing = Timing(
            lease=float(env["AGENTS_LEASE"]), redelivery_after=float(env["AGENTS_REDELIVERY_AFTER"])
        )
        assert float(env["AGENTS_GRACE"]) >= timing.lease


def test_the_values_of_prod_are_those_that_the_readme_calculates(rendered: Rendered) -> None:
    deployment = of_kind(rendered("prod"), "Deployment")[0]
    pod = pod_of(deployment)
    assert pod["metadata"]["annotations"]["dapr.io/block-shutdown-duration"] == "43s"
    assert pod["spec"]["terminationGracePeriodSeconds"] == 53
    readme = (ROOT / "deploy/helm/agents/README.md").read_text()
    assert "5 + 30 + 8 = 43" in readme
    assert "43 + 5 + 5 = 53" in readme


def test_the_app_still_closes_its_server_in_the_time_that_is_reckoned_with() -> None:
    text = (ROOT / "infrastructure/host/__main__.py").read_text()
    assert re.findall(r"timeout_graceful_shutdown=(\d+)", text) == [str(SERVER_CLOSES)]


def test_the_redelivery_that_the_app_reckons_with_is_that_of_the_broker(rendered: Rendered) -> None:
    for environment, metadata_name in (("dev", "processingTimeout"), ("prod", None)):
        objects = rendered(environment)
        (pubsub,) = [
            found for found in of_kind(objects, "Component") if found["spec"]["type"].startswith("pubsub.")
        ]
        metadata = {entry["name"]: entry["value"] for entry in pubsub["spec"]["metadata"]}
        after = float(environment_of(of_kind(objects, "Deployment")[0])["AGENTS_REDELIVERY_AFTER"])
        if metadata_name:
            assert float(metadata[metadata_name]) == after * 1000
        else:  # Service Bus: a delivery goes back seldom, its lock is renewed twice in its time
            lock = re.search(
                r"lockDuration: 'PT(\d+)S'", (ROOT / "deploy/bicep/modules/topics.bicep").read_text()
            )
            assert lock is not None
            assert 2 * float(metadata["lockRenewalInSec"]) < float(lock[1]) < after


def _seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))
