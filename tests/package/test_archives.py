"""What the wheels and source archives hold."""

from __future__ import annotations

import email
import re
import subprocess
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

from shoplake.paths import project_root


def files_of(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def metadata_of(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def tracked(folder: str) -> set[str]:
    """Files of the checkout that git knows, or would know after `git add`."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", folder]
    listed = subprocess.run(command, cwd=project_root(), check=True, capture_output=True, text=True).stdout
    return {name for name in listed.splitlines() if (project_root() / name).is_file()}


def test_no_file_belongs_to_both_wheels(archives: dict[str, Path]) -> None:
    assert not files_of(archives["shoplake"]) & files_of(archives["shopsim"])


def test_together_they_have_all_of_the_source(archives: dict[str, Path]) -> None:
    source = {name.removeprefix("src/") for name in tracked("src")}
    source |= {name.removeprefix("generators/") for name in tracked("generators/shopsim")}
    assert source <= files_of(archives["shoplake"]) | files_of(archives["shopsim"])


def test_the_wheel_has_the_files_that_commands_read(archives: dict[str, Path]) -> None:
    read = {f"shoplake/files/{name}" for name in tracked("terraform") if "/tests/" not in name}
    read |= {"shoplake/files/docker-compose.yml", "shoplake/files/docker/draw-secrets"}
    read |= {
        f"shoplake/files/{name}" for folder in ("localstack", "warehouse", "workflows") for name in tracked(folder)
    }
    carried = {name for name in files_of(archives["shoplake"]) if name.startswith("shoplake/files/")}
    assert carried == read


def test_an_archive_has_what_git_knows_and_nothing_that_lies_around(archives: dict[str, Path]) -> None:
    for name, folder in (("shoplake", ""), ("shopsim", "generators/")):
        with tarfile.open(archives[f"{name}.tar.gz"]) as archive:
            found = {one.name.partition("/")[2] for one in archive.getmembers() if one.isfile()} - {"PKG-INFO"}
        known = tracked(".")
        stray = {f for f in found if f"{folder}{f}" not in known and f"src/{f}" not in known and f not in known}
        assert not stray, name
        assert {"pyproject.toml", "LICENSE", "README.md"} <= found


def test_the_metadata_say_what_it_is_and_where_its_pages_are(archives: dict[str, Path]) -> None:
    for name in ("shoplake", "shopsim"):
        found = metadata_of(archives[name])
        urls = dict(line.split(", ") for line in found.get_all("Project-URL", []))
        assert {"Documentation", "Source", "Issues", "Changelog"} <= urls.keys()
        assert found["Keywords"]
        assert found["Author"]
        assert "Typing :: Typed" in found.get_all("Classifier", [])


def test_a_release_needs_its_own_simulator_and_the_names_that_its_events_are_drawn_from(
    archives: dict[str, Path],
) -> None:
    platform, simulator = metadata_of(archives["shoplake"]), metadata_of(archives["shopsim"])
    assert platform["Version"] == simulator["Version"]
    assert f"shopsim=={simulator['Version']}" in platform.get_all("Requires-Dist", [])
    (faker,) = (line for line in simulator.get_all("Requires-Dist", []) if line.startswith("faker"))
    assert faker.startswith("faker==")


def test_every_link_of_the_description_is_an_address(archives: dict[str, Path]) -> None:
    for name in ("shoplake", "shopsim"):
        text = str(metadata_of(archives[name]).get_payload())
        links = re.findall(r"\]\(([^)]+)\)", text)
        assert links
        assert not [link for link in links if not link.startswith("https://")]
