"""How a run of the suite goes on, ends and is kept when something in it fails."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.suite import __main__ as suite
from benchmarks.suite import output as outputs
from benchmarks.suite import programs as what_a_run_needs
from benchmarks.suite import rounds
from benchmarks.suite.command import run, together
from benchmarks.suite.entrants import Entrants
from benchmarks.suite.measure import FULL, Plan
from benchmarks.suite.output import Output
from benchmarks.suite.processes import Process
from benchmarks.suite.programs import Programs
from benchmarks.suite.progress import Steps
from benchmarks.suite.results import Control, Failure, Results, Round, Take, read, write
from cli.errors import CommandError
from tests.unit.benchmarks.test_results import take

NOWHERE = Path("nowhere")
PROGRAMS = Programs(NOWHERE, NOWHERE, NOWHERE, NOWHERE, NOWHERE, None, {}, {})
THREE = [CONTENDERS[name] for name in ("ours", "bare", "langgraph")]


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=300, force_terminal=False)


class Controls:
    """What the control runs find, one after the other."""

    def __init__(self, *rates: float) -> None:
        self._rates = list(rates)

    async def __call__(self, programs: Programs, steps: Steps) -> Control:
        return Control(events_per_second=self._rates.pop(0) if self._rates else 6000, spin_s=0.2)


async def three_rounds(
    monkeypatch: pytest.MonkeyPatch,
    console: Console,
    fails: Callable[[str, int], bool],
    *,
    controls: Sequence[float] = (),
    plan: Plan = FULL,
) -> tuple[list[Round], list[Failure], list[int]]:
    """Also how many rounds there were whenever they were kept. `fails`: a contender, and how often it was tried before."""
    tried: dict[str, int] = {}

    async def fake(programs: Programs, one: Contender, plan: Plan, say: Callable[[str], None]) -> Take:
        before = tried.setdefault(one.name, 0)
        tried[one.name] += 1
        if fails(one.name, before):
            raise CommandError(f"{one.name}: nothing came", hint="its log: [/run/redis.sock] [bold]")
        return take(one.name, 100)

    monkeypatch.setattr(rounds, "take", fake)
    monkeypatch.setattr(rounds, "control", Controls(*controls))
    steps = Steps(console, [])
    entrants = Entrants("rounds", THREE, {}, steps)
    seen: list[int] = []
    done = await rounds.run_rounds(
        PROGRAMS, entrants, plan, 3, steps, keep=lambda found: seen.append(len(found))
    )
    return done, entrants.failures, seen


def names(one: Round) -> set[str]:
    return {measured.contender for measured in one.takes}


async def test_who_fails_in_round_two_is_left_out_and_the_others_are_whole(
    monkeypatch: pytest.MonkeyPatch, console: Console
) -> None:
    done, failures, kept = await three_rounds(monkeypatch, console, lambda name, n: name == "bare" and n > 0)
    assert [names(one) for one in done] == [{"ours", "bare", "langgraph"}, *[{"ours", "langgraph"}] * 2]
    assert failures == [Failure(contender="bare", what="rounds: round 2 of 3", message="bare: nothing came")]
    assert kept == [1, 2, 3]
    told = console.export_text()
    assert "bare failed and is left out" in told
    assert "[/run/redis.sock] [bold]" in told


async def test_who_fails_once_is_measured_again(monkeypatch: pytest.MonkeyPatch, console: Console) -> None:
    done, failures, _ = await three_rounds(monkeypatch, console, lambda name, n: name == "bare" and n == 1)
    assert [len(one.takes) for one in done] == [3, 3, 3]
    assert failures == []


async def test_a_run_without_anybody_left_ends(monkeypatch: pytest.MonkeyPatch, console: Console) -> None:
    done, failures, _ = await three_rounds(monkeypatch, console, lambda _, n: True)
    assert len(failures) == 3
    assert done == []
    output = Output(None, "rounds", PROGRAMS, console)
    output.keep(done, failures)
    with pytest.raises(CommandError, match="nobody could be measured"):
        output.finish()


@pytest.mark.parametrize(("slow_s", "runs"), [(0, 4), (200, 3)])
async def test_a_disturbed_round_is_run_again_while_there_is_time(
    monkeypatch: pytest.MonkeyPatch, console: Console, slow_s: float, runs: int
) -> None:
    plan = Plan(slow_s=slow_s)
    done, _, _ = await three_rounds(
        monkeypatch, console, lambda _, n: False, controls=[6000, 4000], plan=plan
    )
    assert len(done) == runs
    assert sum(one.kept for one in done) == 3


def test_who_cannot_be_built_is_a_failure_and_ours_ends_the_command(console: Console) -> None:
    unbuilt = {"bare": CommandError("installing bare/requirements.lock failed", hint="see /tmp/x.log")}
    entrants = Entrants("kills", THREE, unbuilt, Steps(console, []))
    assert [one.name for one in entrants.standing] == ["ours", "langgraph"]
    assert entrants.failures[0].what == "kills: environment"
    entrants.require("ours")
    with pytest.raises(CommandError, match="bare failed: kills: environment"):
        entrants.require("bare")


async def test_an_environment_that_cannot_be_made_leaves_out_its_contender_alone(
    monkeypatch: pytest.MonkeyPatch, console: Console
) -> None:
    async def found(*_: object) -> Any:
        return SimpleNamespace(daprd=NOWHERE, placement=NOWHERE, scheduler=NOWHERE, redis_server=NOWHERE)

    async def outside(_: Console) -> Path:
        return NOWHERE

    async def made(one: Contender, _: Console) -> Path:
        if one.name == "bare":
            raise CommandError("no such wheel")
        return NOWHERE

    async def broken(_: Console) -> Path:
        raise CommandError("the Temporal server cannot be built")

    for name, stand_in in (
        ("provision", found), ("_outside", outside), ("environment", made), ("provide_temporal", broken),
    ):  # fmt: skip
        monkeypatch.setattr(what_a_run_needs, name, stand_in)
    there = await what_a_run_needs.programs([*THREE, CONTENDERS["temporal"]], console)
    assert there.pythons.keys() == {"ours", "langgraph"}
    assert there.unbuilt.keys() == {"bare", "temporal"}


async def test_foreign_text_is_no_markup(console: Console) -> None:
    steps = Steps(console, [1, 1])
    steps.start("[/x] step")
    steps.done("[/run/x.sock]")
    steps.note("[/red] a log")
    for text in ("[/x] step: [/run/x.sock]", "[/red] a log"):
        assert text in console.export_text(clear=False)


async def test_the_error_of_one_ends_all_and_comes_out_as_it_is() -> None:
    async def dies() -> None:
        raise CommandError("the sampler died")

    async def works() -> None:
        async with together() as group:
            group.create_task(dies())
            await asyncio.sleep(60)

    with pytest.raises(CommandError, match="the sampler died"):
        await works()


def started(folder: Path, code: str, **env: str) -> Process:
    return Process("child", [sys.executable, "-S", "-c", code], folder, env=env)


async def says(process: Process, text: str) -> bool:
    return text in process.last_words()


async def test_a_process_gets_what_it_is_given_and_no_settings_of_the_shell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in (
        "AGENTS_X", "DAPR_API_TOKEN", "OPENAI_API_KEY", "PYTHONDEVMODE", "OTEL_X", "LLM_PROVIDER", "HTTPS_PROXY",
    ):  # fmt: skip
        monkeypatch.setenv(name, "from the shell")
    process = started(
        tmp_path, "import os; print(sorted(os.environ), flush=True); import time; time.sleep(60)", GIVEN="1"
    )
    await process.ready(partial(says, process, "]"))
    told = process.last_words()
    await process.kill()
    assert "'GIVEN'" in told
    assert "'PATH'" in told
    assert "from the shell" not in told
    assert not [
        name for name in ("AGENTS_X", "DAPR_", "OPENAI_", "DEVMODE", "OTEL_", "LLM_", "PROXY") if name in told
    ]


async def test_an_ended_process_is_a_clear_error(tmp_path: Path) -> None:
    process = started(tmp_path, "print('last words', flush=True); import time; time.sleep(60)")
    await process.ready(partial(says, process, "last words"))
    assert process.rss_mb() > 0
    await process.kill()
    for asked in (process.cpu_ms, process.rss_mb):
        with pytest.raises(CommandError, match="child has ended") as raised:
            asked()
        assert "last words" in raised.value.hint
    assert "last words" in process.failure("did not answer").hint


def test_sigterm_ends_as_ctrl_c_does(capsys: pytest.CaptureFixture[str]) -> None:
    cleaned = []

    async def work(_: Console) -> None:
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append(True)

    with pytest.raises(SystemExit, match="interrupted; everything that was started is ended, and more"):
        run(work, interrupted=", and more")
    assert cleaned == [True]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "machine", lambda: {"cores": "2"})
    monkeypatch.setattr(outputs, "versions", lambda _: {"Dapr": "1"})


OLD = Failure(contender="bare", what="kills: app killed", message="gone")
ROUND = Round(
    before=Control(events_per_second=1, spin_s=1),
    after=Control(events_per_second=1, spin_s=1),
    drift=0,
    kept=True,
    takes=[take("ours", 300), take("bare", 100)],
)


def kept(path: Path, console: Console) -> Results:
    Output(path, "rounds", PROGRAMS, console).keep([ROUND], [])
    return read(path)


@pytest.mark.usefixtures("here")
def test_a_part_is_replaced_and_the_others_stay(tmp_path: Path, console: Console) -> None:
    path = tmp_path / "results.json"
    before = Results(machine={"cores": "2"}, versions={"Dapr": "1"}, made={"kills": "then"}, failures=[OLD])
    write(path, before)
    found = kept(path, console)
    assert found.rounds == [ROUND]
    assert found.made.keys() == {"kills", "rounds"}
    assert found.failures == [OLD]
    assert found.ratios["throughput_vs_bare"] == 3.0


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("there", "why"),
    [
        (Results(machine={"cores": "64"}, versions={"Dapr": "1"}, failures=[OLD]), "is of another machine"),
        (Results(machine={"cores": "2"}, versions={"Dapr": "0"}, failures=[OLD]), "with other versions"),
        (None, "of another version of the benchmarks"),
    ],
)
def test_figures_of_another_machine_or_version_are_dropped(
    tmp_path: Path, console: Console, there: Results | None, why: str
) -> None:
    path = tmp_path / "results.json"
    if there:
        write(path, there)
    else:
        path.write_text('{"what": "no longer exists"}')
    found = kept(path, console)
    assert (found.machine, found.versions, found.failures) == ({"cores": "2"}, {"Dapr": "1"}, [])
    assert why in console.export_text()


def parsed(monkeypatch: pytest.MonkeyPatch, line: str) -> Any:
    monkeypatch.setattr(sys, "argv", ["suite", *line.split()])
    return suite._arguments()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--rounds 0", "--rounds is 1 or more"),
        ("--rounds 2", "fewer than 3 rounds"),
        ("--rounds 2 --output benchmarks/results/latest.json", "fewer than 3 rounds"),
        ("faults --rounds 3", "faults has none"),
        ("soak --contenders bare", "soak is of ours alone"),
        ("--quick --output x.json", "--quick writes nothing"),
        ("--contenders nobody", "no such contender: nobody"),
    ],
)
def test_arguments_that_would_be_ignored_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    with pytest.raises(SystemExit):
        parsed(monkeypatch, line)
    assert said in capsys.readouterr().err


def test_a_contender_named_twice_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = parsed(monkeypatch, "--quick --rounds 1 --contenders bare,ours,bare")
    assert [one.name for one in arguments.contenders] == ["bare", "ours"]
