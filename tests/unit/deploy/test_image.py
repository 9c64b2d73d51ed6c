"""The parts of building and proving the image that need no other program."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from cli.errors import CommandError
from deploy.declared import ROOT
from deploy.image.base import USER, is_kept, write_base
from deploy.image.container import container_of
from deploy.image.debian import Package, fetch, mirrors, read_lock
from deploy.image.layout import files, read_layout
from deploy.image.places import LOCK
from deploy.image.proofs import bytecode_says_no_time, nothing_to_misuse, small
from deploy.image.sbom import component, installed

HASH = hashlib.sha256(b"a package").hexdigest()
PACKAGE = Package("zlib1g", "1:1.3-1", "debian/pool/main/z/zlib/zlib1g_1.3-1_amd64.deb", HASH)


def test_the_lock_names_a_hash_for_every_package() -> None:
    lock = read_lock(LOCK)
    assert {"libc6", "python3.13-minimal", "ca-certificates"} <= {package.name for package in lock.image}
    assert [package.name for package in lock.build] == ["python3-pip"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "# date: 20260101T000000Z\n[image]\nlibc6 2.41 path\n",
            "debian.lock:3: must be: name version path sha256",
        ),
        ("# date: 20260101T000000Z\nlibc6\n", "debian.lock:2: a package stands below [image] or [build]"),
        ("[image]\n", "debian.lock:1: there is no line `# date: YYYYMMDDTHHMMSSZ`"),
    ],
)
def test_a_wrong_line_of_the_lock_is_named(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "debian.lock"
    path.write_text(text)
    with pytest.raises(CommandError) as wrong:
        read_lock(path)
    assert (wrong.value.message, wrong.value.hint) == (why, "make image-lock writes such lines")


def test_a_mirror_that_keeps_every_version_is_asked_for_that_of_the_locks_date() -> None:
    (mirror,) = mirrors({"DEBIAN_MIRROR": "https://example.com/{archive}/{date}"})
    address = "https://example.com/debian/20260101T000000Z/pool/main/z/zlib/zlib1g_1.3-1_amd64.deb"
    assert PACKAGE.address(mirror, "20260101T000000Z") == address


def test_mirrors_are_asked_in_the_order_in_which_they_are_named() -> None:
    named = {"DEBIAN_MIRROR": "https://one.example/{archive} https://two.example/{archive}"}
    assert mirrors(named) == ["https://one.example/{archive}", "https://two.example/{archive}"]


def test_a_package_that_is_there_with_the_right_hash_is_not_fetched_again(tmp_path: Path) -> None:
    (tmp_path / PACKAGE.file_name).write_bytes(b"a package")
    assert fetch([PACKAGE], "20260101T000000Z", tmp_path) == [tmp_path / PACKAGE.file_name]


@pytest.mark.parametrize(
    "name",
    [
        "lib64",
        "usr/bin/python3",
        "usr/bin/python3.13",
        "usr/lib/python3.13/ssl.py",
        "usr/lib/x86_64-linux-gnu/libc.so.6",
        "usr/share/doc/libc6/copyright",
        "usr/share/zoneinfo/Europe/Berlin",
    ],
)
def test_the_interpreter_its_libraries_and_licences_are_kept(name: str) -> None:
    assert is_kept(name)


@pytest.mark.parametrize(
    "name",
    [
        "usr/bin/dash",
        "usr/bin/py3compile",
        "usr/sbin/update-ca-certificates",
        "usr/share/doc/libc6/changelog.Debian.gz",
        "usr/share/man/man1/python3.1.gz",
        "usr/lib/python3.13/lib-dynload/readline.cpython-313-x86_64-linux-gnu.so",
        "usr/lib/x86_64-linux-gnu/gconv/UTF-32.so",
    ],
)
def test_shells_scripts_and_documentation_are_left_out(name: str) -> None:
    assert not is_kept(name)


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb makes the package")
def test_the_same_packages_give_the_same_bytes_whenever_they_were_packed(tmp_path: Path) -> None:
    written = []
    for moment in (1_000_000_000, 1_700_000_000):
        package = tmp_path / str(moment) / "certificates_1_all.deb"
        _package(
            package,
            moment,
            {"usr/bin/sh": "x", "usr/lib/a": "b", "usr/share/ca-certificates/mozilla/One.crt": "ONE\n"},
        )
        write_base([package], package.with_suffix(".tar"))
        written.append(package.with_suffix(".tar").read_bytes())
    assert written[0] == written[1]
    with tarfile.open(fileobj=io.BytesIO(written[0])) as tar:
        held = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        assert sorted(held) == [
            "etc/group",
            "etc/passwd",
            "etc/ssl/certs/ca-certificates.crt",
            "usr/lib/a",
            "var/lib/dpkg/status.d/certificates",
        ]
        bundle = held["etc/ssl/certs/ca-certificates.crt"]
        assert bundle is not None
        assert bundle.read() == b"ONE\n"


def test_files_are_those_of_the_last_layer_that_has_them_without_those_it_takes_away(tmp_path: Path) -> None:
    image = read_layout(
        _layout(tmp_path, [{"etc/a": 0o644, "etc/b/c": 0o644}, {"etc/a": 0o600, "etc/.wh.b": 0o644}])
    )
    assert {name: member.mode for name, member in files(image).items()} == {"etc/a": 0o600}


def test_an_image_without_anything_to_misuse_passes(tmp_path: Path) -> None:
    image = read_layout(_layout(tmp_path, [{"usr/bin/python3": 0o755, "app/main.py": 0o644}]))
    assert nothing_to_misuse(image) == "2 files, all of root; the programs are usr/bin/python3; user 65532"


@pytest.mark.parametrize(
    ("name", "mode", "why"),
    [
        ("usr/bin/sh", 0o755, "/usr/bin/sh is a program"),
        ("app/raised", 0o4755, "/app/raised runs as another user"),
        ("app/open", 0o666, "/app/open may be written by everyone"),
    ],
)
def test_what_could_be_misused_is_named(tmp_path: Path, name: str, mode: int, why: str) -> None:
    with pytest.raises(CommandError) as wrong:
        nothing_to_misuse(read_layout(_layout(tmp_path, [{name: mode}])))
    assert wrong.value.message == why


def test_an_image_of_root_does_not_pass(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="the user is None"):
        nothing_to_misuse(read_layout(_layout(tmp_path, [{"app/main.py": 0o644}], user=None)))


def test_bytecode_that_says_a_time_is_named(tmp_path: Path) -> None:
    by_hash, by_time = b"\xf3\r\r\n\1\0\0\0", b"\xf3\r\r\n\0\0\0\0"
    member = {"app/__pycache__/main.cpython-313.pyc": 0o644}
    assert (
        bytecode_says_no_time(read_layout(_layout(tmp_path / "one", [member], content=by_hash))) == "1 files"
    )
    with pytest.raises(CommandError, match=r"/app/__pycache__/main\.cpython-313\.pyc"):
        bytecode_says_no_time(read_layout(_layout(tmp_path / "other", [member], content=by_time)))


def test_the_size_is_what_is_pulled(tmp_path: Path) -> None:
    assert small(read_layout(_layout(tmp_path, [{"app/main.py": 0o644}]))) == "0.0 MB to pull, 1 layers"


def test_the_bill_of_materials_has_the_locks_entries_of_what_is_installed(tmp_path: Path) -> None:
    folder = _layout(
        tmp_path,
        [{"opt/libraries/Foo_Bar-1.0.dist-info/METADATA": 0o644}],
        content=b"Name: Foo_Bar\nVersion: 1.0\n",
    )
    lock = "baz==2.0 \\\n    --hash=sha256:bb\n    # via x\nfoo-bar==1.0 ; python_version > '3' \\\n    --hash=sha256:aa \\\n    --hash=sha256:ab\n"
    assert installed(read_layout(folder), lock) == "foo-bar==1.0 --hash=sha256:aa --hash=sha256:ab\n"
    with pytest.raises(CommandError, match=r"the image holds foo-bar 1\.0, requirements\.lock 1\.1"):
        installed(read_layout(folder), "foo-bar==1.1 \\\n    --hash=sha256:aa\n")


def test_debians_packages_are_named_as_scanners_look_for_them() -> None:
    assert component(PACKAGE) == {
        "bom-ref": "debian-zlib1g",
        "type": "library",
        "name": "zlib1g",
        "version": "1:1.3-1",
        "purl": "pkg:deb/debian/zlib1g@1%3A1.3-1?arch=amd64&distro=debian-13",
        "hashes": [{"alg": "SHA-256", "content": HASH}],
    }


def test_a_container_gets_what_the_pod_says() -> None:
    container = container_of(_deployment(read_only=True), [_CONFIG_MAP], APP_PORT="9")
    assert container.args == ("agents.devops:AGENT",)
    assert container.user == (65532, 65532)
    assert container.env == {"APP_PORT": "9", "TOKEN": "from-a-secret"}
    assert container.writable == ("/tmp",)
    assert container.files == {"/etc/keys/keys.yaml": "keys: []"}


def test_a_pod_that_asks_for_less_than_the_proof_is_about_is_refused() -> None:
    with pytest.raises(CommandError, match="read-only root"):
        container_of(_deployment(read_only=False), [_CONFIG_MAP])


def test_the_dockerfile_starts_from_nothing_and_installs_by_hash() -> None:
    text = (ROOT / "Dockerfile").read_text()
    stages = [line.split()[1] for line in text.splitlines() if line.startswith("FROM ")]
    assert stages == ["scratch", "python", "python", "libraries"]
    assert text.count("--require-hashes") == 1
    assert "--requirement=requirements.lock" in text


_CONFIG_MAP = {"kind": "ConfigMap", "metadata": {"name": "no-keys"}, "data": {"keys.yaml": "keys: []"}}


def _deployment(*, read_only: bool) -> dict[str, object]:
    container = {
        "args": ["agents.devops:AGENT"],
        "env": [{"name": "APP_PORT", "value": "8080"}, {"name": "TOKEN", "valueFrom": {"secretKeyRef": {}}}],
        "securityContext": {"readOnlyRootFilesystem": read_only, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, {"name": "keys", "mountPath": "/etc/keys"}],
    }
    pod = {
        "containers": [container],
        "securityContext": {"runAsUser": 65532, "runAsGroup": 65532},
        "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "keys", "configMap": {"name": "no-keys"}}],
    }
    return {"kind": "Deployment", "metadata": {"name": "devops"}, "spec": {"template": {"spec": pod}}}


def _package(target: Path, moment: int, files: dict[str, str]) -> None:
    """A package of Debian, made at that moment."""
    source = target.parent / "source"
    for name, text in {**files, "DEBIAN/control": _CONTROL}.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (moment, moment))
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--build", source, target],
        check=True,
        capture_output=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(moment)},
    )


_CONTROL = "Package: certificates\nVersion: 1\nArchitecture: all\nMaintainer: nobody <a@example.com>\nDescription: two files\n"


def _layout(
    folder: Path, layers: list[dict[str, int]], *, user: str | None = f"{USER}:{USER}", content: bytes = b""
) -> Path:
    """An OCI layout with files of these modes."""
    (folder / "blobs/sha256").mkdir(parents=True)
    made = [_blob(folder, _tar(files, content)) for files in layers]
    config = {
        "config": {"User": user} if user else {},
        "rootfs": {"diff_ids": [layer["digest"] for layer in made]},
    }
    manifest = {"config": _blob(folder, json.dumps(config).encode()), "layers": made}
    index = {"manifests": [_blob(folder, json.dumps(manifest).encode())]}
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def _tar(files: dict[str, int], content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, mode in files.items():
            member = tarfile.TarInfo(name)
            member.mode, member.size = mode, len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _blob(folder: Path, content: bytes) -> dict[str, object]:
    digest = hashlib.sha256(content).hexdigest()
    (folder / "blobs/sha256" / digest).write_bytes(content)
    return {"digest": f"sha256:{digest}", "size": len(content)}
