"""The servers of the comparison: a stack that is thrown away, its topics and stores emptied between two runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pymongo
import redis
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shoplake import environments, kafka, stack
from shoplake.bench.stores.dynamodb import empty as empty_dynamodb
from shoplake.contract import DEAD_LETTERS, OUTCOMES, PUBLISH_PROGRESS, TOPICS
from shoplake.settings import KafkaSettings, Settings

ROOT = Path(__file__).resolve().parents[1]
THEIRS = "theirs"
"""Topic of the other producers."""
ALL_TOPICS = (*TOPICS, DEAD_LETTERS, OUTCOMES, PUBLISH_PROGRESS, THEIRS)


@contextlib.contextmanager
def throwaway_stack(home: str = "") -> Iterator[Settings]:
    """A stack with the local environment applied, which takes two minutes; removed at the end.

    Args:
        home: of a stack that is up and applied already and may be emptied; it is left running.
    """
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["SHOPLAKE_HOME"] = home or temporary
        try:
            if not home:
                for command in (["up"], ["apply", "local"]):
                    subprocess.run([ROOT / "shoplake", *command], check=True, stdout=sys.stderr)
            yield environments.connect()
        finally:
            if not home:
                subprocess.run([ROOT / "shoplake", "down", "--purge"], check=True, stdout=sys.stderr)


async def fresh_topics(cluster: KafkaSettings, partitions: int = kafka.PARTITIONS) -> None:
    """Delete all topics and make them again, empty, with one more for what is not ours."""
    admin = AIOKafkaAdminClient(**kafka.client_options(cluster))
    await admin.start()
    try:
        await admin.delete_topics(sorted(set(ALL_TOPICS) & set(await admin.list_topics())))
        while set(ALL_TOPICS) & set(await admin.list_topics()):  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.1)
        await admin.create_topics([NewTopic(THEIRS, partitions, cluster.replication)])
    finally:
        await admin.close()
    await kafka.create_topics(cluster, partitions=partitions)


SERVER_OF = {"postgres": "postgres", "redis": "valkey", "mongo": "mongo", "dynamodb": "ministack", "lake": "ministack"}


def server_cpu_s(store: str) -> float:
    """CPU seconds that a store's server has taken so far, with its children, living or gone."""
    pid = next(server.pid for server in stack.status().servers if server.name == SERVER_OF[store])
    parents: dict[int, list[int]] = {}
    times: dict[int, tuple[int, int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rsplit(")", 1)[1].split()
            parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
            times[int(path.parent.name)] = (int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14]))
    ticks, found = 0, [pid] if pid in times else []
    while found:
        one = found.pop()
        ticks += sum(times[one])
        found += parents.get(one, [])
    return ticks / os.sysconf("SC_CLK_TCK")


def wipe(store: str, settings: Settings) -> None:
    """Empty a store, with the checkpoints in it."""
    match store:
        case "postgres":
            _wipe_postgres(settings.postgres.conninfo())
        case "redis":
            redis.Redis(**settings.redis.options()).flushdb()
        case "mongo":
            client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(**settings.mongo.options())
            for collection in client[settings.mongo.database].list_collection_names():
                client[settings.mongo.database][collection].delete_many({})
        case "dynamodb":
            empty_dynamodb(settings)


def _wipe_postgres(conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'shop'").fetchall()
        names = ", ".join(f"shop.{name}" for (name,) in found if name != "alembic_version")
        connection.execute(f"TRUNCATE {names}")
