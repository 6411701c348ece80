"""The embedded servers themselves: one stack of this file's own, with the session's as its neighbour."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import aiokafka
import psycopg
import pymongo
import pytest
import redis
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis.backoff import NoBackoff
from redis.retry import Retry

from shoplake import aws
from shoplake import stack as embedded
from shoplake.errors import PortTaken, ServerFailed, StackNotRunning
from shoplake.stack import Connections, process
from shoplake.stack.postgres import _drop_lock_of_the_dead
from shoplake.stack.state import load

pytestmark = pytest.mark.stack

RSS_LIMIT_BYTES = 1_500_000_000
LISTENING, LOOPBACKS = "0A", {"0100007F", "0000000000000000FFFF00000100007F"}
UP = [sys.executable, "-c", "from shoplake import stack; stack.up()"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("other") / "home"
    yield home
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPLAKE_HOME", str(home))
        embedded.purge()


@pytest.fixture
def home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of this file's stack, which may be up or down."""
    monkeypatch.setenv("SHOPLAKE_HOME", str(folder))
    return folder


@pytest.fixture
def running(home: Path, monkeypatch: pytest.MonkeyPatch) -> Connections:
    """This file's stack, up."""
    embedded.up()
    for name, value in embedded.environment().items():
        monkeypatch.setenv(name, value)
    return embedded.connections()


def pids(home: Path) -> dict[str, int]:
    found = {path.parent.name: process.find(path) for path in (home / "run").glob("*/pid")}
    return {name: each.pid for name, each in found.items() if each}


def listeners(among: set[int]) -> list[tuple[str, int]]:
    """(address, port) of every TCP socket that these processes listen on."""
    inodes = {
        link.readlink().name.removeprefix("socket:[").removesuffix("]")
        for pid in among
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.readlink().name.startswith("socket:[")
    }
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    ends = [row[1].split(":") for row in rows if row[3] == LISTENING and row[9] in inodes]
    return [(address, int(port, 16)) for address, port in ends]


