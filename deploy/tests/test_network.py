"""Default deny, and the paths that are open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deploy.tests.kinds import all_agents_and, named, of_kind, pod_of, selects
from deploy.verify.chart import Document

Rendered = Callable[..., list[Document]]


def test_everything_is_denied_to_every_pod_both_ways(objects: list[Document]) -> None:
    deny = named(objects, "NetworkPolicy", "agents-default-deny")["spec"]
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & set(deny)
    for deployment in of_kind(objects, "Deployment"):
        assert selects(deny["podSelector"]["matchLabels"], pod_of(deployment)["metadata"]["labels"])


def test_nothing_may_come_or_go_without_saying_where_and_by_which_port(objects: list[Document]) -> None:
    for policy in of_kind(objects, "NetworkPolicy"):
        for key, peers in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(key) or []:
                assert rule[peers], policy["metadata"]["name"]
                assert rule["ports"], policy["metadata"]["name"]


def test_agents_reach_names_dapr_and_what_the_values_name(rendered: Rendered) -> None:
    ways = named(rendered("prod"), "NetworkPolicy", "agents-egress")["spec"]["egress"]
    assert [(_peers(rule), _ports(rule)) for rule in ways] == [
        (["kube-system"], [53, 53]),
        (["dapr-system"], [50001, 6500, 50005, 50006]),
        (["10.20.4.0/24"], [443, 5671]),
        (["0.0.0.0/0"], [443]),
    ]


def test_who_may_go_anywhere_may_not_reach_the_nodes_metadata_or_private_addresses(
    objects: list[Document],
) -> None:
    for policy in of_kind(objects, "NetworkPolicy"):
        for rule in policy["spec"].get("egress") or []:
            for peer in rule["to"]:
                if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0":
                    assert {"169.254.0.0/16", "10.0.0.0/8"} <= set(peer["ipBlock"]["except"])


def test_callers_reach_the_app_and_the_scraper_its_metrics_and_the_sidecars(rendered: Rendered) -> None:
    ways = named(rendered("prod"), "NetworkPolicy", "devops")["spec"]["ingress"]
    assert [(_peers(rule, "from"), _ports(rule)) for rule in ways] == [
        (["gateway"], [8080]),
        (["monitoring"], [8080, 9090]),
    ]


def test_an_agent_may_have_a_way_out_of_its_own(rendered: Rendered) -> None:
    smtp = ("to=SMTP", "cidrs[0]=203.0.113.25/32", "ports[0]=587")
    objects = rendered("prod", *all_agents_and(*(f"agents[0].egress[0].{part}" for part in smtp)))
    (way,) = named(objects, "NetworkPolicy", "notification")["spec"]["egress"]
    assert (_peers(way), _ports(way)) == (["203.0.113.25/32"], [587])
    assert "Egress" not in named(objects, "NetworkPolicy", "devops")["spec"]["policyTypes"]


def _peers(rule: dict[str, Any], key: str = "to") -> list[str]:
    return [
        peer["ipBlock"]["cidr"]
        if "ipBlock" in peer
        else peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for peer in rule[key]
    ]


def _ports(rule: dict[str, Any]) -> list[int]:
    return [port["port"] for port in rule["ports"]]
