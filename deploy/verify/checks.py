"""The proofs that need programs only: each returns what it looked at, or raises CommandError with what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cli.errors import CommandError
from deploy.declared import CHART, ROOT, files
from deploy.verify import alerts
from deploy.verify.bicep.azure import catalog, undescribed
from deploy.verify.bicep.project import FOLDER, problems
from deploy.verify.chart import ENVIRONMENTS, documents, lint, template
from deploy.verify.schemas import NEWEST, OLDEST

OVERLAYS = Path("deploy/gitops")


def nothing_drifted() -> str:
    folder = ROOT / CHART / "files"
    made = files(ROOT)
    drifted = [name for name, content in made.items() if (folder / name).read_bytes() != content]
    if drifted:
        raise CommandError(
            f"{', '.join(drifted)} in {CHART}/files: not what the repository declares",
            hint="to mend it: python -m deploy.declared",
        )
    return f"{len(made)} files"


def lint_is_silent(helm: Path) -> str:
    for environment in ENVIRONMENTS:
        lint(helm, environment)
    return ", ".join(ENVIRONMENTS)


def fits_schemas(helm: Path, kubeconform: Path, schemas: Path) -> str:
    counted = []
    for environment in ENVIRONMENTS:
        manifests = template(helm, environment)
        _conform(kubeconform, schemas, manifests)
        counted.append(f"{len(documents(manifests))} objects of {environment}")
    return f"{', '.join(counted)}, Kubernetes {OLDEST} and {NEWEST}"


def overlays_build(helm: Path, kustomize: Path, kubeconform: Path, schemas: Path) -> str:
    """Each overlay over what the chart renders for it, in a copy: what is rendered is not kept here."""
    built = []
    for source in sorted((ROOT / OVERLAYS).glob("*/kustomization.yaml")):
        environment = source.parent.name
        with tempfile.TemporaryDirectory() as folder:
            overlay = Path(folder) / environment
            shutil.copytree(source.parent, overlay)
            (overlay / "agents.yaml").write_text(template(helm, environment))
            manifests = _run([kustomize, "build", overlay])
        _conform(kubeconform, schemas, manifests)
        built.append(f"{len(documents(manifests))} objects of {environment}")
    return ", ".join(built)


def bicep_fits(types: Path) -> str:
    answers = json.loads(types.read_text())
    if found := problems(ROOT / FOLDER, catalog(answers)):
        raise CommandError("\n".join(found))
    blank = undescribed(answers)
    return f"{len(answers) - len(blank)} types of resources; of {len(blank)} it only knows that they exist"


def alerts_fire(helm: Path, promtool: Path) -> str:
    groups = alerts.groups_of(documents(template(helm, "prod")))
    alerts.are_read(promtool, groups)
    alerts.hold(promtool, groups, tests := alerts.cases())
    return f"{len(alerts.rules_of(groups))} alerts, {len(tests)} cases"


def policies_hold(helm: Path, promtool: Path, types: Path) -> str:
    said = _run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--no-header",
            "-p",
            "no:cacheprovider",
            ROOT / "deploy" / "tests",
        ],
        {
            "AGENTS_VERIFY_HELM": str(helm),
            "AGENTS_VERIFY_PROMTOOL": str(promtool),
            "AGENTS_VERIFY_AZURE_TYPES": str(types),
        },
    )
    return said.strip().splitlines()[-1].strip("= ")


def _conform(kubeconform: Path, schemas: Path, manifests: str) -> None:
    for version in (OLDEST, NEWEST):
        locations = (
            f"{schemas}/{version}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json",
            f"{schemas}/custom/{{{{ .Group }}}}/{{{{ .ResourceKind }}}}_{{{{ .ResourceAPIVersion }}}}.json",
        )
        options = [part for location in locations for part in ("-schema-location", location)]
        _run([kubeconform, "-strict", "-summary", *options], stdin=manifests)


def _run(argv: Sequence[str | Path], env: dict[str, str] | None = None, stdin: str | None = None) -> str:
    ran = subprocess.run(
        [str(part) for part in argv],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        input=stdin,
        env={**os.environ, **(env or {})},
    )
    if ran.returncode != 0:
        raise CommandError(f"{Path(argv[0]).name}: {(ran.stdout + ran.stderr).strip()}")
    return ran.stdout
