"""Lists the records of the topics, without their values, and the dead letters: what reconciliation starts from."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import msgspec
import polars as pl

from shoplake import contract_log
from shoplake.contract import DEAD_LETTERS, TOPICS
from shoplake.positions import Place, Positions
from shoplake.quality.workspace import Loaded
from shoplake.streaming.dead_letters import progress
from shoplake.verify import log_reader

if TYPE_CHECKING:
    import duckdb

    from shoplake.settings import KafkaSettings, Settings
    from shoplake.verify.log_reader import Records

Schema: TypeAlias = Mapping[str, pl.DataType | type[pl.DataType]]
LETTERS: Schema = {"topic": pl.String, "kafka_partition": pl.Int64, "kafka_offset": pl.Int64, "reason": pl.String}


def read_kafka(connection: duckdb.DuckDBPyConnection, settings: Settings, environment: str, folder: Path) -> Loaded:
    """Make a table for each topic of events (`kafka_partition`, `kafka_offset`, `arrived_at`), and one of dead letters.

    Markers of contract versions are no events and are left out.

    Raises:
        StackError: Kafka does not answer, or a topic is missing.
        StreamHalted: a topic was recreated since the dead letters were written.
    """
    del environment, folder
    places, letters, letters_read = asyncio.run(_read(settings.kafka))
    positions = {}
    for topic in TOPICS:
        frame = pl.concat(places[topic]) if places[topic] else pl.DataFrame(schema=_PLACES)
        _create(connection, topic, frame)
        ends = frame.group_by("kafka_partition").agg(pl.col("kafka_offset").max() + 1).rows()
        positions[topic] = Positions({Place(topic, p): end for p, end in ends})
    _create(connection, DEAD_LETTERS, letters)
    positions[DEAD_LETTERS] = letters_read
    return Loaded(positions)


_PLACES: Schema = {"kafka_partition": pl.Int32, "kafka_offset": pl.Int64, "arrived_at": pl.Datetime("ms")}


def _create(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    connection.register("frame", frame.to_arrow())
    connection.execute(f'CREATE TABLE kafka."{name}" AS FROM frame')
    connection.unregister("frame")


async def _read(cluster: KafkaSettings) -> tuple[dict[str, list[pl.DataFrame]], pl.DataFrame, Positions]:
    # Before the log: letters up to here are in what is read next.
    found = await progress.read(cluster)
    read = {} if found is None else found.next_offsets
    known = await contract_log.read(cluster)
    places: dict[str, list[pl.DataFrame]] = {topic: [] for topic in TOPICS}
    letters: list[pl.DataFrame] = [pl.DataFrame(schema=LETTERS)]
    async for chunk in log_reader.read(cluster, [*TOPICS, DEAD_LETTERS]):
        for topic, records in chunk.items():
            if topic == DEAD_LETTERS:
                letters.append(_letters(records))
                continue
            frame = pl.DataFrame(
                {
                    "kafka_partition": pl.Series(records.partition, dtype=pl.Int32),
                    "kafka_offset": pl.Series(records.offset, dtype=pl.Int64),
                    "arrived_at": pl.Series(records.timestamp_ms, dtype=pl.Int64).cast(pl.Datetime("ms")),
                }
            )
            markers = [
                (p, offset)
                for p, offset, value in zip(records.partition, records.offset, records.value, strict=True)
                if value is None and known.is_marker(topic, p, offset)
            ]
            for partition, offset in markers:
                frame = frame.filter((pl.col("kafka_partition") != partition) | (pl.col("kafka_offset") != offset))
            places[topic].append(frame)
    offsets = {Place(topic, p): offset for topic, listed in read.items() for p, offset in enumerate(listed)}
    return places, pl.concat(letters), Positions(offsets)


class _Letter(msgspec.Struct):
    topic: str
    partition: int
    offset: int
    reason: str


def _letters(records: Records) -> pl.DataFrame:
    """The dead letters among records; other programs may write to the topic, and their records are left out."""
    rows = []
    for value in records.value:
        try:
            one = msgspec.json.decode(value or b"", type=_Letter)
        except msgspec.DecodeError:
            continue
        rows.append((one.topic, one.partition, one.offset, one.reason))
    return pl.DataFrame(rows, schema=LETTERS, orient="row")
