"""What docker-compose.yml grants its containers, also with docker/offline.yml, as Compose itself reads the files."""

from __future__ import annotations

import json
import os
import re
import subprocess
from functools import cache
from typing import Any

import pytest

from shoplake import paths
from shoplake.stack.docker import bytes_of

PROFILES = ("localstack", "ministack", "full", "small", "load", "tools")
ONE_SHOT = {"secrets", "apply", "migrate", "shoplake"}
EMULATORS = {"localstack", "ministack"}
SECRET = re.compile(r"password|passwd|secret|token|private|credential", re.IGNORECASE)
FILES = (("docker-compose.yml",), ("docker-compose.yml", "docker/offline.yml"))
PINNED = re.compile(r"^(?:[\w.\-/]+):[\w.\-]+$")


@cache
def configuration(files: tuple[str, ...] = FILES[0]) -> dict[str, Any]:
    root = paths.project_root()
    options = [option for file in files for option in ("-f", str(root / file))]
    options += [option for profile in PROFILES for option in ("--profile", profile)]
    done = subprocess.run(
        ["docker", "compose", *options, "config", "--format", "json"],
        env=os.environ | {"TF_PLUGIN_MIRROR": "/opt/terraform/providers"},
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
        timeout=60,
    )
    assert done.stderr == "", "Compose has something to say against the file"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def services() -> list[str]:
    return sorted(re.findall(r"^  ([a-z-]+):(?: \{| *$)", _services_section(), re.MULTILINE))


def _services_section() -> str:
    text = (paths.project_root() / "docker-compose.yml").read_text()
    return text.split("\nservices:\n")[1].split("\nvolumes:\n")[0]


