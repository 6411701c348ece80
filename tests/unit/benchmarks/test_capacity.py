"""The arithmetic of the model on paper."""

import dataclasses

import pytest
from benchmarks import capacity
from benchmarks.capacity import Load

from shoplake.infra.cost import prices


def test_the_shares_of_the_topics_are_all_events() -> None:
    assert sum(capacity.SHARES.values()) == pytest.approx(1, abs=0.001)
    assert capacity.share("lake") == pytest.approx(1, abs=0.001)


def test_a_sink_takes_a_processor_for_each_second_of_cpu_that_its_events_cost() -> None:
    load = Load(events_per_s=90_000, busy=0.5, cpu_us={**capacity.CPU_US, "lake": 10.0})
    assert capacity.processors(load, "lake") == 2  # 90,000 × 10 µs is 0.9 of one processor, half busy


def test_a_topic_has_a_partition_for_each_worker_of_the_largest_sink() -> None:
    load = Load(events_per_s=1_000_000)
    largest = max(capacity.processors(load, sink) for sink in capacity.READ_BY)
    assert largest <= capacity.partitions(load) < largest + 12


def test_a_batch_spans_what_it_waits_for_more_unless_it_is_full_before() -> None:
    assert capacity.span_s(Load(events_per_s=1_000, linger_s=0.5)) == 0.5
    full = Load(events_per_s=1_000, linger_s=10, batch_records=950)
    assert capacity.span_s(full) == pytest.approx(1, rel=0.01)  # one worker, to which 950 of the 1,000 go
    assert capacity.span_s(Load(hold_s=60)) == 60


def test_between_two_measured_spans_the_share_of_writes_is_between_theirs() -> None:
    table = ((1, 1.0, 1.0), (100, 0.5, 0.8))
    assert capacity.coalesced(0.1, table) == (1.0, 1.0)
    assert capacity.coalesced(10, table) == pytest.approx((0.75, 0.9))
    assert capacity.coalesced(1000, table) == (0.5, 0.8)


def test_brokers_are_as_many_as_disks_or_network_need_and_fill_three_zones() -> None:
    disk_bound = Load(events_per_s=1e6, log_bytes=100, busy=1, replication=3)
    reads = sum(map(capacity.share, capacity.READ_BY)) + 1
    wanted = max(100 * 3 / capacity.BROKER_DISK_MB_S, 100 * (reads + 2) / capacity.BROKER_NETWORK_MB_S)
    assert wanted <= capacity.brokers(disk_bound) < wanted + 3
    assert capacity.brokers(Load(events_per_s=1)) == 3


def test_a_transaction_counts_an_item_twice_and_an_index_adds_two() -> None:
    load = Load(events_per_s=1000, hold_s=0.001)  # nothing coalesces
    sessions, orders = capacity.write_units(load)
    assert sessions == pytest.approx(1000 * capacity.SHARES["clicks"] * 2)
    assert orders == pytest.approx(1000 * capacity.SHARES["orders"] * 4)


def test_by_request_a_million_writes_cost_what_the_list_says() -> None:
    load = Load(events_per_s=1000, hold_s=0.001)
    sessions, orders = capacity.write_units(load)
    usage = prices()["usage"]
    writes = (sessions + orders) * usage["dynamodb million writes"]
    reads = (sessions / 2 + orders / 4) * usage["dynamodb million reads"]
    assert capacity.on_demand_usd(load) == pytest.approx((writes + reads) * 730 * 3600 / 1e6)


def test_twice_the_events_cost_twice_where_no_whole_machine_is_rounded_up() -> None:
    once, twice = (
        {need.what: need.usd for need in capacity.needs(dataclasses.replace(Load(), events_per_s=rate))}
        for rate in (1e6, 2e6)
    )
    for what in ("MSK storage", "DynamoDB, sessions", "DynamoDB, orders", "S3, each month's events"):
        assert twice[what] == pytest.approx(2 * once[what])


def test_a_worker_of_the_lake_commits_each_topic_once_a_linger() -> None:
    assert capacity.files_per_s(Load(events_per_s=100)) == len(capacity.SHARES) * capacity.FILES_PER_COMMIT
