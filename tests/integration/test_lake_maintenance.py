"""The lake's tables are kept small beside running sinks: no row, no checkpoint and no named file is lost on the way."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pyiceberg.expressions import EqualTo, GreaterThanOrEqual
from pyiceberg.table import Table
from typer.testing import CliRunner

from shoplake import aws, sinks
from shoplake.cli.main import app
from shoplake.errors import Fenced, ShoplakeError, SinkError
from shoplake.failpoints import VARIABLE
from shoplake.publish.kafka import publish
from shoplake.publish.run import Run, load_scenario
from shoplake.settings import Settings
from shoplake.sinks.base import Sink
from shoplake.sinks.conformance import Subject
from shoplake.sinks.lake.maintenance import Bounds, Maintained, maintain
from shoplake.sinks.lake.sink import read_checkpoints
from shoplake.sinks.lake.tables import open_catalog
from shoplake.verify import verify
from tests.faults.workers import running, start

from .conftest import EVENTS, SEED

pytestmark = pytest.mark.stack

COMMITS = 8
NOW = timedelta(0)
# As hard as can be: nothing is too young to be touched.
ALL = Bounds(min_files=2, keep=NOW, orphan_age=NOW)
KEEP_SNAPSHOTS = Bounds(min_files=2, keep=timedelta(days=1), orphan_age=NOW)


class Clicks(Subject):
    topic, entity_field, event = "clicks", "session_id", {"type": "product_viewed", "product_id": "p1"}

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings

    def make(self) -> Sink:
        return sinks.make("lake", self.settings)

    def counted(self, entity: str) -> int:
        return len(table_of(self.settings).scan(EqualTo("session_id", entity)).to_arrow())


def table_of(settings: Settings, topic: str = "clicks") -> Table:
    return open_catalog(settings).load_table((settings.lake.database, topic))


def files_of(table: Table) -> set[str]:
    return {task.file.file_path for task in table.scan().plan_files()}


def rows_of(table: Table) -> list[tuple[int, int, str]]:
    rows = table.scan(selected_fields=("kafka_partition", "kafka_offset", "event_id")).to_arrow().to_pylist()
    return sorted((row["kafka_partition"], row["kafka_offset"], row["event_id"]) for row in rows)


async def clicks(settings: Settings, bounds: Bounds, *, steps: Iterable[Any] | None = None) -> Maintained:
    chosen = {} if steps is None else {"steps": list(steps)}
    (done,) = await maintain(settings, bounds, topics=["clicks"], **chosen)
    return done


@pytest.fixture
async def small_files(stores: Settings) -> Any:
    """A table of many small files, and who wrote them."""
    subject = Clicks(stores)
    sink, owner = await subject.opened()
    for n in range(COMMITS):
        await sink.apply(subject.batch(3 * n, 3 * n + 3), owner)
    yield subject, sink, owner
    await subject.close()


async def test_small_files_are_compacted_and_the_sink_continues_at_its_checkpoint(
    stores: Settings, small_files: Any
) -> None:
    subject, sink, owner = small_files
    table = table_of(stores)
    rows, checkpoints = rows_of(table), read_checkpoints(table)
    done = await clicks(stores, ALL)
    table = table_of(stores)
    assert done.files_before >= COMMITS
    assert done.files_after == len(files_of(table)) < done.files_before
    assert done.compacted == done.files_before - done.files_after + 1
    assert rows_of(table) == rows
    assert read_checkpoints(table) == checkpoints
    await sink.apply(subject.batch(3 * COMMITS, 3 * COMMITS + 2), owner)
    await subject.expect(3 * COMMITS + 2, next_offset=3 * COMMITS + 2)


async def test_expiry_removes_snapshots_and_keeps_the_checkpoint(stores: Settings, small_files: Any) -> None:
    subject, _, old = small_files
    done = await clicks(stores, ALL, steps=["expire"])
    table = table_of(stores)
    assert done.expired == done.snapshots_before - 1 > COMMITS
    assert len(table.snapshots()) == 1
    assert read_checkpoints(table)[subject.partition.partition].next_offset == 3 * COMMITS
    zombie, (_, owner) = await subject.sink(), await subject.opened()
    assert owner[subject.partition] > old[subject.partition]
    with pytest.raises(Fenced):
        await zombie.apply(subject.batch(3 * COMMITS, 3 * COMMITS + 2), old)


async def test_the_snapshot_with_the_checkpoint_stays_while_another_engine_commits_after_it(
    stores: Settings, small_files: Any
) -> None:
    subject, _, _ = small_files
    table = table_of(stores)
    for offset in range(2):  # as a law may want it; such a commit knows of no checkpoint
        table.delete(EqualTo("event_id", f"e{offset}"))
    rows, checkpoints = rows_of(table), read_checkpoints(table)
    await clicks(stores, ALL, steps=["expire", "orphans"])
    table = table_of(stores)
    assert read_checkpoints(table) == checkpoints
    assert rows_of(table) == rows
    await clicks(stores, ALL)
    assert read_checkpoints(table_of(stores)) == checkpoints
    assert (await subject.next_offset()) == 3 * COMMITS


async def test_a_checkpoint_expired_by_another_engine_halts_the_sink(stores: Settings, small_files: Any) -> None:
    subject, _, _ = small_files
    table = table_of(stores)
    with table.transaction() as change, change.update_snapshot().fast_append():
        pass  # of another engine: it carries no checkpoint
    older = [s.snapshot_id for s in table.snapshots() if s.snapshot_id != table.metadata.current_snapshot_id]
    carried = table.snapshot_by_id(older[-1]).summary["shoplake.checkpoint"]  # type: ignore[union-attr,index]
    table.maintenance.expire_snapshots().by_ids(older).commit()
    with pytest.raises(SinkError, match="the checkpoint of clicks is gone"):
        await (await subject.sink()).open([subject.partition])
    restored = {"shoplake.checkpoint": carried}
    with table.transaction() as change, change.update_snapshot(snapshot_properties=restored).fast_append():
        pass  # so that the tests after this one have a table to work with


async def test_only_files_without_a_snapshot_are_removed(stores: Settings, small_files: Any) -> None:
    table = table_of(stores)
    before = {s.snapshot_id: len(table.scan(snapshot_id=s.snapshot_id).to_arrow()) for s in table.snapshots()}
    place = urlsplit(table.location())
    junk = f"{place.path.lstrip('/')}/data/left-by-a-crash.parquet"
    aws.client("s3").put_object(Bucket=place.netloc, Key=junk, Body=b"x" * 100)
    done = await clicks(stores, KEEP_SNAPSHOTS)
    assert done.compacted > 0
    assert done.expired == 0
    assert (done.orphans >= 1, done.orphan_bytes >= 100) == (True, True)
    assert "Contents" not in aws.client("s3").list_objects_v2(Bucket=place.netloc, Prefix=junk)
    table = table_of(stores)
    after = {one: len(table.scan(snapshot_id=one).to_arrow()) for one in before}
    assert after == before
    again = await clicks(stores, KEEP_SNAPSHOTS, steps=["orphans"])
    assert (again.orphans, again.orphan_bytes) == (0, 0)


async def test_a_dry_run_reports_the_changes_and_makes_none(stores: Settings, small_files: Any) -> None:
    table = table_of(stores)
    files, snapshots = files_of(table), len(table.snapshots())
    (would,) = await maintain(stores, ALL, topics=["clicks"], dry_run=True)
    assert (would.compacted, would.files_after) == (len(files), 1)
    assert would.expired == snapshots - 1
    table = table_of(stores)
    assert (files_of(table), len(table.snapshots())) == (files, snapshots)


@pytest.mark.fault
async def test_maintenance_beside_a_running_sink_keeps_every_event_once(stores: Settings, tmp_path: Path) -> None:
    """Over and over, as hard as can be, while events come; then `verify` holds the lake against the log."""
    async with running(await start("lake", {}, tmp_path)) as worker:
        publishing = asyncio.create_task(publish(stores.kafka, Run(load_scenario("demo"), SEED, EVENTS)))
        rounds = compacted = 0
        while rounds < 2 or not (publishing.done() and worker.state == "caught up"):
            compacted += sum(table.compacted for table in await maintain(stores, ALL))
            assert worker.running, str(worker)
            rounds += 1
        await publishing
        await worker.caught_up()
        assert compacted > 0
        worker.send(signal.SIGTERM)
        assert await worker.ended() == 0, str(worker)
    table = table_of(stores)
    table.delete(GreaterThanOrEqual("kafka_partition", 1000))  # of the other tests: the log never had it
    report = await verify(stores, ["lake"])
    assert report.ok, [str(finding) for store in report.stores for finding in store.findings[:5]]


@pytest.mark.fault
async def test_a_sink_continues_after_its_snapshot_was_expired_before_a_write(stores: Settings, tmp_path: Path) -> None:
    """It has read where the table stands, and sleeps until none of those files is there any more."""
    await publish(stores.kafka, Run(load_scenario("demo"), SEED + 1, EVENTS))
    async with running(await start("lake", {VARIABLE: "lake.write.before=stop:9"}, tmp_path)) as worker:
        await worker.stopped()
        for _ in range(2):  # the first makes newer snapshots, so that the second expires the one that was read
            await maintain(stores, ALL)
        worker.send(signal.SIGCONT)
        await worker.caught_up()
        worker.send(signal.SIGTERM)
        assert await worker.ended() == 0, str(worker)


def test_the_command_prints_what_it_did_as_json(stores: Settings) -> None:
    done = CliRunner().invoke(app, ["lake", "maintain", "--tables", "reviews", "--only", "compact", "--json"])
    assert done.exit_code == 0, done.exception
    said = json.loads(done.stdout)
    assert (said["dry_run"], [table["table"] for table in said["tables"]]) == (False, ["reviews"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--orphan-age", "10m"], "expected an orphan age of at least 1h, found 10m"),
        (["--keep", "soon"], "expected a time such as 30m, 12h or 5d, found 'soon'"),
        (["--only", "polish"], "there is no step 'polish'"),
        (["--tables", "visits"], "the lake has no table 'visits'"),
    ],
)
def test_invalid_options_are_a_usage_error(stores: Settings, arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["lake", "maintain", *arguments])
    assert isinstance(done.exception, ShoplakeError)
    assert (done.exception.exit_code, said in str(done.exception)) == (2, True)