def eventually(condition: Callable[[], bool], timeout_s: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def postgres(connections: Connections, password: str | None = None) -> psycopg.Connection:
    return psycopg.connect(
        host=connections.postgres_host,
        port=connections.postgres_port,
        dbname=connections.postgres_database,
        user=connections.postgres_user,
        password=password or connections.postgres_password.get_secret_value(),
        autocommit=True,
    )


def valkey(connections: Connections) -> redis.Redis:
    password = connections.redis_password.get_secret_value()
    return redis.Redis(connections.redis_host, connections.redis_port, password=password)


async def test_every_server_works_as_soon_as_up_returns(running: Connections) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=running.kafka_bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic("kept", 2, 1)])
    await admin.close()
    servers = running.kafka_bootstrap_servers
    async with aiokafka.AIOKafkaProducer(bootstrap_servers=servers, transactional_id="test") as producer:
        await producer.begin_transaction()
        await producer.send_and_wait("kept", b"event", partition=1)
        await producer.commit_transaction()
    with postgres(running) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    valkey(running).set("kept", "board")
    pymongo.MongoClient(running.mongo_uri)[running.mongo_database].kept.insert_one({"_id": 7})
    aws.client("s3").create_bucket(Bucket="kept")
    aws.client("s3").put_object(Bucket="kept", Key="a/b", Body=b"object")
    aws.client("ssm").put_parameter(Name="/kept", Value="parameter", Type="String")
    aws.client("glue").create_database(DatabaseInput={"Name": "kept"})
    aws.client("dynamodb").create_table(
        TableName="kept",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    aws.client("dynamodb").put_item(TableName="kept", Item={"k": {"S": "a"}, "n": {"N": "7"}})


async def test_data_survives_down_and_up(running: Connections) -> None:
    embedded.down()
    embedded.up()
    async with aiokafka.AIOKafkaConsumer(
        "kept",
        bootstrap_servers=running.kafka_bootstrap_servers,
        group_id="test",
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    ) as consumer:
        assert (await consumer.getone()).value == b"event"
    with postgres(running) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    assert valkey(running).get("kept") == b"board"
    assert pymongo.MongoClient(running.mongo_uri)[running.mongo_database].kept.find_one() == {"_id": 7}
    assert_the_emulator_kept_its_state()


def test_the_emulator_survives_a_kill(running: Connections, home: Path) -> None:
    snapshot = home / "data" / "ministack" / "state" / "dynamodb.json"
    before = snapshot.stat().st_mtime_ns
    aws.client("dynamodb").put_item(TableName="kept", Item={"k": {"S": "late"}})
    eventually(lambda: snapshot.stat().st_mtime_ns > before)
    kill(home, "ministack")
    embedded.up()
    assert_the_emulator_kept_its_state()
    assert "Item" in aws.client("dynamodb").get_item(TableName="kept", Key={"k": {"S": "late"}})


def assert_the_emulator_kept_its_state() -> None:
    assert aws.client("s3").get_object(Bucket="kept", Key="a/b")["Body"].read() == b"object"
    assert aws.client("ssm").get_parameter(Name="/kept")["Parameter"]["Value"] == "parameter"
    assert aws.client("glue").get_database(Name="kept")["Database"]["Name"] == "kept"
    item = aws.client("dynamodb").get_item(TableName="kept", Key={"k": {"S": "a"}})["Item"]
    assert item == {"k": {"S": "a"}, "n": {"N": "7"}}


def test_the_embedded_mongo_lacks_the_features_that_doctor_lists(running: Connections) -> None:
    """So that `mongo.NX_LACKS` and the docs stay true; one that learns something makes this fail."""
    if shutil.which("mongod"):
        pytest.skip("a mongod on PATH is used, which lacks nothing of this")
    with pymongo.MongoClient(running.mongo_uri) as client:
        found = client["probe"]["found"]
        found.insert_one({"_id": 1, "profile": {"name": "A", "city": "B"}})
        assert found.find_one({}, {"_id": 1, "profile.name": 1}) == {"_id": 1, "profile.name": "A"}, (
            "dotted projections"
        )
        assert "profile" in next(found.aggregate([{"$project": {"_id": 1}}])), "$project"
        assert client.admin.command("nosuchcommand") == {"ok": 1, "result": []}, "errors for unknown commands"
        client["probe"].create_collection("held", validator={"$jsonSchema": {"required": ["x"]}})
        client["probe"]["held"].insert_one({"y": 1})
        with client.start_session() as session:
            session.start_transaction()
            found.insert_one({"_id": 2}, session=session)
            assert found.count_documents({}) == 2, "isolation"
            session.abort_transaction()
        client.drop_database("probe")


def test_status_shows_memory_and_time_to_start(running: Connections) -> None:
    status = embedded.status()
    assert status.running
    assert 0 < status.rss_bytes < RSS_LIMIT_BYTES
    assert status.ready_s
    assert all(server.pid and server.rss_bytes and server.ready_s for server in status.servers)


def test_up_does_not_restart_running_servers(running: Connections, home: Path) -> None:
    before = pids(home)
    embedded.up()
    assert pids(home) == before
    assert len(before) == len(embedded.SERVERS)


def test_everything_listens_only_on_the_loopback_address(running: Connections, home: Path) -> None:
    found = listeners({relative for pid in pids(home).values() for relative in process.family(pid)})
    state = load(home)
    assert state
    assert {port for _, port in found} == set(state.ports.values())
    assert {address for address, _ in found} <= LOOPBACKS


def test_passwords_are_required_and_never_on_a_command_line(running: Connections, home: Path) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        postgres(running, password="guessed")
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(running.redis_host, running.redis_port, retry=Retry(NoBackoff(), 0)).ping()
    shown = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids(home).values())
    shown += b"".join(path.read_bytes() for path in (home / "logs").iterdir())
    for secret in (running.postgres_password, running.redis_password):
        assert secret.get_secret_value().encode() not in shown


