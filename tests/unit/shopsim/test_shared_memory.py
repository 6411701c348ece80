"""Several windows at once, and what workers hand over: the rows of one process, window by window."""

from __future__ import annotations

import itertools
from functools import cache

import polars as pl
import pytest

import shopsim
from shoplake.contract import TOPICS
from shopsim.engine.publish_windows import published_batches
from shopsim.engine.shared_memory import merged, pack, unpack
from shopsim.shop.text_pools import pools

SEED, LANES, WINDOWS = 7, (0, 1, 2), 7


@cache  # each test compares with the same rows
def windows(name: str, lanes, at_once: int) -> list[pl.DataFrame]:
    scenario = shopsim.load_scenario(name)
    made = published_batches(scenario, SEED, lanes, 2, tuple(TOPICS), pools(scenario, SEED), at_once)
    rows = itertools.chain.from_iterable(batch.windows() for batch in made)
    return list(itertools.islice(rows, WINDOWS))


@pytest.mark.parametrize("name", ["load-test", "dirty-data"])
@pytest.mark.parametrize("at_once", [2, 3, 100])
def test_windows_made_at_once_are_those_made_one_by_one(name, at_once):
    alone = windows(name, LANES, 1)
    assert all(found.equals(one) for found, one in zip(windows(name, LANES, at_once), alone, strict=True))


@pytest.mark.parametrize("name", ["load-test", "dirty-data"])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_parcels_of_several_workers_are_the_rows_of_one(name, workers):
    scenario = shopsim.load_scenario(name)
    parts = [LANES[number::workers] for number in range(workers)]
    made = [published_batches(scenario, SEED, part, 2, tuple(TOPICS), pools(scenario, SEED), workers) for part in parts]
    found: list[pl.DataFrame] = []
    while len(found) < WINDOWS:
        sent = [pack(next(part)) for part in made]
        found += merged([unpack(message, text.file.fileno()) for message, text in sent]).windows()
    alone = windows(name, LANES, 1)
    assert all(one.equals(whole) for one, whole in zip(found, alone, strict=False))
    assert found[0].schema == alone[0].schema


def test_workers_of_which_one_has_nothing_to_say_are_merged():
    scenario = shopsim.load_scenario("load-test")
    texts = pools(scenario, SEED)
    quiet, busy = (next(published_batches(scenario, SEED, (0,), 2, topics, texts)) for topics in ((), ("clicks",)))
    sent = [pack(part) for part in (quiet, busy, quiet)]
    found = merged([unpack(message, text.file.fileno()) for message, text in sent])
    assert found.rows.equals(busy.rows)
    assert found.counts == busy.counts
    nothing = merged([unpack(message, text.file.fileno()) for message, text in sent[::2]])
    assert (nothing.rows.height, nothing.rows.schema, nothing.counts) == (0, busy.rows.schema, [0])
