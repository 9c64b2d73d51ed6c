"""A database of the user's own: what leads to it has to be set, and its documents are not ours to keep or drop."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.local.elsewhere import documents_elsewhere, require_variables
from cli.local.instance import Instance
from cli.local.resources import read_resources, write_shifted

ROOT = Path(__file__).parents[3]
COMPONENTS = ROOT / "components" / "postgres"


def on(components: str, **environment: str) -> Instance:
    return Instance(ROOT, ROOT / ".run", 0, {"AGENTS_COMPONENTS": components, **environment})


@pytest.mark.parametrize("given", [{}, {"AGENTS_POSTGRES": ""}])
def test_a_start_without_the_connection_string_names_it_and_its_file(given: dict[str, str]) -> None:
    with pytest.raises(CommandError) as error:
        require_variables(on("postgres", **given))
    assert error.value.message == (
        f"AGENTS_POSTGRES is not set\n  {COMPONENTS / 'statestore.yaml'}: agents-statestore needs AGENTS_POSTGRES"
    )
    assert error.value.hint is not None
    assert ".env" in error.value.hint


def test_with_it_nothing_is_missing() -> None:
    require_variables(on("postgres", AGENTS_POSTGRES="host=db"))


@pytest.mark.parametrize("components", ["redis", "azure-stand-ins"])
def test_the_other_components_need_none(components: str) -> None:
    require_variables(on(components))


def test_of_the_local_ones_only_postgres_has_documents_elsewhere() -> None:
    found = [documents_elsewhere(on(name)) for name in ("redis", "azure-stand-ins", "postgres")]
    assert found == [None, None, "PostgreSQL"]


def test_a_shifted_copy_still_takes_the_connection_string_from_its_variable(tmp_path: Path) -> None:
    write_shifted(COMPONENTS, tmp_path, 1000)
    (store,) = [one for one in read_resources(tmp_path) if one.name == "agents-statestore"]
    assert store.variables == ["AGENTS_POSTGRES"]
    assert store.metadata["connectionString"] is None
