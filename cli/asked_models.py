"""The models that commands ask themselves, without an agent: those of the file that AGENTS_MODELS names, else of the environment."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.instance import Instance
from cli.nearest import nearest
from domain.errors import ModelsInvalid
from infrastructure.llm.catalogue.file import load_catalogue
from infrastructure.llm.catalogue.schema import DEFAULT
from infrastructure.llm.clients.endpoint import Endpoint, endpoint_from, endpoint_of
from infrastructure.llm.clients.settings import Client, ModelSettings


@dataclass(frozen=True)
class AskedModel:
    """`name` is what its server calls it; `ollama` is the server's address, where it is an Ollama."""

    provider: str
    name: str
    endpoint: Endpoint
    client: Client
    ollama: str | None


def asked_model(instance: Instance, name: str | None) -> AskedModel:
    """The model of that name in the file, or another of the environment's provider; without a name what `default` asks, or the
    environment's. The variables are those of the environment and of the project's `.env`.
    """
    settings = _settings(instance.root)
    if (
        instance.offset and "ollama_host" not in settings.model_fields_set
    ):  # a second copy has an Ollama of its own
        settings = settings.model_copy(update={"ollama_host": f"http://127.0.0.1:{11434 + instance.offset}"})
    if file := instance.environment.get("AGENTS_MODELS"):
        return _of_the_file(instance, file, name, settings.agents_model_client)
    if name:
        settings = settings.with_model(name)
    ollama = settings.ollama_host if settings.llm_provider == "ollama" else None
    return AskedModel(
        settings.llm_provider,
        settings.model_name,
        endpoint_from(settings),
        settings.agents_model_client,
        ollama,
    )


def _settings(root: Path) -> ModelSettings:
    try:
        return ModelSettings(_env_file=root / ".env")
    except ValidationError as error:
        problems = "; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors())
        raise CommandError(
            f"the model's settings are wrong: {problems}",
            hint="`agents doctor --settings` explains them",
            code=ExitCode.INVALID,
        ) from None


def _of_the_file(instance: Instance, file: str, name: str | None, client: Client) -> AskedModel:
    try:
        catalogue = load_catalogue(instance.root / file, instance.environment)
    except ModelsInvalid as error:
        raise CommandError(error.message, hint="docs/models.md explains it", code=ExitCode.INVALID) from None
    name = name or catalogue.tasks[DEFAULT].model
    named = catalogue.models.get(name)
    if named is None:
        raise CommandError(
            f"{file} names no model {name!r}",
            hint=nearest(name, catalogue.models),
            code=ExitCode.NOT_FOUND,
        )
    endpoint = endpoint_of(named, name, file, instance.environment)
    ollama = named.url if named.provider == "ollama" else None
    return AskedModel(named.provider, named.wire_name, endpoint, client, ollama)
