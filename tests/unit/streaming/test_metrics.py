"""What Prometheus is told of the workers."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shoplake.errors import UsageError
from shoplake.streaming import metrics
from shoplake.streaming.supervisor import Watch, WorkerView
from shoplake.streaming.worker_reports import Progress

WORKING = WorkerView("postgres", Progress(70, 5, "streaming", batches=3, batch=20, retries=2), os.getpid(), 12.5, 1, 2)
WAITING = WorkerView("lake", Progress(7, 9, "waiting", "lake", breaker="half-open", held=4))
Samples = dict[tuple[str, tuple[str, ...]], float]


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def seen() -> list[Sequence[WorkerView]]:
    return []


@pytest.fixture
def watch(port: int, seen: list[Sequence[WorkerView]]) -> Iterator[Watch]:
    with metrics.serving(port, seen.append) as both:
        yield both


def scraped(port: int) -> Samples:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name.removeprefix("shoplake_stream_"), ordered(sample.labels)): sample.value for sample in samples}


def ordered(labels: dict[str, str]) -> tuple[str, ...]:
    return tuple(labels[name] for name in ("sink", "worker", "state", "breaker") if name in labels)


def test_counters_and_gauges_are_exported_per_worker(port: int, watch: Watch) -> None:
    watch([WORKING, WAITING])
    found = scraped(port)
    postgres, lake = ("postgres", "2"), ("lake", "1")
    assert {name: found[name, postgres] for name, labels in found if labels == postgres and name != "memory_bytes"} == {
        "records_total": 70,
        "batches_total": 3,
        "retries_total": 2,
        "restarts_total": 1,
        "up": 1,
        "lag_offsets": 5,
        "records_per_second": 12.5,
        "batch_events": 20,
        "held_partitions": 0,
    }
    assert found["memory_bytes", postgres] > 1_000_000
    assert (found["up", lake], found["held_partitions", lake], found["memory_bytes", lake]) == (0, 4, 0)


def test_exactly_one_state_has_the_value_one(port: int, watch: Watch) -> None:
    watch([WORKING, WAITING])
    ones = {key for key, value in scraped(port).items() if key[0] in ("state", "breaker") and value == 1}
    assert ones == {
        ("state", ("postgres", "2", "streaming")),
        ("state", ("lake", "1", "waiting")),
        ("breaker", ("postgres", "2", "closed")),
        ("breaker", ("lake", "1", "half-open")),
    }


def test_views_are_passed_to_the_watcher(watch: Watch, seen: list[Sequence[WorkerView]]) -> None:
    watch([WORKING])
    assert seen == [[WORKING]]


def test_before_the_first_view_there_are_no_samples(port: int, watch: Watch) -> None:
    assert scraped(port) == {}


def test_a_port_in_use_is_a_clear_error(port: int, watch: Watch) -> None:
    with pytest.raises(UsageError, match=rf"127\.0\.0\.1:{port}: Address already in use"), metrics.serving(port, print):
        pass


def test_the_port_is_released_afterwards(port: int) -> None:
    for _ in range(2):
        with metrics.serving(port, lambda _: None):
            scraped(port)


def test_no_value_of_a_label_has_a_space(port: int, watch: Watch) -> None:
    watch([WorkerView("lake", Progress(state="caught up"), pid=os.getpid())])
    found = scraped(port)
    assert found["state", ("lake", "1", "caught_up")] == 1
    assert not [value for _, labels in found for value in labels if " " in value]
