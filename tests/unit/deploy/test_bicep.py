"""What is said of Bicep that its compiler would refuse. What needs Azure's type data is in deploy/tests/test_bicep.py."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.declared import ROOT
from deploy.verify.bicep.azure import catalog
from deploy.verify.bicep.project import FOLDER, problems
from tests.support.broken_bicep import Broken, broken_in


@pytest.fixture
def broken(tmp_path: Path) -> Broken:
    return broken_in(tmp_path)


def said_of(folder: Path, main: str, **modules: str) -> list[str]:
    (folder / "modules").mkdir()
    (folder / "main.bicep").write_text(main)
    for name, text in modules.items():
        (folder / "modules" / f"{name}.bicep").write_text(text)
    return [said.partition(f"{folder.name}/")[2] for said in problems(folder)]


def test_nothing_is_wrong_with_what_is_here() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "deploy.verify.bicep"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    nodesPrefix: nodesPrefix\n", "", "network.params.nodesPrefix is missing"),
        (
            "    nodesPrefix: nodesPrefix\n",
            "    nodesPrefix: nodesPrefix\n    nodesPrefx: 'x'\n",
            "network.params: there is no nodesPrefx; did you mean nodesPrefix?",
        ),
        (
            "retentionDays: logRetentionDays",
            "retentionDays: '30'",
            "monitoring.params.retentionDays is '30', and int is needed",
        ),
        ("oidcIssuer: aks.", "oidcIssuer: akss.", "nothing is declared as akss; did you mean aks?"),
        (
            "name: 'kv-${unique}'",
            "name: 'kv-${uniqu}'",
            "nothing is declared as uniqu; did you mean unique?",
        ),
        (
            "aks.outputs.oidcIssuer",
            "aks.outputs.issuer",
            "outputs of modules/aks.bicep: there is no issuer; did you mean oidcIssuer?",
        ),
        (
            "serviceBus!.outputs.names",
            "serviceBus.outputs.names",
            ".outputs of what may be missing: it depends on a condition; write !",
        ),
        (
            "agents[index].outputs.principalId",
            "agents.outputs.principalId",
            ".outputs of agents[], which has nothing of its own",
        ),
        (
            "agent.value.subscribes",
            "agent.value.subscribe",
            "{target, publishes, subscribes}: there is no subscribe; did you mean subscribes?",
        ),
        (
            "files/declared.yaml",
            "files/declare.yaml",
            "there is no file ../helm/agents/files/declare.yaml beside",
        ),
        ("'modules/redis.bicep'", "'modules/reddis.bicep'", "there is no file modules/reddis.bicep beside"),
        ("param redisSku", "param other int = 1\nparam redisSku", "other is used nowhere"),
        ("var onAzure = ", "var onAzure = onAzure && ", "onAzure waits for itself"),
        ("var onAzure = ", "var name = 'x'\nvar onAzure = ", "name is declared twice"),
        ("if (onAzure)", "if (components)", "a condition is 'azure' | 'redis', and bool is needed"),
        ("if (onAzure)", "if (aks.outputs.oidcIssuer == '')", "has to be known before the deployment starts"),
        ("take(uniqueString", "tak(uniqueString", "has no function tak; did you mean take?"),
        ("replace(unique, '-', '')", "replace(unique, '-')", "replace() is given 2 arguments, and takes 3"),
        ("components == 'azure'", "components == azure", "nothing is declared as azure"),
        ("@allowed(['dev'", "@alowed(['dev'", "there is no @alowed; did you mean @allowed?"),
        (
            "output host string = host",
            "output host string = budget.amount",
            "host is int, and string is needed",
        ),
        ("param host string", "param host strin", "'strin' is no type that this check knows"),
        ("name: 'network'\n", "name: 'network\n", "this string has no end on its line"),
        ("params: {\n    location", "params: [\n    location", "':' is not understood here"),
        ("items(loadYaml", "(items, loadYaml", "')' is expected here, not ','"),
    ],
)
def test_a_mistake_in_the_main_file_is_named(broken: Broken, old: str, new: str, said: str) -> None:
    found = broken("main.bicep", old, new)
    assert any(each.startswith("main.bicep:") and said in each for each in found), found


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (
            "modules/keyvault.bicep",
            "output name",
            "output other string = vault.id\noutput name",
            "nobody reads the output other",
        ),
        (
            "modules/registry.bicep",
            "guid(registry.id, pullerId",
            "guid(registry.properties.loginServer, pullerId",
            "its name has to be known before the deployment starts, and registry.properties is not",
        ),
        (
            "modules/aks.bicep",
            "network::nodesSubnet.id, name",
            "network::nodeSubnet.id, name",
            "network has no resource nodeSubnet in it",
        ),
        (
            "secret.bicep",
            "parent: existingVault",
            "parent: vaults",
            "nothing is declared as vaults; did you mean",
        ),
        (
            "parameters/prod.bicepparam",
            "param host = ",
            "param hosts = ",
            "param: there is no hosts; did you mean host?",
        ),
        (
            "parameters/staging.bicepparam",
            "'staging'",
            "'stage'",
            "param.environmentName is 'stage', and 'dev' | 'staging' | 'prod' is needed",
        ),
        (
            "parameters/dev.bicepparam",
            "param nodes = {\n  size: 'Standard_D4s_v5'\n  min: 1\n",
            "param nodes = {\n  size: 'Standard_D4s_v5'\n",
            "param.nodes.min is missing",
        ),
        (
            "parameters/dev.bicepparam",
            "using '../main.bicep'",
            "using '../mian.bicep'",
            "`using` names the Bicep file that the parameters are for",
        ),
    ],
)
def test_a_mistake_elsewhere_is_named_with_its_line(
    broken: Broken, name: str, old: str, new: str, said: str
) -> None:
    before, _, _ = (ROOT / FOLDER / name).read_text().partition(old)
    line = before.count("\n") + 1
    found = broken(name, old, new)
    assert any(each.startswith(f"{name}:{line}: {said}") for each in found), found


def test_a_parameter_that_a_file_does_not_give_is_missed_where_the_file_says_whose_it_is(
    broken: Broken,
) -> None:
    name = "parameters/prod.bicepparam"
    before, _, _ = (ROOT / FOLDER / name).read_text().partition("using ")
    assert f"{name}:{before.count(chr(10)) + 1}: param.host is missing" in broken(
        name, "param host = ", "param hosts = "
    )


def test_one_region_is_prod_without_its_lists_of_regions() -> None:
    def given(name: str) -> dict[str, str]:
        text = (ROOT / FOLDER / "parameters" / f"{name}.bicepparam").read_text()
        return dict(re.findall(r"^param (\w+) = ((?:.|\n)*?)(?=\n\S|\n*\Z)", text, re.MULTILINE))

    one, prod = given("one-region"), given("prod")
    regions = ("serviceBusRegions", "cosmosRegions", "openAiRegions")
    assert prod.keys() - one.keys() == set(regions)
    assert one == {name: value for name, value in prod.items() if name not in regions}
    main = (ROOT / FOLDER / "main.bicep").read_text()
    for name in regions:
        assert f"param {name} string[] = [location]\n" in main


def test_what_a_loop_gives_is_known_inside_and_outside(tmp_path: Path) -> None:
    said = said_of(
        tmp_path,
        "param regions string[]\n"
        "module one 'modules/one.bicep' = [for (region, index) in regions: {\n"
        "  params: { size: region, number: index }\n"
        "}]\n"
        "output sizes array = [for (region, index) in regions: one[index].outputs.size]\n"
        "output last string = one[regions].outputs.size\n",
        one="param size int\nparam number int\noutput size string = '${size + number}'\n",
    )
    assert said == [
        "main.bicep:3: one.params.size is string, and int is needed",
        "main.bicep:6: a list is asked by number, and this is string[]",
    ]


def test_functions_in_arguments_know_what_they_are_given(tmp_path: Path) -> None:
    said = said_of(
        tmp_path,
        "param agents {\n  name: string\n  topics: string[]\n}[]\n"
        "output all string[] = flatten(map(agents, agent => map(agent.topics, topic => '${agent.name}/${topic}')))\n"
        "output wrong string[] = flatten(map(agents, agent => map(agent.topics, topic => agent.nam)))\n",
    )
    assert len(said) == 1
    assert said[0].startswith("main.bicep:6: {name, topics}: there is no nam; did you mean name?")


def test_the_operators_bind_as_in_bicep(tmp_path: Path) -> None:
    said = said_of(
        tmp_path,
        "param a bool\nparam b int?\n"
        "output x string = a || 1 + 2 * 3 > -1 && !a ? 'yes' : '${-1 + 2 * 3}'\n"
        "output y int = b ?? 7\noutput z int = b\n",
    )
    assert said == ["main.bicep:5: z is int | null, and int is needed"]


def test_a_module_that_nobody_uses_is_told_of(tmp_path: Path) -> None:
    assert said_of(tmp_path, "output x int = 1\n", one="") == [
        "modules/one.bicep:1: no file uses this module"
    ]


VAULT = [
    {
        "$type": "Resource",
        "name": "Example.Vault/vaults@2025-01-01",
        "bodyType": {
            "$type": "Object",
            "name": "Example.Vault/vaults",
            "properties": [
                {"name": "location", "type": "string", "flags": "Required"},
                {"name": "properties", "type": "VaultProperties", "flags": "Required"},
                {"name": "etag", "type": "string", "flags": "ReadOnly"},
            ],
        },
    },
    {
        "$type": "Object",
        "name": "VaultProperties",
        "properties": [
            {"name": "access", "type": "Enabled | Disabled"},
            {"name": "rules", "type": "Rule[]"},
            {"name": "uri", "type": "string", "flags": "ReadOnly"},
            {"name": "backup", "type": "Backup"},
        ],
    },
    {"$type": "Object", "name": "Rule", "properties": [{"name": "days", "type": "int", "flags": "Required"}]},
    {
        "$type": "DiscriminatedObject",
        "name": "Backup",
        "discriminator": "kind",
        "baseProperties": [{"name": "note", "type": "string"}],
        "elements": [
            {
                "$type": "Object",
                "name": "Daily",
                "properties": [
                    {"name": "kind", "type": "Daily", "flags": "Required"},
                    {"name": "hour", "type": "int", "flags": "Required"},
                ],
            }
        ],
    },
]
"""In the form in which the type data is given out."""


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ("access: 'Enabled'\n rules: [{ days: 1 }]\n backup: { kind: 'Daily', hour: 3, note: 'x' }", None),
        ("acess: 'Enabled'", "4: vault.properties: there is no acess; did you mean access?"),
        ("access: 'On'", "4: vault.properties.access is 'On', and 'Enabled' | 'Disabled' | null is needed"),
        ("access: null", None),
        ("uri: 'x'", "4: vault.properties.uri is read-only"),
        ("rules: [{ days: '1' }]", "4: vault.properties.rules[0].days is '1', and int is needed"),
        ("rules: [{}]", "4: vault.properties.rules[0].days is missing"),
        ("rules: { days: 1 }", "4: vault.properties.rules is {days}, and Rule[] | null is needed"),
        ("rules: [for day in [1, 2]: { day: day }]", "4: vault.properties.rules[].days is missing"),
        ("backup: { kind: 'Hourly' }", "4: vault.properties.backup.kind has to be one of Daily"),
        ("backup: { kind: 'Daily' }", "4: vault.properties.backup.hour is missing"),
        ("'${vault.id}': 'x'", "4: vault.properties: there is no such a name"),
    ],
)
def test_a_resource_is_held_to_its_type(tmp_path: Path, properties: str, said: str | None) -> None:
    (tmp_path / "main.bicep").write_text(
        "resource vault 'Example.Vault/vaults@2025-01-01' = {\n name: 'v'\n properties: {\n"
        f" {properties}\n }}\n location: 'here'\n}}\noutput uri string = vault.properties.uri\n"
    )
    found = [
        each.partition("main.bicep:")[2]
        for each in problems(tmp_path, catalog({"Example.Vault/vaults": VAULT}))
    ]
    if said is None:
        assert found == []
    else:
        assert said in found


def test_a_type_or_version_that_the_data_does_not_have_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "main.bicep").write_text(
        "resource a 'Example.Vault/vaults@2024-01-01' = { name: 'a' }\n"
        "resource b 'Example.Vault/valts@2025-01-01' = { name: 'b' }\n"
        "resource c 'Example.Vault/keys@2025-01-01' = { name: 'c', anything: 1 }\n"
    )
    answers = {
        "Example.Vault/vaults": VAULT,
        "Example.Vault/valts": "Resource type Example.Vault/valts not found.",
        "Example.Vault/keys": "Resource type Example.Vault/keys with apiVersion 2025-01-01 not supported.",
    }
    found = [each.partition("main.bicep:")[2] for each in problems(tmp_path, catalog(answers))]
    assert found == [
        "1: Example.Vault/vaults@2024-01-01: the type data is of 2025-01-01; use that version, or what is written is not checked",
        "2: Example.Vault/valts is no resource type of Azure",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe", "main.bicep:1: is not UTF-8"),
        (
            b"var x = " + b"(" * 3_000 + b"1" + b")" * 3_000,
            "main.bicep:1: something in it is nested too deeply",
        ),
        (b"var x = " + b"1+" * 5_000 + b"1", "an expression in it has too many parts"),
    ],
)
def test_a_file_that_nobody_could_read_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "main.bicep").write_bytes(content)
    (problem,) = problems(tmp_path)
    assert said in problem


def test_a_folder_without_its_main_file_is_named(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path)
    assert problem.endswith("main.bicep:1: cannot be read: No such file or directory")
