"""The Postgres sink: the normalised shop. Data and checkpoints change in one transaction.

A batch is aggregated to one row per key, copied into temporary tables, and merged with one upsert per table.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from shoplake import failpoints
from shoplake.errors import StoreRefused, StoreUnavailable
from shoplake.sinks.base import Batch, Checkpoint, Ownership, TopicPartition
from shoplake.sinks.blocking_calls import StoreThreads
from shoplake.sinks.postgres.event_columns import TABLES, TOPICS, Table
from shoplake.sinks.rebuildable import NAME, STATES, Filling, RebuildableSink, State

if TYPE_CHECKING:
    import polars as pl
    from psycopg.rows import TupleRow

    from shoplake.settings import PostgresSettings

OPEN = """
INSERT INTO shop.checkpoints AS c (topic, partition, next_offset, epoch) VALUES (%s, %s, 0, 1)
ON CONFLICT (topic, partition) DO UPDATE SET epoch = c.epoch + 1
RETURNING next_offset, epoch
"""
READ = "SELECT next_offset, epoch FROM shop.checkpoints WHERE topic = %s AND partition = %s"
# The row lock makes a new owner wait until this transaction has ended, so it never reads a checkpoint in between.
# The lock is taken after the COPY, because no time-out of Postgres ends a COPY whose client has stopped sending.
LOCK = f"{READ} FOR UPDATE"
ADVANCE = "UPDATE shop.checkpoints SET next_offset = %s WHERE topic = %s AND partition = %s"
# The rebuild state is a row among the checkpoints: `epoch` holds its number, `next_offset` its state.
BEGIN_FILLING = """
INSERT INTO shop.checkpoints AS c (next_offset, topic, partition, epoch) VALUES (%s, %s, %s, 1)
ON CONFLICT (topic, partition) DO UPDATE SET epoch = c.epoch + 1, next_offset = EXCLUDED.next_offset
"""
START_AGAIN = f"{OPEN.partition('RETURNING')[0]}, next_offset = 0"
ALL = "SELECT topic, partition, next_offset, epoch FROM shop.checkpoints"
NOTE = "INSERT INTO shop.topics (topic, identity) VALUES (%s, %s) ON CONFLICT DO NOTHING"
KNOWN = "SELECT topic, identity FROM shop.topics"
VERSION = "SELECT version_num FROM shop.alembic_version"
# We give up a server that does not answer. A server that no longer hears from us ends our session and its locks.
ANSWER_TIMEOUT_S = 60
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.IdleInTransactionSessionTimeout)
SESSION = {
    "statement_timeout": "50s",
    "idle_in_transaction_session_timeout": "20s",
    "tcp_user_timeout": "20s",
    "TimeZone": "UTC",
}


class PostgresSink(RebuildableSink):
    """Applies batches to the tables of schema `shop`."""

    name = "postgres"
    topics = TOPICS

    def __init__(self, settings: PostgresSettings) -> None:
        self._settings = settings
        self._connection: psycopg.AsyncConnection[TupleRow] | None = None
        self._staged = False
        self._threads = StoreThreads(self.name)

    async def prepare(self) -> None:
        """Migrate the schema to the newest revision, if it is older."""
        current = None
        async with self._answering():
            with contextlib.suppress(psycopg.errors.UndefinedTable):
                found = await (await self._connect_plain()).execute(VERSION)
                current = await found.fetchone()
        if current is None or current[0] != head():
            from shoplake.sinks.postgres.migrate import migrate  # importing Alembic takes 1 s

            await self._threads.call(migrate, self._settings.url())

    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Raise the epoch of each partition and read its checkpoint."""
        opened = {}
        async with self._answering():
            connection = await self._connect()
            failpoints.hit("postgres.open.before")
            async with connection.transaction():
                for partition in sorted(partitions):  # the same order for all owners prevents deadlocks
                    row = await (await connection.execute(OPEN, partition)).fetchone()
                    assert row is not None  # noqa: S101 - RETURNING on an upsert always gives the row
                    opened[partition] = Checkpoint(*row)
                # Checked after the rows are locked: a rebuild locks them too, so it starts before or after us.
                self.refuse_held(await _filling(connection))
            failpoints.hit("postgres.open.after")
        return opened

    async def checkpoints(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Read the checkpoints."""
        rows: list[TupleRow] = []
        async with self._answering():
            with contextlib.suppress(psycopg.errors.UndefinedTable):
                rows = await (await (await self._connect_plain()).execute(ALL)).fetchall()
        found = {TopicPartition(*where): Checkpoint(offset, epoch) for *where, offset, epoch in rows}
        return {partition: found[partition] for partition in partitions if partition in found}

    async def identify(self, topics: Mapping[str, str]) -> Mapping[str, str]:
        """Store the topic identities in table `topics`."""
        async with self._answering():
            connection = await self._connect_plain()
            async with connection.transaction(), connection.cursor() as cursor:
                await cursor.executemany(NOTE, sorted(topics.items()))
                known: dict[str, str] = dict(await (await cursor.execute(KNOWN)).fetchall())
        return {topic: known[topic] for topic in topics}

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        """Aggregate, copy, merge, and advance the checkpoints in one transaction.

        Raises:
            StoreRefused: Postgres rejected a row of the batch; nothing was written.
        """
        try:
            await self._apply(batch, owner)
        except StoreRefused as error:
            read = ", ".join(
                f"{partition} offsets {read.start} to {read.stop - 1}" for partition, read in batch.ranges.items()
            )
            raise StoreRefused(f"{error.message}; the batch was {read}") from error

    async def _apply(self, batch: Batch, owner: Ownership) -> None:
        async with self._answering():
            connection = await self._connect()
            async with connection.transaction(), connection.cursor() as cursor:
                found = await _checkpoints(cursor, READ, batch)
                fresh = batch.fresh(self.name, found, owner)
                failpoints.hit("postgres.write.before")
                staged = await _stage(cursor, fresh)
                locked = await _checkpoints(cursor, LOCK, batch)
                batch.fresh(self.name, locked, owner)  # raises if there is a new owner since the first read
                if locked != found:
                    # An earlier call whose response was lost has committed; the next call reads the new checkpoint.
                    raise StoreUnavailable("postgres: the checkpoints moved while a batch was copied")
                for table in staged:
                    await cursor.execute(table.upsert(f"pg_temp.staged_{table.name}"))
                failpoints.hit("postgres.checkpoint.before")
                for partition, read in fresh.ranges.items():
                    await cursor.execute(ADVANCE, (read.stop, *partition))
                failpoints.hit("postgres.commit.before")
            failpoints.hit("postgres.commit.after")

    async def filling(self) -> Filling:
        """Read the state of the current rebuild."""
        async with self._answering():
            return await _filling(await self._connect_plain())

    async def begin_filling(self, partitions: Iterable[TopicPartition], state: State) -> None:
        """In one transaction: raise the epochs, reset the checkpoints, and empty the tables."""
        emptied = sql.SQL(", ").join(sql.Identifier("shop", name) for name in (*(t.name for t in TABLES), "topics"))
        async with self._answering():
            connection = await self._connect_plain()
            async with connection.transaction():
                for partition in sorted(partitions):
                    await connection.execute(START_AGAIN, partition)
                await connection.execute(BEGIN_FILLING, (STATES.index(state), *NAME))
                await connection.execute(sql.SQL("TRUNCATE {}").format(emptied))

    async def note_filling(self, state: State) -> None:
        """Set the state. There are no rows of earlier rebuilds to remove: the tables were emptied at the start."""
        async with self._answering():
            await (await self._connect_plain()).execute(ADVANCE, (STATES.index(state), *NAME))

    async def close(self) -> None:
        """Close the connection, and wait for no migration."""
        self._threads.close()
        await self._disconnect()

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _connect_plain(self) -> psycopg.AsyncConnection[TupleRow]:
        if self._connection is None or self._connection.closed:
            self._staged = False
            self._connection = await psycopg.AsyncConnection.connect(
                self._settings.conninfo(),
                autocommit=True,  # transactions are explicit blocks
                connect_timeout=5,
                application_name="shoplake-sink-postgres",
                options=" ".join(f"-c {name}={value}" for name, value in SESSION.items()),
            )
        return self._connection

    async def _connect(self) -> psycopg.AsyncConnection[TupleRow]:
        connection = await self._connect_plain()
        if not self._staged:
            for table in TABLES:
                await connection.execute(_staging_table(table.name))
            self._staged = True
        return connection

    @contextlib.asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        """Limit the time of a call, and translate exceptions of psycopg into this program's errors.

        A commit without a response may have succeeded: the next call reads the checkpoint to find out.
        """
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                yield
        except (*AWAY, TimeoutError, OSError) as error:
            await self._disconnect()
            where = f"{self._settings.host}:{self._settings.port}"
            why = str(error) or f"no response for {ANSWER_TIMEOUT_S} s"
            raise StoreUnavailable(
                f"postgres at {where} did not answer: {why}", fix="is it running? `shoplake status`"
            ) from error
        except (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError) as error:
            raise StoreRefused(f"postgres refused a batch: {error}") from error


def head() -> str:
    """The newest migration of this program; the migration files are numbered."""
    return max(
        path.name for path in files("shoplake.sinks.postgres.migrations.versions").iterdir() if path.name[0].isdigit()
    )[:4]


async def _filling(connection: psycopg.AsyncConnection[TupleRow]) -> Filling:
    row = await (await connection.execute(READ, NAME)).fetchone()
    return Filling(row[1], STATES[row[0]]) if row else Filling()


async def _checkpoints(
    cursor: psycopg.AsyncCursor[TupleRow], query: str, batch: Batch
) -> dict[TopicPartition, Checkpoint]:
    found = {}
    for partition in sorted(batch.ranges):
        row = await (await cursor.execute(query, partition)).fetchone()
        if row is not None:
            found[partition] = Checkpoint(*row)
    return found


async def _stage(cursor: psycopg.AsyncCursor[TupleRow], batch: Batch) -> list[Table]:
    """Copy the rows of the batch into the temporary tables; returns the tables that have rows."""
    staged = []
    for table in TABLES:
        events = batch.events.get(table.topic)
        rows = table.rows(events) if events is not None and not events.is_empty() else None
        if rows is not None and not rows.is_empty():
            await _copy(cursor, table.name, rows.select(table.columns))
            staged.append(table)
    return staged


def _staging_table(name: str) -> sql.Composed:
    return sql.SQL("CREATE TEMP TABLE {} (LIKE shop.{} INCLUDING DEFAULTS) ON COMMIT DELETE ROWS").format(
        sql.Identifier(f"staged_{name}"), sql.Identifier(name)
    )


async def _copy(cursor: psycopg.AsyncCursor[TupleRow], name: str, rows: pl.DataFrame) -> None:
    # Every string is quoted and a null (\N) is not, so neither can be read as the other.
    lines = rows.write_csv(include_header=False, null_value=r"\N", quote_style="non_numeric")
    statement = sql.SQL(r"COPY {} ({}) FROM STDIN (FORMAT csv, NULL '\N')").format(
        sql.Identifier("pg_temp", f"staged_{name}"), sql.SQL(", ").join(map(sql.Identifier, rows.columns))
    )
    async with cursor.copy(statement) as copy:
        await copy.write(lines)
