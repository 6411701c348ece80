"""Prometheus metrics of the workers, served on 127.0.0.1 while `stream` runs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from shoplake.errors import UsageError

if TYPE_CHECKING:
    from shoplake.streaming.supervisor import Watch, WorkerView

LOOPBACK = "127.0.0.1"
LABELS = ("sink", "worker")
STATES = ("starting", "joining", "streaming", "waiting", "standby", "caught up", "stopping", "stopped")
BREAKER_STATES = ("closed", "open", "half-open")

_Value = Callable[["WorkerView"], float]
COUNTERS: dict[str, tuple[str, _Value]] = {
    "records": ("Records processed: their valid events are in the store", lambda v: v.progress.applied),
    "batches": ("Batches written to the store", lambda v: v.progress.batches),
    "retries": ("Retried calls to the store", lambda v: v.progress.retries),
    "restarts": ("Restarts of the process after it was killed", lambda v: v.restarts),
}
GAUGES: dict[str, tuple[str, _Value]] = {
    "up": ("Whether the process runs", lambda v: float(v.pid is not None)),
    "lag_offsets": ("Offsets between the store and the end of the log", lambda v: v.progress.lag),
    "records_per_second": ("Records per second, over the last ten seconds", lambda v: v.rate),
    "batch_events": ("Events in the last batch", lambda v: v.progress.batch),
    "held_partitions": ("Partitions paused because the store asked to wait", lambda v: v.progress.held),
    "memory_bytes": ("Resident memory of the process", lambda v: _resident_bytes(v.pid)),
}


class Metrics(Collector):
    """A Prometheus collector of the latest view of each worker."""

    def __init__(self) -> None:
        self._views: Sequence[WorkerView] = ()

    def show(self, views: Sequence[WorkerView]) -> None:
        """Replace the views of the workers."""
        self._views = tuple(views)

    def collect(self) -> Iterable[Metric]:
        """One family per metric, one sample per worker."""
        for name, (text, value) in COUNTERS.items():
            yield self._family(CounterMetricFamily(f"shoplake_stream_{name}", text, labels=LABELS), value)
        for name, (text, value) in GAUGES.items():
            yield self._family(GaugeMetricFamily(f"shoplake_stream_{name}", text, labels=LABELS), value)
        yield self._states("state", "State of the worker", STATES, lambda v: v.progress.state)
        yield self._states("breaker", "Circuit breaker of the store", BREAKER_STATES, lambda v: v.progress.breaker)

    def _family(self, family: CounterMetricFamily | GaugeMetricFamily, value: _Value) -> Metric:
        for view in self._views:
            family.add_metric(_labels(view), value(view))
        return family

    def _states(self, name: str, text: str, states: Sequence[str], state: Callable[[WorkerView], str]) -> Metric:
        text = f"{text}: 1 for the current one, 0 for the others"
        family = GaugeMetricFamily(f"shoplake_stream_{name}", text, labels=(*LABELS, name))
        for view in self._views:
            for one in states:
                family.add_metric([*_labels(view), one.replace(" ", "_")], float(state(view) == one))
        return family


@contextlib.contextmanager
def serving(port: int, watch: Watch) -> Iterator[Watch]:
    """Serve metrics; what is given to the returned watch is what they show, and goes on to `watch`.

    Args:
        port: of 127.0.0.1.
        watch: also called.

    Raises:
        UsageError: the port cannot be had.
    """
    metrics = Metrics()
    registry = CollectorRegistry()
    registry.register(metrics)
    try:
        server, thread = start_http_server(port, LOOPBACK, registry)
    except OSError as error:
        raise UsageError(
            f"metrics cannot be served on {LOOPBACK}:{port}: {error.strerror}", fix="choose another --metrics-port"
        ) from error

    def both(views: Sequence[WorkerView]) -> None:
        metrics.show(views)
        watch(views)

    try:
        yield both
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _labels(view: WorkerView) -> list[str]:
    return [view.name, str(view.number)]


def _resident_bytes(pid: int | None) -> float:
    if pid is None:
        return 0.0
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):  # gone, or no Linux
        return 0.0
    return float(pages * os.sysconf("SC_PAGE_SIZE"))
