"""An export has every row and record of a customer, and no one else's; a search finds a value wherever it is."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pymongo import MongoClient
from typer.testing import CliRunner

from shoplake.cli.main import app
from shoplake.settings import Settings
from shoplake.sinks.lake.tables import open_catalog

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def customer(loaded_stack: Settings) -> tuple[str, str]:
    """Id and mail address of the customer with the most orders."""
    with psycopg.connect(loaded_stack.postgres.conninfo()) as connection:
        found = connection.execute(
            "SELECT customer_id, email FROM shop.customers JOIN shop.orders USING (customer_id)"
            " WHERE email LIKE '%@%' AND placed_at IS NOT NULL AND session_id IS NOT NULL"
            " GROUP BY 1, 2 ORDER BY count(*) DESC, 1 LIMIT 1"
        ).fetchone()
    assert found is not None
    return found


@pytest.fixture(scope="module")
def document(customer: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("export") / "customer.json"
    done = CliRunner().invoke(app, ["privacy", "export", customer[0], "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    again = CliRunner().invoke(app, ["privacy", "export", customer[0], "--out", str(out)])
    assert "already exists" in str(again.exception)
    return json.loads(out.read_bytes())


def test_an_export_has_the_rows_of_each_store(loaded_stack: Settings, customer: tuple[str, str], document: Any) -> None:
    rows = document["datasets"]
    with psycopg.connect(loaded_stack.postgres.conninfo()) as connection:
        for table in ("customers", "orders", "order_items", "payments", "shipments", "reviews"):
            (count,) = connection.execute(
                f"SELECT count(*) FROM shop.{table} WHERE customer_id = %s",
                [customer[0]],
            ).fetchone() or (None,)
            assert len(rows[f"postgres.{table}"]) == count, table
    assert len(rows["postgres.orders"]) > 0
    with MongoClient[dict[str, Any]](**loaded_stack.mongo.options()) as client:
        kept = client[loaded_stack.mongo.database]["customers"].find_one({"_id": customer[0]})
    assert kept is not None
    (profile,) = rows["mongodb.customers"]
    assert profile["profile.email"] == kept["profile"]["email"] == customer[1]
    assert {one["pk"] for one in rows["dynamodb.sessions"]} <= set(document["sessions"])
    assert {one["sk"] for one in rows["dynamodb.orders"]} == {one["order_id"] for one in rows["postgres.orders"]}


def test_an_export_has_the_records_of_the_log_that_the_lake_has(
    loaded_stack: Settings, customer: tuple[str, str], document: Any
) -> None:
    catalog = open_catalog(loaded_stack)
    for topic in ("customers", "orders", "reviews"):
        table = catalog.load_table((loaded_stack.lake.database, topic))
        held = table.scan(f"customer_id = '{customer[0]}'").to_arrow()
        places = zip(held.column("kafka_partition").to_pylist(), held.column("kafka_offset").to_pylist(), strict=True)
        in_lake = {f"{topic}-{partition}@{offset}" for partition, offset in places}
        in_log = {one["place"] for one in document["records"] if one["place"].startswith(f"{topic}-")}
        assert in_lake <= in_log
        assert in_lake or topic == "reviews"
        assert len(document["datasets"][f"lake.{topic}"]) == len(in_lake)
    sessions = set(document["sessions"])
    clicks = [one["value"] for one in document["records"] if one["place"].startswith("clicks-")]
    assert clicks
    assert all(one["session_id"] in sessions or one["customer_id"] == customer[0] for one in clicks)


def test_a_search_finds_a_mail_address_where_the_map_says_it_is(customer: tuple[str, str]) -> None:
    done = CliRunner().invoke(app, ["privacy", "search", customer[1], "--json"])
    assert done.exit_code == 0, done.output
    found = {one["where"] for one in json.loads(done.stdout)["occurrences"]}
    assert found >= {
        "kafka.customers",
        "postgres.customers.email",
        "mongodb.customers.profile.email",
        "lake.customers.email",
    }
    assert not [one for one in found if one.startswith("redis.")]
    short = CliRunner().invoke(app, ["privacy", "search", "ab"])
    assert "at least 3 characters" in str(short.exception)


def test_an_unknown_customer_and_a_store_that_is_down_are_errors(
    loaded_stack: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "nobody.json"
    unknown = CliRunner().invoke(app, ["privacy", "export", "nobody", "--out", str(out)])
    assert "nothing is held about a customer 'nobody'" in str(unknown.exception)
    assert not out.exists()
    away = loaded_stack.mongo.model_copy(update={"uri": "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300"})
    nowhere = loaded_stack.model_copy(update={"mongo": away})
    monkeypatch.setattr("shoplake.environments.connect", lambda *_: nowhere)
    down = CliRunner().invoke(app, ["privacy", "export", "nobody", "--out", str(out)])
    assert down.exit_code != 0
    assert "mongo did not answer" in str(down.exception)
    assert not out.exists()