@pytest.fixture(params=FILES, ids=["alone", "offline"])
def files(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return request.param


@pytest.fixture(params=services())
def service(request: pytest.FixtureRequest, files: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = configuration(files)["services"][request.param]
    return {"name": request.param} | found


def test_every_service_of_the_files_is_looked_at(files: tuple[str, ...]) -> None:
    assert services() == sorted(configuration(files)["services"])


def test_every_compose_file_of_the_project_is_looked_at() -> None:
    root = paths.project_root()
    found = {
        path for pattern in ("*.yml", "*.yaml") for folder in (root, root / "docker") for path in folder.glob(pattern)
    }
    composed = {
        str(path.relative_to(root)) for path in found if re.search(r"^services:", path.read_text(), re.MULTILINE)
    }
    assert composed == {name for names in FILES for name in names}


def test_the_root_filesystem_is_read_only(service: dict[str, Any]) -> None:
    assert service["read_only"] is True


def test_no_capability_is_left_and_none_can_be_gained(service: dict[str, Any]) -> None:
    assert service["cap_drop"] == ["ALL"]
    assert not service.get("cap_add")
    assert not service.get("privileged")
    assert "no-new-privileges:true" in service["security_opt"]


def test_it_runs_as_nobody_in_particular(service: dict[str, Any]) -> None:
    uid, _, gid = service["user"].partition(":")
    assert int(uid) > 0
    assert int(gid) > 0


def test_memory_processors_and_processes_are_limited_and_memory_reserved(service: dict[str, Any]) -> None:
    resources = service["deploy"]["resources"]
    assert int(resources["limits"]["memory"]) <= 1536 * 1024**2
    assert 0 < float(resources["limits"]["cpus"]) <= 2
    assert 0 < int(resources["limits"]["pids"]) <= 400
    assert int(resources["reservations"]["memory"]) > 0


def test_its_log_cannot_fill_the_disk(service: dict[str, Any]) -> None:
    assert service["logging"]["driver"] == "json-file"
    assert {"max-size", "max-file"} <= service["logging"]["options"].keys()


def test_somebody_reaps_its_children(service: dict[str, Any]) -> None:
    assert service["init"] is True


def test_it_comes_back_unless_it_is_to_end(service: dict[str, Any]) -> None:
    assert service["restart"] == ("no" if service["name"] in ONE_SHOT else "unless-stopped")


def test_its_health_is_asked_for_unless_it_ends(service: dict[str, Any]) -> None:
    check = service["healthcheck"]
    if service["name"] in ONE_SHOT | {"generator"}:
        assert check == {"disable": True}
    else:
        assert check["retries"] > 1
        # An open port proves nothing: a check sends a request in the protocol of its service, and reads the answer.
        command = " ".join(check["test"])
        assert not re.search(r"\bnc\b", command)
        assert "/dev/tcp" not in command or (">&3" in command and "<&3" in command)


def test_no_secret_is_in_the_environment(service: dict[str, Any]) -> None:
    for name, value in (service.get("environment") or {}).items():
        if SECRET.search(name):
            assert name.endswith("_FILE"), name
            assert str(value).startswith("/run/shoplake/")


def test_only_loopback_is_published_and_no_privileged_port(service: dict[str, Any]) -> None:
    for port in service.get("ports") or []:
        assert port["host_ip"] == "127.0.0.1"
        assert int(port["published"]) >= 1024


def test_it_shares_no_namespace_and_no_device_with_the_host(service: dict[str, Any]) -> None:
    for namespace in ("network_mode", "pid", "ipc", "uts", "userns_mode", "cgroup"):
        assert service.get(namespace) != "host"
    assert not service.get("devices")
    assert not [option for option in service["security_opt"] if "unconfined" in option]


def test_the_image_is_pinned(service: dict[str, Any]) -> None:
    assert PINNED.match(service["image"])
    assert not service["image"].endswith(":latest")


def test_only_what_the_host_must_reach_or_must_reach_out_is_on_the_edge(service: dict[str, Any]) -> None:
    on_edge = "edge" in (service.get("networks") or {})
    fetches = service["name"] in {"apply", "shoplake"}  # Terraform and its provider
    assert on_edge == (bool(service.get("ports")) or fetches)


def test_it_waits_for_what_it_needs_to_be_well_and_not_only_there(service: dict[str, Any]) -> None:
    for needed in (service.get("depends_on") or {}).values():
        assert needed["condition"] in {"service_healthy", "service_completed_successfully"}


def test_nothing_of_the_host_is_mounted_but_files_to_read(service: dict[str, Any]) -> None:
    for volume in service.get("volumes") or []:
        if volume["type"] == "bind":
            assert volume["read_only"] is True
            assert "docker.sock" not in volume["source"]


def test_the_passwords_are_mounted_only_where_they_are_used(files: tuple[str, ...]) -> None:
    with_secrets = {
        name
        for name, one in configuration(files)["services"].items()
        if any(volume["source"] == "secrets" for volume in one.get("volumes") or [])
    }
    assert not with_secrets & {"kafka", "mongo", "localstack", "ministack"}


def test_the_inner_network_has_no_way_out(files: tuple[str, ...]) -> None:
    assert configuration(files)["networks"]["data"]["internal"] is True


@pytest.mark.parametrize(
    ("profiles", "most_gb"), [({"localstack", "full"}, 8), ({"ministack", "small"}, 5)], ids=["default", "small"]
)
def test_the_limits_of_a_profile_stay_within_bounds(profiles: set[str], most_gb: int) -> None:
    limits = [
        int(one["deploy"]["resources"]["limits"]["memory"])
        for name, one in configuration()["services"].items()
        if name not in ONE_SHOT and (not one.get("profiles") or set(one["profiles"]) & profiles)
    ]
    assert sum(limits) <= most_gb * 1024**3


def test_the_image_installs_by_copy_as_nobody_and_says_how_it_is() -> None:
    """What the CIS benchmark asks of a Dockerfile."""
    text = (paths.project_root() / "docker" / "Dockerfile").read_text()
    final = text.rpartition("\nFROM ")[2]

    assert "\nADD " not in text
    assert "apt-get" not in text
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", final, re.MULTILINE)
    assert not SECRET.search("".join(line for line in text.splitlines() if line.startswith(("ENV", "ARG"))))


def test_sizes_are_read_as_docker_prints_them() -> None:
    assert bytes_of("12.5MiB / 1GiB") == int(12.5 * 1024**2)
    assert bytes_of("1.2GB") == 1_200_000_000
