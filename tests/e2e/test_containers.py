"""All in containers: what `docker compose up -d --wait` brings and what it survives. Each test leaves it exact.

All of it is `large`: it builds the image. `test_servers_in_containers` has the servers in containers at every tier, and
the tests of faults do the same to the same programs without containers.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import localstack_client.session
import pytest

from .containers import Containers, containers, is_exact

pytestmark = [pytest.mark.stack, pytest.mark.large]

STORES = {"log", "lake", "postgres", "dynamodb", "mongo", "redis", "dead_letters"}
SINKS = ("sink-lake", "sink-postgres", "sink-dynamodb", "sink-mongo", "sink-redis", "dead-letters")
SERVERS = ("kafka", "postgres", "mongo", "valkey")
EVENTS = 6_000  # the first visits come after 4,700
PORTION = 1_000


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    project = f"shoplake-e2e-{secrets.token_hex(3)}"
    with containers(tmp_path_factory.mktemp("compose"), project, "localstack", "full") as running:
        yield running


@pytest.fixture
def fed(stack: Containers) -> Iterator[Containers]:
    """The stack with events coming in, a portion after the other, until the test is over.

    Where Kafka is away too long for a publisher, the next one goes on from where that stopped.
    """
    over = threading.Event()

    def feed() -> None:
        while not over.is_set():
            stack.try_to_publish(PORTION)

    with ThreadPoolExecutor(1) as pool:
        feeding = pool.submit(feed)
        try:
            yield stack
        finally:
            over.set()
        feeding.result()


def test_a_stack_seeds_and_verifies_itself_with_nothing_of_ours_on_the_host(stack: Containers) -> None:
    stack.shoplake("demo", "--events", str(EVENTS))
    stack.events = EVENTS

    found = stack.exact()

    assert found.keys() == STORES
    assert all(found[name]["found"] > 0 for name in STORES - {"dead_letters"})


def test_files_and_items_lie_in_localstack(stack: Containers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)  # of another stack; the client would take it before ours
    localstack = localstack_client.session.Session(localstack_host=f"127.0.0.1:{stack.port('localstack', 4566)}")
    tables = localstack.client("dynamodb").list_tables()["TableNames"]
    buckets = [bucket["Name"] for bucket in localstack.client("s3").list_buckets()["Buckets"]]
    (curated,) = (name for name in buckets if "curated" in name)
    files = localstack.client("s3").list_objects_v2(Bucket=curated, Prefix="warehouse/")["Contents"]

    assert any("orders" in name for name in tables)
    assert any(file["Key"].endswith(".parquet") for file in files)


def test_a_sink_that_is_killed_comes_back_by_itself(stack: Containers) -> None:
    stack.publish(EVENTS)
    for name in SINKS:
        stack.crash(name)
    stack.publish(EVENTS)

    stack.exact()

    assert all(stack.restarts(name) == 1 for name in SINKS)


def test_several_containers_share_the_partitions_of_a_sink(stack: Containers) -> None:
    stack.up("--scale", "sink-postgres=3")
    stack.publish(EVENTS)
    stack.exact()
    stack.up("--scale", "sink-postgres=1")
    stack.publish(EVENTS)
    stack.exact()


def test_every_server_and_every_sink_is_restarted_under_load(fed: Containers) -> None:
    for name in (*SERVERS, *SINKS):
        fed.run("restart", name)
        fed.healthy(name)


def test_nothing_was_lost_or_doubled_by_the_restarts(stack: Containers) -> None:
    stack.exact()


def test_an_emulator_that_came_back_empty_is_filled_again_from_the_log(stack: Containers) -> None:
    stack.run("restart", "localstack")
    stack.healthy("localstack")
    assert stack.shoplake("verify", "--stores", "lake", check=False).returncode != 0
    stack.run("restart", *SINKS)
    for name in SINKS:
        stack.healthy(name)  # none ends for want of settings: `up` refuses what Docker is about to start again

    stack.up()

    stack.exact()


def test_a_row_that_was_taken_away_is_missed(stack: Containers) -> None:
    stack.exact()
    stack.sql(
        "CREATE TABLE kept AS SELECT * FROM shop.customers LIMIT 1",
        "DELETE FROM shop.customers AS c USING kept AS k WHERE c.customer_id = k.customer_id",
    )

    found = stack.verified()

    assert found.pop("postgres")["lost"] == 1
    assert all(is_exact(store) for store in found.values())

    stack.sql("INSERT INTO shop.customers SELECT * FROM kept", "DROP TABLE kept")
    stack.exact()


def test_down_leaves_no_container_volume_or_network(stack: Containers) -> None:
    assert len(stack.left()) > len(SERVERS) + len(SINKS)

    stack.down()

    assert stack.left() == []
