"""A key lands where every other Kafka client would put it."""

from __future__ import annotations

import numpy as np
import pytest
from aiokafka import partitioner as reference
from hypothesis import given
from hypothesis import strategies as st

from shoplake.contract.partitioner import murmur2, partitions_of

keys = st.lists(st.binary(max_size=40), max_size=30)


@pytest.mark.parametrize("length", range(41))
def test_the_hash_equals_the_reference_for_every_length(length: int) -> None:
    rows = np.random.default_rng(length).integers(0, 256, size=(20, length), dtype=np.uint8)
    assert murmur2(rows).tolist() == [reference.murmur2(row.tobytes()) for row in rows]


@given(keys=keys, partitions=st.integers(1, 100))
def test_the_partition_equals_that_of_the_default_partitioner(keys: list[bytes], partitions: int) -> None:
    choose, every = reference.DefaultPartitioner(), list(range(partitions))
    assert partitions_of(keys, partitions).tolist() == [choose(key, every, every) for key in keys]
