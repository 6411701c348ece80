"""Migrations of the relational store, on a real Postgres, in a database of their own."""

from __future__ import annotations

import asyncio
import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, make_url

from shoplake.settings import PostgresSettings
from shoplake.sinks.postgres import migrate as postgres_schema
from shoplake.sinks.postgres.event_columns import TABLES
from shoplake.sinks.postgres.model import METADATA, SCHEMA
from shoplake.sinks.postgres.sink import PostgresSink
from shoplake.stack import Connections

pytestmark = pytest.mark.stack
MIGRATIONS = Path(postgres_schema.__file__).parent / "migrations"
ROWS = 50
ADVISORY_LOCK = 7_466_752  # of migrations/env.py, which only Alembic can import


def alembic(url: URL, folder: Path = MIGRATIONS) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.attributes["url"] = url
    return config


REVISIONS = [
    script.revision
    for script in reversed(list(ScriptDirectory.from_config(alembic(make_url("x://"))).walk_revisions()))
]


@pytest.fixture
def url(stack: Connections) -> Iterator[URL]:
    """An empty database."""
    settings = PostgresSettings(
        host=stack.postgres_host,
        port=stack.postgres_port,
        database=stack.postgres_database,
        user=stack.postgres_user,
        password=stack.postgres_password,
    )
    with psycopg.connect(settings.conninfo(), autocommit=True) as master:
        master.execute("CREATE DATABASE migrations")
        yield settings.model_copy(update={"database": "migrations"}).url()
        master.execute("DROP DATABASE migrations WITH (FORCE)")


@pytest.fixture
def engine(url: URL) -> Iterator[sa.Engine]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    yield engine
    engine.dispose()


VALUES: dict[type[Any], Callable[[int], Any]] = {
    str: lambda n: f"text {n} 'quoted' é",
    int: lambda n: n,
    bool: lambda n: n % 2 == 0,
    datetime: lambda n: datetime.fromtimestamp(1_718_000_000 + n, UTC),
}


def fill(engine: sa.Engine) -> None:
    """Rows in every table that has none, each column with a value."""
    found = sa.MetaData(schema=SCHEMA)
    found.reflect(engine)
    with engine.begin() as connection:
        for table in found.tables.values():
            if table.name == "alembic_version" or connection.scalar(sa.select(sa.func.count()).select_from(table)):
                continue
            values = {column.name: VALUES[column.type.python_type] for column in table.columns}
            rows = [{name: value(n) for name, value in values.items()} for n in range(1, ROWS + 1)]
            connection.execute(sa.insert(table), rows)


def contents(engine: sa.Engine) -> dict[str, dict[str, list[Any]]]:
    """Table → column → its values, in the order of the key."""
    found = sa.MetaData(schema=SCHEMA)
    found.reflect(engine)
    with engine.connect() as connection:
        return {
            table.name: {
                column.name: list(connection.scalars(sa.select(column).order_by(*table.primary_key.columns)))
                for column in table.columns
            }
            for table in found.tables.values()
            if table.name != "alembic_version"
        }


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_migration_runs_up_down_and_up_and_keeps_rows(revision: str, url: URL, engine: sa.Engine) -> None:
    before = REVISIONS[REVISIONS.index(revision) - 1] if revision != REVISIONS[0] else "base"
    command.upgrade(alembic(url), before)
    fill(engine)
    older = contents(engine)

    command.upgrade(alembic(url), revision)
    kept = contents(engine)
    for table, columns in older.items():
        for column, values in columns.items():
            assert kept[table][column] == values
    fill(engine)

    command.downgrade(alembic(url), before)
    assert contents(engine) == older
    command.upgrade(alembic(url), revision)
    again = contents(engine)
    assert {name: set(columns) for name, columns in again.items()} == {name: set(c) for name, c in kept.items()}
    for table, columns in older.items():
        for column, values in columns.items():
            assert again[table][column] == values


def test_migrations_produce_the_tables_of_the_model(url: URL, engine: sa.Engine) -> None:
    command.upgrade(alembic(url), "head")
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, _: name == SCHEMA if kind == "schema" else name != "alembic_version",
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        assert compare_metadata(context, METADATA) == []


def test_a_column_missing_from_the_model_is_found(url: URL, engine: sa.Engine) -> None:
    command.upgrade(alembic(url), "head")
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE shop.orders ADD COLUMN gift boolean"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_schemas": True})
        found = [each for each in compare_metadata(context, METADATA) if each[0] == "remove_column"]
    assert [each[3].name for each in found] == ["gift"]


def test_the_sink_writes_exactly_the_columns_of_the_model() -> None:
    for table in TABLES:
        assert set(table.columns) == {column.name for column in METADATA.tables[f"{SCHEMA}.{table.name}"].columns}


def test_concurrent_migrations_wait_for_each_other(url: URL, engine: sa.Engine) -> None:
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        for done in [pool.submit(postgres_schema.migrate, url) for _ in range(2)]:
            done.result(timeout=120)
    assert "orders" in contents(engine)


async def test_no_migration_begins_beside_one_that_a_time_out_has_left_at_work(stack: Connections, url: URL) -> None:
    """A thread cannot be stopped: of several that wait for the lock, each would migrate."""
    settings = PostgresSettings(
        host=stack.postgres_host,
        port=stack.postgres_port,
        database=str(url.database),
        user=stack.postgres_user,
        password=stack.postgres_password,
    )
    sink = PostgresSink(settings)
    with psycopg.connect(settings.conninfo(), autocommit=True, application_name="holder") as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(4):
                    await sink.prepare()
        migrating = holder.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = ''", [url.database]
        ).fetchone()
        assert migrating == (1,)
    await sink.prepare()
    assert await sink.checkpoints([]) == {}
    await sink.close()


def test_an_index_can_be_built_without_stopping_writers(url: URL, engine: sa.Engine, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9999_index.py").write_text(
        f"""
from alembic import op
revision, down_revision = "9999", "{REVISIONS[-1]}"
def upgrade():
    with op.get_context().autocommit_block():
        op.create_index("payments_order_id", "payments", ["order_id"], schema="shop", postgresql_concurrently=True)
"""
    )
    command.upgrade(alembic(url), "head")
    fill(engine)
    with engine.connect() as writer, writer.begin() as writing, ThreadPoolExecutor(1) as pool:
        # An index built the usual way would wait for this writer until its lock's time-out, and fail.
        writer.execute(sa.text("UPDATE shop.payments SET status = 'seen'"))
        built = pool.submit(command.upgrade, alembic(url, folder), "head")
        with engine.begin() as other:
            other.execute(
                sa.text("INSERT INTO shop.payments (payment_id, customer_id) VALUES ('while it is built', 'c')")
            )
        writing.commit()
        built.result(timeout=60)
    with engine.connect() as connection:
        names = {index["name"] for index in sa.inspect(connection).get_indexes("payments", schema=SCHEMA)}
    assert "payments_order_id" in names
