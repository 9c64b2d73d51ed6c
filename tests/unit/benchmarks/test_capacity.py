"""The arithmetic of docs/capacity.md, on figures written out."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from agents.runtime.timing import Timing
from benchmarks.capacity import findings, page, published, results, sizes, sizing
from benchmarks.capacity.load import flowing
from benchmarks.capacity.parts import counted
from benchmarks.capacity.parts.chain import CHAIN
from benchmarks.capacity.parts.latency import ideal
from benchmarks.capacity.parts.payload import BULK, text
from benchmarks.capacity.parts.side import together
from benchmarks.capacity.results import (
    Chain,
    Counted,
    Latency,
    Limits,
    Load,
    Made,
    Payload,
    Publishing,
    Replicas,
    Results,
    Side,
    Size,
    Topics,
    Turn,
    Width,
)
from benchmarks.capacity.room import bulk, chain, many
from benchmarks.capacity.room.prompts import write_prompts
from benchmarks.suite.outside import Times
from benchmarks.suite.results import ROOT, Control
from domain.event import Event
from infrastructure.host.declared import require_declared
from infrastructure.prompts.registry import load_prompts
from infrastructure.testing.platform import MemoryPlatform

SECOND = 1_000_000_000
LOAD = Load(
    events=1000, events_per_second=500, app_cpu_ms=1.5, sidecar_cpu_ms=0.9, redis_cpu_ms=0.2, cores=1.5, app_mb=100,
    sidecar_mb=110, in_flight_most=64, reads=0, writes=3,
)  # fmt: skip
COUNTED = Counted(
    event_in=900, event_out=1400, command=1150, documents={"claim": 842, "execution": 1621, "published": 75}
)


def load(**changes: float) -> Load:
    return LOAD.model_copy(update=changes)


def latency(model_ms: int, **changes: float) -> Latency:
    return Latency(model_ms=model_ms, offered=64, ideal=ideal(model_ms, 64), load=load(**changes))


def test_the_ideal_is_what_is_in_flight_divided_by_the_models_time() -> None:
    assert [ideal(model_ms, 64) for model_ms in (0, 20, 1000)] == [None, 3200.0, 64.0]


def test_a_rate_is_what_comes_out_while_events_go_in() -> None:
    """Sent from second 1 to second 9: the first quarter of that, and what comes after it, count for nothing."""
    sent = [SECOND, 3 * SECOND, 9 * SECOND, 0]
    seen = [2 * SECOND, 3 * SECOND, 8 * SECOND, 10 * SECOND]
    assert flowing(Times(sent=sent, seen=seen)) == 2 / 6


def test_agents_side_by_side_add_up_and_cost_the_mean() -> None:
    both = together([load(app_cpu_ms=1.0), load(app_cpu_ms=2.0)])
    assert (both.events_per_second, both.app_mb, both.app_cpu_ms) == (1000, 200, 1.5)


def test_three_replicas_are_held_against_one_of_the_same_round() -> None:
    found = [
        Replicas(round=number, replicas=replicas, model_ms=200, load=load(cores=cores), ratio=ratio)
        for number, replicas, cores, ratio in (
            (1, 1, 0.8, 1),
            (1, 3, 1.8, 2.6),
            (2, 1, 0.8, 1),
            (2, 3, 2, 2.9),
        )
    ]
    (scaling,) = findings.scaling(Results(replicas=found))
    assert (scaling.ratio, scaling.cores, round(scaling.needed, 2)) == (2.75, 1.9, 2.16)


def test_many_tasks_are_compared_turn_by_turn() -> None:
    turns = [
        Turn(
            narrow=load(events_per_second=100),
            wide=load(events_per_second=wide),
            narrow_p50_ms=5,
            wide_p50_ms=5,
        )
        for wide in (97, 101, 99)
    ]
    width = Width(tasks=20, prompts=50, narrow_idle_cores=0, wide_idle_cores=0, turns=turns)
    assert findings.compared(width)["events/s"] == (0.99, 0.97, 1.01)
    assert findings.compared(width)["p50"] == (1.0, 1.0, 1.0)


def test_of_ten_turns_the_lowest_and_the_highest_do_not_count() -> None:
    assert findings.between([5, 1, 2, 3, 4, 6, 7, 8, 9, 100]) == (2, 9)


def test_ru_lie_on_a_line_between_two_published_sizes() -> None:
    table = published.RU_WRITE.value
    assert [round(sizing.ru(size, table), 2) for size in (100, 1024, 1536, 3072)] == [4.95, 4.95, 5.62, 6.48]
    with pytest.raises(ValueError, match="more than any document"):
        sizing.ru(3 * 2**20, table)


def test_a_document_in_cosmos_db_is_base64_in_an_envelope() -> None:
    key = "implementation||claim:" + 36 * "0"
    envelope = sizing.document("claim", 0, 604_800)
    assert sizing.document("claim", 842, 604_800) - envelope == 1124
    assert 2 * len(key) < envelope < 2 * len(key) + 350


def test_an_event_costs_its_share_of_the_pulse_of_its_pod() -> None:
    """A thousand events/s in ten pods: each beats 1.5 times a second, for a hundred events/s."""
    beat = 2 * sizing.ru(sizing.document("pulse", 19 + 40 * 15 - 1, 86_400), published.RU_WRITE.value)
    cost = sizing.store(COUNTED, pods=10, runs=40)
    assert cost.pulse_ru == pytest.approx(0.015 * beat)
    assert cost.create_ru == sizing.store(COUNTED, pods=1, runs=1).create_ru
    assert cost.index_ru == pytest.approx(3 * 5 * 0.2)


def test_storage_is_kept_for_as_long_as_its_documents_live() -> None:
    cost = sizing.store(COUNTED, pods=10, runs=40)
    assert 7 * cost.stored_bytes < cost.byte_days < 8 * cost.stored_bytes


def test_the_broker_moves_whole_kilobytes_in_and_out() -> None:
    assert sizing.transferred(COUNTED) == 2 * 1024 + 2 * 2048
    assert [sizing.units(mb_per_second) for mb_per_second in (2.8, 2.9, 6.2, 20)] == [1, 2, 4, 8]


def test_pods_follow_from_whatever_runs_out_first() -> None:
    fast = sizing.cluster(0.2, latency(200), 0.005, COUNTED)
    assert (round(fast.pods_by_cpu, 2), round(fast.pods_by_places, 2), fast.pods) == (2.5, 5.34, 6)
    assert round(fast.cores, 2) == 4.0
    busy = sizing.cluster(0.02, latency(20, app_cpu_ms=6.0), 0.005, COUNTED)
    assert (round(busy.pods_by_cpu, 2), busy.pods) == (10.0, 10)
    slow = sizing.cluster(5.0, latency(5000), 0.005, COUNTED)
    assert (slow.pods, round(slow.memory_mb), slow.nodes) == (131, 45850, 3)


def test_a_million_events_cost_their_share_of_a_month() -> None:
    cluster = sizing.cluster(0.2, latency(200), 0.005, COUNTED)
    assert cluster.usd_per_month["Cosmos DB, throughput"] == pytest.approx(cluster.ru_per_second * 0.0584)
    assert cluster.usd_per_million == pytest.approx(sum(cluster.usd_per_month.values()) / 2628)


def test_an_installation_has_three_pods_of_each_agent_and_more_where_the_load_asks_for_them() -> None:
    small, large = (sizes.installation("x", rate, latency(1000), 0.005, COUNTED) for rate in (1, 1_000))
    assert (small.pods, small.nodes, small.ru_per_second, small.units) == (15, 3, 400, 1)
    assert (large.pods, large.nodes) == (30, 6)
    assert large.ru_per_second == math.ceil(1_000 * large.ru / 100) * 100


def test_who_does_nothing_has_no_pulse() -> None:
    """At one event/s of a second each one pod beats, not all fifteen."""
    small = sizes.installation("small", 1, latency(1000), 0.0, COUNTED)
    assert small.writes == pytest.approx(3 + 1 / Timing().beat)


def test_tokens_are_told_for_each_thousand_of_an_event() -> None:
    one = sizes.installation("medium", 50, latency(1000), 0.005, COUNTED)
    assert one.tokens_per_minute == 3_000_000
    assert one.usd_for_tokens == pytest.approx((131_400 * 0.165, 131_400 * 0.66))


def test_installations_request_what_the_chart_requests() -> None:
    values = yaml.safe_load((ROOT / "deploy/helm/agents/values.yaml").read_text())
    default = values["agentDefaults"]
    assert len(values["agents"]) == sizes.AGENTS
    assert default["autoscaling"]["min"] == sizes.LEAST_REPLICAS
    assert [default["resources"]["requests"], default["sidecar"]["resources"]["requests"]] == [
        {"cpu": "500m", "memory": "512Mi"},
        {"cpu": "250m", "memory": "256Mi"},
    ]
    assert (sizes.REQUESTED_CORES, sizes.REQUESTED_MB) == (0.75, (512 + 256) * 2**20 / 1e6)


def test_a_page_without_figures_has_no_table_and_computes_nothing() -> None:
    text_of_page = page.page(Results())
    assert "## Payload" not in text_of_page
    assert "on AKS" not in text_of_page


def test_a_page_sizes_a_cluster_from_what_was_measured_and_counted() -> None:
    found = Results(
        latency=[latency(200), latency(1000)],
        chain=[Chain(hops=1, load=LOAD, p50_ms=5.0)],
        counted=COUNTED,
    )
    assert "| **pods** | **6** | **27** | **131** |" in page.page(found)


def test_every_part_is_shown_with_the_control_runs_around_it() -> None:
    quiet, slow = Control(events_per_second=9000, spin_s=0.1), Control(events_per_second=7000, spin_s=0.1)
    machine = {"cores": "2", "cpu": "any", "memory": "8 GiB", "kernel": "6"}
    turn = Turn(narrow=LOAD, wide=LOAD, narrow_p50_ms=5, wide_p50_ms=6)
    text_of_page = page.page(
        Results(
            made={
                "payload": Made(when="today, commit a", machine=machine, before=quiet, after=quiet),
                "limits": Made(when="today, commit b", machine=machine, before=quiet, after=slow),
            },
            payload=[Payload(kilobytes=4, load=LOAD, p50_ms=6.5)],
            latency=[latency(0)],
            replicas=[
                Replicas(round=1, replicas=number, model_ms=500, load=LOAD, ratio=number) for number in (1, 3)
            ],
            side=[Side(agents=3, idle_app_mb=270, idle_sidecar_mb=330, idle_cores=0.01, load=LOAD)],
            width=Width(tasks=20, prompts=50, narrow_idle_cores=0, wide_idle_cores=0, turns=[turn]),
            limits=Limits(
                sizes=[
                    Size(bytes=2_000_000, passed_on=False, became="too_large", message="the limit is 1900000")
                ],
                topics=Topics(topics=21, works=True),
                concurrency_offered=256,
                concurrency_in_flight=64,
                publishing=[
                    Publishing(callers=64, bytes=802, events_per_second=16_971, sidecar_cpu_ms=0.034)
                ],
            ),
        )
    )
    for row in (
        "| payload | today, commit a | 2 (any) | 8 GiB | 6 | 0% |",
        "| limits | today, commit b | 2 (any) | 8 GiB | 6 | 22%, **too much** |",
        "| 4 KB | 500 | 2.0 | 6.5 | 1.50 | 0.90 | 0.20 | 3.00 | 0.00 | 100 | 110 |",
        "| 0 ms | 500 | – | – | 64 | 1.50 | 0.90 | 3.00 | 0.00 |",
        "| 1 | 500 ms | 3 | 500 | 3.00 | 64 | 1.50 |",
        "- At a model of 500 ms: 3.00, reached, with 1.50 cores busy;",
        "| 3 | 270 | 330 | 0.010 | 500 | 1.50 | 0.90 | 1.50 | 100 | 110 |",
        "| p50 | 1.200 | 1.200 and 1.200 | **yes** |",
        "| 2,000,000 bytes | taken in | dead letter `too_large`: the limit is 1900000 |",
        "| 64 | 16,971 | 0.034 |",
    ):
        assert row in text_of_page


def test_a_part_that_is_measured_anew_leaves_the_others_and_their_control_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "CAPACITY", tmp_path / "capacity.json")
    control = Control(events_per_second=9000, spin_s=0.1)
    first = Made(when="yesterday", machine={}, before=control, after=control)
    results.write(Results().replaced("payload", [Payload(kilobytes=4, load=LOAD, p50_ms=6.5)], first))
    results.write(results.read().replaced("counted", COUNTED, first.model_copy(update={"when": "today"})))
    found = results.read()
    assert {part: made.when for part, made in found.made.items()} == {
        "payload": "yesterday",
        "counted": "today",
    }
    assert (len(found.payload), found.counted) == (1, COUNTED)
    results.CAPACITY.write_text('{"machine": {}}')  # of another version
    assert results.read() == Results()


def test_a_document_that_is_missing_or_was_edited_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures, document = ROOT / "benchmarks/results/none.json", ROOT / "docs/none.md"
    monkeypatch.setattr(results, "CAPACITY", figures)
    assert page.stale() == "there is no benchmarks/results/none.json yet: run `make bench-capacity`"
    monkeypatch.setattr(results, "CAPACITY", ROOT / "pyproject.toml")
    monkeypatch.setattr(page, "DOCUMENT", document)
    assert "run `python -m benchmarks.capacity --page`" in (page.stale() or "")


async def test_an_event_is_counted_whole() -> None:
    found = await counted.count()
    assert found.event_in == 909
    assert found.documents.keys() == {"claim", "execution", "published"}
    assert found.documents["claim"] > found.event_in
    assert found.command > 900


def test_the_agents_of_the_room_and_their_prompts_fit(tmp_path: Path) -> None:
    names = many.prompt_names(many.PROMPTS)
    for agent in (bulk.AGENT, chain.AGENT, many.SIDE1, many.NARROW, many.WIDE):
        write_prompts(tmp_path, agent.name, names)
        require_declared(agent, load_prompts(tmp_path / agent.name))
    assert (len(many.WIDE.tasks), len(many.WIDE.prompts)) == (20, 50)
    assert len(many.WIDE.subscribed_topics) == 21
    assert len(many.NARROW.tasks) == len(many.NARROW.prompts) == 1


async def test_a_content_is_passed_on_only_where_that_is_asked_for(tmp_path: Path) -> None:
    write_prompts(tmp_path, "bulk", ["write-code"])
    async with MemoryPlatform([bulk.AGENT], prompts=load_prompts(tmp_path / "bulk")) as platform:
        for name, pass_on in (("evt-kept-0", False), ("evt-passed-0", True)):
            template = BULK.template(content=text(2000), pass_on=pass_on)
            platform.publish(Event.from_json(template.replace("evt-template-0", name).encode()))
        await platform.quiet()
        sizes = {event.data["spec_id"]: len(event.data["content"]) for event in platform.events if "content" in event.data and event.type == BULK.makes}  # fmt: skip
    assert sizes == {"evt-kept-0": 0, "evt-passed-0": 2000}


async def test_a_chain_has_the_hops_it_was_given(tmp_path: Path) -> None:
    write_prompts(tmp_path, "chain", ["write-code"])
    async with MemoryPlatform([chain.AGENT], prompts=load_prompts(tmp_path / "chain")) as platform:
        platform.publish(Event.from_json(CHAIN.template(hops_left=3).encode()))
        await platform.quiet()
        types = [event.type for event in platform.events]
    assert types == [CHAIN.takes] * 3 + [CHAIN.makes]
