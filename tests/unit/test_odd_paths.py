"""Folders whose names hold what some program takes for something else."""

from __future__ import annotations

import glob
import os
from pathlib import Path

import duckdb
import polars as pl
import pytest
from alembic.config import Config

from shoplake import paths
from shoplake.errors import ServerFailed
from shoplake.infra import provider_mirror, workspace
from shoplake.sinks.postgres import migrate as postgres_schema
from shoplake.stack.postgres import refuse_shell_characters
from shoplake.stack.servers import Place
from shoplake.stack.state import State
from shoplake.stack.valkey import ValkeyServer
from shoplake.verify.database import file_name, parquet_of

NAMES = [
    "a space",
    "a'quote",
    'a"double',
    "100%sure",
    "%(here)s",
    "[1-3]",
    "a*b?",
    "Käse-ü",
    "${x}",
    "back\\slash",
    "x" * 100,
]


@pytest.mark.parametrize("name", NAMES)
def test_duckdb_reads_the_files_of_a_folder_whatever_its_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    pl.DataFrame({"n": [1, 2]}).write_parquet(folder / "one.parquet")
    (folder / "one.csv").write_text("7\n")

    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT count(*) FROM read_parquet({parquet_of(folder)})").fetchall()
        cells = connection.execute(
            "SELECT * FROM read_csv(?, header=false)", [file_name(folder / "one.csv")]
        ).fetchall()

    assert (rows, cells) == ([(2,)], [(7,)])


@pytest.mark.parametrize("name", NAMES)
def test_migrations_are_found_in_a_checkout_whatever_its_name(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []

    def upgrade(config: Config, revision: str) -> None:
        seen.append(config.get_main_option("script_location"))

    monkeypatch.setattr(postgres_schema.command, "upgrade", upgrade)
    monkeypatch.setattr(postgres_schema, "__file__", str(tmp_path / name / "migrate.py"))

    postgres_schema.migrate(postgres_schema.URL.create("postgresql"))

    assert seen == [str(tmp_path / name / "migrations")]


def test_terraforms_sockets_lie_in_a_folder_with_a_short_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths.tempfile, "tempdir", str(tmp_path / ("x" * 100)))

    found = workspace.process_environment({})["TMPDIR"]

    assert len(os.fsencode(found)) <= paths.LONGEST_SOCKET_FOLDER
    assert os.access(found, os.W_OK)


def test_without_a_home_folder_downloads_are_the_stacks_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "TF_CLI_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path))
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as for a user id that the system does not know

    assert paths.cache() == tmp_path / "cache"
    provider_mirror.find("terraform")
    assert isinstance(provider_mirror.cli_config("terraform"), str)


@pytest.mark.parametrize("name", NAMES)
def test_valkey_is_given_its_configuration_whatever_the_homes_name(tmp_path: Path, name: str) -> None:
    """Its own search for the file: glob(3), where the name has one of its characters."""
    home = tmp_path / name
    state = State(ports={"valkey": 1}, passwords={"valkey": "x"}, cluster_id="c")
    place = Place(home, "valkey", state)
    ValkeyServer().prepare(place)

    given = str(ValkeyServer().command(place)[1])

    found = glob.glob(given) if glob.has_magic(given) else [given]  # noqa: PTH207 - as Valkey does
    assert found == [str(place.run / "valkey.conf")]


@pytest.mark.parametrize("character", ['"', "$", "`", "\\"])
def test_an_installation_that_initdb_cannot_start_from_is_refused_by_name(character: str) -> None:
    with pytest.raises(ServerFailed) as refused:
        refuse_shell_characters(Path(f"/somewhere/a{character}b/bin/initdb"))

    assert f"path that contains {character}: /somewhere/a{character}b/bin" in str(refused.value)
    assert "another folder" in str(refused.value)


def test_other_odd_installations_are_left_to_initdb() -> None:
    refuse_shell_characters(Path("/it's 100% [odd] {ö}/bin/initdb"))
