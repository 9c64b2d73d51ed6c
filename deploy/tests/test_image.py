"""The chart and the Dockerfile agree: what the chart asks of the image is what the image is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from cli.local.manifest import read_manifest
from deploy.declared import ROOT
from deploy.image.base import USER
from deploy.tests.kinds import container_of, environment_of, of_kind, pod_of
from deploy.verify.chart import Document

LAST_STAGE = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]


def test_the_user_of_the_pods_is_the_user_of_the_image(objects: list[Document]) -> None:
    assert _instruction("USER") == f"{USER}:{USER}"
    for deployment in of_kind(objects, "Deployment"):
        security = pod_of(deployment)["spec"]["securityContext"]
        assert (security["runAsUser"], security["runAsGroup"]) == (USER, USER)


def test_the_entry_point_and_the_pods_argument_are_the_command_of_the_manifest(
    rendered: Callable[..., list[Document]],
) -> None:
    entrypoint = json.loads(_instruction("ENTRYPOINT"))
    commands = {app.app_id: list(app.command) for app in read_manifest(ROOT / "dapr.yaml")}
    for deployment in of_kind(rendered("prod"), "Deployment"):
        container = container_of(deployment)
        assert "command" not in container
        _, *module_and_agent = commands[deployment["metadata"]["name"]]
        assert [*entrypoint[1:], *container["args"]] == module_and_agent


def test_the_port_that_the_probes_ask_is_the_one_that_the_image_names(objects: list[Document]) -> None:
    for deployment in of_kind(objects, "Deployment"):
        assert container_of(deployment)["ports"][0]["containerPort"] == int(_instruction("EXPOSE"))
        assert environment_of(deployment)["APP_PORT"] == _instruction("EXPOSE")


def test_no_volume_hides_what_the_image_holds(objects: list[Document]) -> None:
    held = [
        _instruction("WORKDIR"),
        *re.findall(r"^COPY .* (/\S+)$", LAST_STAGE, re.MULTILINE),
        "/opt/libraries",
        "/usr",
    ]
    for deployment in of_kind(objects, "Deployment"):
        for mount in container_of(deployment)["volumeMounts"]:
            place = mount["mountPath"].rstrip("/") + "/"
            assert not [path for path in held if f"{path}/".startswith(place) or place.startswith(f"{path}/")]


def test_what_is_written_goes_to_the_one_volume_that_can_be_written(objects: list[Document]) -> None:
    for deployment in of_kind(objects, "Deployment"):
        volumes = {volume["name"]: volume for volume in pod_of(deployment)["spec"]["volumes"]}
        mounts = container_of(deployment)["volumeMounts"]
        assert [mount["mountPath"] for mount in mounts if "emptyDir" in volumes[mount["name"]]] == ["/tmp"]  # noqa: S108
        assert environment_of(deployment)["XDG_CACHE_HOME"].startswith("/tmp/")  # noqa: S108


def _instruction(name: str) -> str:
    (value,) = re.findall(rf"^{name} (.+)$", LAST_STAGE, re.MULTILINE)
    return str(value)
