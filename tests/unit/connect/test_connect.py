"""From a stack's addresses to what people type: pure, so no server runs here."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg.conninfo
import pytest
import redis
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from shoplake import environ
from shoplake.cli import connect as command
from shoplake.connect import access, clients, launch, output
from shoplake.connect.platform import Platform
from shoplake.errors import NotApplied, UnknownName, UsageError
from shoplake.settings import DynamoDBSettings, LakeSettings
from shoplake.stack import Connections

SECRETS = ("s3cret/of@postgres:?#", "s3cret of$'redis\"")
SERVERS = Connections(
    kafka_bootstrap_servers="127.0.0.1:29092",
    postgres_host="127.0.0.1",
    postgres_port=25432,
    postgres_database="shoplake",
    postgres_user="shoplake",
    postgres_password=SecretStr(SECRETS[0]),
    redis_host="127.0.0.1",
    redis_port=26379,
    redis_password=SecretStr(SECRETS[1]),
    mongo_uri="mongodb://127.0.0.1:27017",
    mongo_database="shoplake",
    aws_endpoint_url="http://127.0.0.1:24566",
)
AWS = {
    "AWS_ENDPOINT_URL": SERVERS.aws_endpoint_url,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}
TABLES = DynamoDBSettings(sessions_table="local-sessions", orders_table="local-orders", checkpoints_table="local-c")
LAKE = LakeSettings(bucket="local-curated", warehouse="s3://local-curated/warehouse", database="shop", catalog="glue")
APPLIED = Platform(SERVERS, AWS, TABLES, LAKE)
SQL_CATALOGUE = dataclasses.replace(APPLIED, lake=LAKE.model_copy(update={"catalog": "sql"}))
STORES = sorted(access.BY_STORE)


def of(store: str, platform: Platform = APPLIED) -> access.Access:
    return access.BY_STORE[store](platform)


def said(store: str, show_secrets: bool) -> str:
    """All that can be printed of a store."""
    one = of(store)
    formats = [how for how in output.FORMATS if how != "jdbc" or one.jdbc]
    lines = [*output.described(one, "shoplake", show_secrets), json.dumps(output.as_json([one], show_secrets))]
    return "\n".join([*lines, *(line for how in formats for line in output.formatted([one], how, show_secrets))])


@pytest.mark.parametrize("platform", [APPLIED, SQL_CATALOGUE], ids=["glue", "sql"])
@pytest.mark.parametrize("store", STORES)
def test_no_password_is_printed_unasked(store: str, platform: Platform) -> None:
    printed = unquote(said(store, show_secrets=False))
    assert not [secret for secret in SECRETS if secret in printed]


@pytest.mark.parametrize(("store", "secret"), [("postgres", SECRETS[0]), ("redis", SECRETS[1])])
def test_a_password_is_printed_on_request(store: str, secret: str) -> None:
    (described,) = [line for line in output.described(of(store), "x", True) if line.startswith("  password")]
    assert described.endswith(secret)
    assert output.as_json([of(store)], True)[store]["password"] == secret
    assert of(store).secret_url
    assert unquote(urlsplit(output.formatted([of(store)], "url", True)[0]).password or "") == secret


def test_libpq_reads_user_password_and_search_path_from_the_url() -> None:
    found = psycopg.conninfo.conninfo_to_dict(output.formatted([of("postgres")], "url", True)[0])
    assert found == {
        "host": "127.0.0.1",
        "port": "25432",
        "dbname": "shoplake",
        "user": "shoplake",
        "password": SECRETS[0],
        "options": "-csearch_path=shop,public",
    }


def test_redis_reads_its_password_from_the_url() -> None:
    pool = redis.ConnectionPool.from_url(of("redis").secrets["REDIS_URL"].get_secret_value())
    wanted = {"password": SECRETS[1], "host": "127.0.0.1", "port": 26379, "db": 0}
    assert wanted.items() <= {name: pool.connection_kwargs[name] for name in wanted}.items()


@given(st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",)), min_size=1))
def test_a_shell_reads_back_any_password(password: str) -> None:
    servers = dataclasses.replace(SERVERS, postgres_password=SecretStr(password))
    lines = output.formatted([access.postgres(Platform(servers, AWS))], "env", True)
    script = "\n".join([*lines, 'printf %s "$PGPASSWORD"'])
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True, timeout=10)
    assert done.stdout.decode() == password


def test_a_dotenv_file_has_the_same_variables(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("\n".join(output.formatted([of("postgres"), of("kafka")], "dotenv", False)), encoding="utf-8")
    assert dotenv_values(file) == {**of("postgres").variables, **of("kafka").variables}


def test_jdbc_names_the_schema_and_has_the_password_on_request() -> None:
    url = "jdbc:postgresql://127.0.0.1:25432/shoplake?user=shoplake&currentSchema=shop,public"
    assert output.formatted([of("postgres")], "jdbc", False) == [url]
    assert unquote(output.formatted([of("postgres")], "jdbc", True)[0]) == f"{url}&password={SECRETS[0]}"
    with pytest.raises(UsageError, match="JDBC"):
        output.formatted([of("redis")], "jdbc", False)


def test_a_user_and_a_password_of_mongo_are_kept_apart() -> None:
    servers = dataclasses.replace(SERVERS, mongo_uri="mongodb://me:pw@mongo:27017/?tls=true")
    one = access.mongo(Platform(servers, AWS))
    assert (one.user, one.url) == ("me", "mongodb://me@mongo:27017/shoplake?tls=true")
    assert one.secret_url
    assert one.secret_url.get_secret_value() == "mongodb://me:pw@mongo:27017/shoplake?tls=true"
    assert "MONGODB_URI" not in one.variables


@pytest.mark.parametrize("store", STORES)
def test_every_client_of_a_store_has_lines_and_a_name_of_its_own(store: str) -> None:
    known = clients.of(of(store))
    assert all(client.lines for client in known)
    assert len({client.name for client in known}) == len(known)


@pytest.mark.parametrize("store", STORES)
def test_python_for_a_notebook_compiles(store: str) -> None:
    for client in clients.of(of(store)):
        if client.kind == "python":
            compile("\n".join(client.lines), client.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("store", STORES)
def test_the_command_that_is_opened_holds_no_password(store: str) -> None:
    arguments = " ".join(part for client in clients.of(of(store)) for part in client.opens)
    assert not [secret for secret in SECRETS if secret in unquote(arguments)]


@pytest.mark.parametrize("store", ["dynamodb", "lake"])
def test_what_terraform_has_not_made_is_an_error_that_names_apply(store: str) -> None:
    with pytest.raises(NotApplied, match="apply local"):
        of(store, Platform(SERVERS, AWS))
    assert store not in [one.store for one in access.each(Platform(SERVERS, AWS))]


def test_an_unknown_format_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UnknownName, match="env, dotenv, jdbc, url"):
        output.format_named("yaml")


def program(folder: Path, name: str, script: str) -> None:
    folder.joinpath(name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    folder.joinpath(name).chmod(stat.S_IRWXU)


def test_the_first_client_that_is_installed_is_opened(tmp_path: Path) -> None:
    program(tmp_path, "valkey-cli", "exit 0")
    assert launch.chosen(of("redis"), str(tmp_path)).name == "valkey-cli"
    program(tmp_path, "redis-cli", "exit 0")
    assert launch.chosen(of("redis"), str(tmp_path)).name == "redis-cli"


def test_a_missing_client_is_an_error_that_names_where_to_get_it_and_what_else_there_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        launch.chosen(of("postgres"), str(tmp_path))
    assert "psql" in raised.value.message
    assert "apt install postgresql-client" in raised.value.fix
    assert "notebook (psycopg)" in raised.value.fix


def test_a_client_gets_the_password_and_nothing_that_leads_elsewhere() -> None:
    caller = {"HOME": "/home/a", "AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "old", "PGHOST": "b", "PGHOSTADDR": "::2"}
    for store in ("postgres", "dynamodb"):
        found = launch.environment(of(store), caller)
        assert found["HOME"] == "/home/a"
        assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "PGHOSTADDR"} & found.keys()
    found = launch.environment(of("postgres"), caller)
    assert (found["PGHOST"], found["PGPASSWORD"]) == ("127.0.0.1", SECRETS[0])


def test_opening_replaces_the_process_by_the_client(tmp_path: Path) -> None:
    program(tmp_path, "psql", 'echo "$$ $# $PGPASSWORD $PGOPTIONS"')
    script = (
        "import os; from shoplake.connect import launch;"
        "from tests.unit.connect.test_connect import of;"
        "print(os.getpid(), flush=True); launch.start(of('postgres'))"
    )
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PATH": path},
    )
    before, after = done.stdout.splitlines()
    assert after == f"{before} 0 {SECRETS[0]} -csearch_path=shop,public"


def test_the_variables_of_all_stores_are_those_that_our_own_commands_drop_or_set_themselves() -> None:
    kept = {name for name in access.variables(APPLIED) if not environ.foreign(name) and not name.startswith("AWS_")}
    assert kept == {"DATABASE_URL"}  # no library of ours reads it


def test_the_table_of_all_stores_fits_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    command._print_table(access.each(APPLIED))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(STORES) + 3  # a heading, a rule, a hint, and no folded line
    assert all(len(line) <= 80 for line in lines)