def test_two_stacks_run_side_by_side(running: Connections, stack: Connections, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stack.postgres_port != running.postgres_port
    valkey(stack).set("only", "here")
    assert valkey(running).get("only") is None
    assert embedded.status().running


def test_a_crashed_server_is_named_and_started_again(running: Connections, home: Path) -> None:
    kill(home, "valkey")
    crashed = {server.name: server for server in embedded.status().servers if server.state != "running"}
    assert {name: server.state for name, server in crashed.items()} == {"valkey": "crashed"}
    assert "Ready to accept connections" in crashed["valkey"].log_tail
    with pytest.raises(
        StackNotRunning, match=r"(?s)valkey is not running: it died\n  what to do.*\n    .*Ready to accept"
    ):
        embedded.connections()
    assert embedded.up().running


def test_a_stack_restarts_at_once_after_all_servers_were_killed(running: Connections, home: Path) -> None:
    for _ in range(3):
        for each in [relative for pid in pids(home).values() for relative in process.family(pid)]:
            os.kill(each, signal.SIGKILL)
        assert embedded.up().running


def test_a_stale_postmaster_lock_does_not_block_a_start(tmp_path: Path) -> None:
    lock = tmp_path / "postmaster.pid"
    with subprocess.Popen(["/bin/true"]) as dead:
        os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)  # a zombie from here on
        lock.write_text(f"{dead.pid}\n/data\n")
        _drop_lock_of_the_dead(lock)
    assert not lock.exists()


def test_down_leaves_no_process_and_nothing_that_listens(running: Connections, home: Path) -> None:
    family = {relative for pid in pids(home).values() for relative in process.family(pid)}
    embedded.down()
    assert not [pid for pid in family if Path(f"/proc/{pid}").exists()]
    assert not list(process.strays(home))
    assert {server.state for server in embedded.status().servers} == {"stopped"}


def test_a_port_in_use_is_named(home: Path) -> None:
    embedded.down()
    state = load(home)
    assert state
    with (
        socket.create_server(("127.0.0.1", state.ports["mongo"])),
        pytest.raises(PortTaken, match=f"port {state.ports['mongo']}.*mongo.*pid"),
    ):
        embedded.up()
    assert not pids(home)


def test_a_server_that_fails_to_start_is_named_with_its_log(home: Path) -> None:
    embedded.down()
    manifest = home / "data" / "valkey" / "appendonlydir" / "appendonly.aof.manifest"
    right = manifest.read_bytes()
    manifest.write_bytes(b"nonsense\n")
    try:
        with pytest.raises(ServerFailed, match=r"(?s)valkey died while it started.*what to do.*MANIFEST FILE ERROR"):
            embedded.up()
    finally:
        manifest.write_bytes(right)
    assert embedded.up().running


def test_down_stops_everything_after_a_killed_up(home: Path) -> None:
    embedded.down()
    interrupted = subprocess.Popen(UP)
    eventually(lambda: len(pids(home)) > 2)
    interrupted.send_signal(signal.SIGKILL)
    interrupted.wait()
    embedded.down()
    assert not list(process.strays(home))


def test_an_interrupted_up_exits_at_once_and_the_next_one_continues(home: Path) -> None:
    embedded.down()
    interrupted = subprocess.Popen(UP, stderr=subprocess.PIPE)
    eventually(lambda: len(pids(home)) > 2)
    interrupted.send_signal(signal.SIGINT)
    interrupted.communicate(timeout=10)
    assert interrupted.returncode != 0
    assert embedded.up().running


def test_down_finds_the_servers_of_a_removed_home(running: Connections, home: Path) -> None:
    shutil.rmtree(home)
    embedded.down()
    assert not list(process.strays(home))


def test_purge_leaves_no_file_and_no_process(running: Connections, home: Path) -> None:
    embedded.purge()
    assert not home.exists()
    assert not list(process.strays(home))


def kill(home: Path, name: str) -> None:
    found = process.find(home / "run" / name / "pid")
    assert found
    process.stop(found, number=signal.SIGKILL, wait_s=5)
