"""A day in simulated time: each schedule and sensor starts its workflow as often as it should, never twice at once."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

dg = pytest.importorskip("dagster", reason="the extra `orchestrate` is not installed")

from dagster._core.events import DagsterEvent  # noqa: E402 - Dagster may be missing
from dagster._core.test_utils import freeze_time  # noqa: E402
from dagster._core.utils import make_new_run_id  # noqa: E402
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import TagConcurrencyLimitsCounter  # noqa: E402
from dagster._utils.schedules import cron_string_iterator  # noqa: E402

from shoplake.orchestration import definitions, instance, registry, runs, steps, triggers  # noqa: E402

DAY = dt.datetime(2026, 9, 6, tzinfo=dt.UTC)  # a Sunday, on which the lake is maintained
LOOKS_EVERY_MIN = 15
LASTS_MIN = {"daily_close": 45, "lake_maintenance": 20, "observe_sources": 2, "warehouse_refresh": 5}
LIMITS = yaml.safe_load(instance.CONFIGURATION)["concurrency"]["runs"]


@dataclass
class Day:
    """The daemon's work, minute by minute: it evaluates what is due and takes runs from the queue by the limits."""

    records: Any
    repository: Any
    started: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    _ends: dict[str, dt.datetime] = field(default_factory=dict)
    _cursors: dict[str, str] = field(default_factory=dict)
    _keys: set[str] = field(default_factory=set)
    _waiting: list[Any] = field(default_factory=list)
    _active: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._due = {one.name: set(_ticks(one.cron_schedule)) for one in self.repository.schedule_defs}

    def minute(self, now: dt.datetime) -> None:
        with freeze_time(now):
            self._end(now)
            for schedule in self.repository.schedule_defs:
                if now in self._due[schedule.name]:
                    context = dg.build_schedule_context(self.records, scheduled_execution_time=now)
                    self._queue(schedule.name, schedule.job, schedule.evaluate_tick(context))
            if now.minute % LOOKS_EVERY_MIN == 0:
                for sensor in self.repository.sensor_defs:
                    if sensor.has_jobs:
                        self._evaluate(sensor)
            self._start(now)

    def _evaluate(self, sensor: Any) -> None:
        context = dg.build_sensor_context(
            self.records, cursor=self._cursors.get(sensor.name), repository_def=self.repository
        )
        with context:
            done = sensor.evaluate_tick(context)
        self._cursors[sensor.name] = done.cursor or self._cursors.get(sensor.name, "")
        self._queue(sensor.name, sensor.job, done)

    def _queue(self, name: str, job: Any, done: Any) -> None:
        self.skipped[name] += not done.run_requests
        for request in done.run_requests:
            assert not request.run_key or (name + request.run_key) not in self._keys
            self._keys.add(name + (request.run_key or ""))
            run = self.records.create_run_for_job(
                job, run_id=make_new_run_id(), status=dg.DagsterRunStatus.NOT_STARTED, run_config=request.run_config
            )
            self._waiting.append(run)

    def _start(self, now: dt.datetime) -> None:
        counter = TagConcurrencyLimitsCounter(LIMITS["tag_concurrency_limits"], list(self._active.values()))
        for run in [*self._waiting]:
            if len(self._active) < LIMITS["max_concurrent_runs"] and not counter.is_blocked(run):
                counter.update_counters_with_launched_item(run)
                self._report(run, "PIPELINE_START")
                self._ends[run.run_id] = now + dt.timedelta(minutes=LASTS_MIN.get(run.job_name, 1))
                self.started[run.job_name] += 1
                self._waiting.remove(run)
                self._active[run.run_id] = run
        tagged = [one for one in self._active.values() if "shoplake/warehouse" in one.tags]
        self.most |= Counter(one.job_name for one in self._active.values())
        self.most |= Counter(one.tags["shoplake/warehouse"] for one in tagged)

    def _end(self, now: dt.datetime) -> None:
        for run_id in [one for one, end in self._ends.items() if end <= now]:
            del self._ends[run_id]
            self._report(self._active.pop(run_id), "PIPELINE_SUCCESS")

    def _report(self, run: Any, event: str) -> None:
        self.records.run_storage.handle_run_event(
            run.run_id, DagsterEvent(event, run.job_name), dt.datetime.now(dt.UTC)
        )


def _ticks(cron: str) -> Iterator[dt.datetime]:
    ticks = cron_string_iterator(DAY.timestamp(), cron, "UTC")
    return itertools.takewhile(lambda tick: tick < DAY + dt.timedelta(days=1), ticks)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Any]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


@pytest.fixture
def day(records: Any) -> Callable[..., Day]:
    """Runs a day with the shipped workflows. The lake changes as a function of the time says."""

    def run(lake: Callable[[dt.datetime], str], hours: int = 24) -> Day:
        now = DAY
        found = registry.read()
        made = {one.name: steps.job_of(one) for one in found.workflows.values()}
        sources = {"new-snapshot": lambda: lake(now), "new-dead-letters": lambda: '{"0": 3}' if now.hour >= 12 else ""}
        loaded = dg.Definitions(
            jobs=list(made.values()),
            schedules=triggers.schedules(found, made),
            sensors=list(triggers.sensors(found, made, sources)),
        )
        simulated = Day(records, loaded.get_repository_def())
        for minute in range(hours * 60):
            now = DAY + dt.timedelta(minutes=minute)
            simulated.minute(now)
        return simulated

    return run


@pytest.mark.large  # half a minute of CPU time, most of it Dagster's records in SQLite
def test_each_workflow_starts_as_often_as_it_should_and_never_twice_at_once(day: Any) -> None:
    simulated = day(lambda now: f"{now.hour}:{now.minute // 5}" if now.hour < 12 else "as before")

    # The lake changes until noon: a build every quarter of an hour, except while daily-close has the warehouse.
    assert simulated.started["daily_close"] == 1
    assert simulated.started["lake_maintenance"] == 1
    assert simulated.started["observe_sources"] == 95  # at 4:00 two others are in progress, so it waits until 4:15
    assert simulated.started["dead_letter_report"] == 1
    assert 12 * 4 - 4 <= simulated.started["warehouse_refresh"] <= 12 * 4 + 1
    assert set(simulated.most.values()) == {1}


def test_a_run_that_takes_longer_than_its_interval_delays_the_next_one(
    day: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LASTS_MIN, "observe_sources", 20)

    simulated = day(lambda now: "", hours=3)

    assert simulated.started["observe_sources"] == 6
    assert simulated.skipped["observe_sources_schedule"] == 6
    assert simulated.started["warehouse_refresh"] == 0
    assert set(simulated.most.values()) == {1}


def test_a_run_whose_process_is_gone_does_not_hinder_the_next(records: Any) -> None:
    job = steps.job_of(registry.read().get("observe-sources"))
    tags = steps.process_tags("local") | {"shoplake/pid": "4194305"}  # above the highest pid of Linux
    lost = records.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags)
    assert triggers.unfinished(records, job.name)

    assert runs.fail_lost_runs(records) == [lost.run_id]
    assert not triggers.unfinished(records, job.name)


def test_dagster_loads_all_definitions_with_the_checks_of_each_dataset() -> None:
    repository = definitions.everything().get_repository_def()

    repository.load_all_definitions()

    checks = {str(key) for key in repository.asset_graph.asset_check_keys}
    assert any("fct_orders" in one and "quality" in one for one in checks)
    assert any("kafka" in one and "freshness" in one for one in checks)
