"""Kafka's default partitioner (murmur2 of the key), vectorised with numpy.

An event has to go to the partition that any other client would choose for the same key. Otherwise the events of one
entity would be in two partitions.
Source: `org.apache.kafka.common.utils.Utils.murmur2`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SEED = np.uint32(0x9747B28C)
_M = np.uint32(0x5BD1E995)
_R = np.uint32(24)


def partitions_of(keys: Sequence[bytes], partitions: int) -> NDArray[np.int64]:
    """Compute the partition of each key.

    Args:
        keys: message keys.
        partitions: number of partitions of the topic.
    """
    lengths = np.fromiter(map(len, keys), dtype=np.int64, count=len(keys))
    result = np.zeros(len(keys), dtype=np.int64)
    data = np.frombuffer(b"".join(keys), dtype=np.uint8)
    starts = np.cumsum(lengths) - lengths
    for length in np.unique(lengths):  # keys are identifiers, so there are only a few lengths
        rows = np.flatnonzero(lengths == length)
        matrix = data[starts[rows][:, None] + np.arange(length)[None, :]]
        result[rows] = (murmur2(matrix) & np.uint32(0x7FFFFFFF)) % np.uint32(partitions)
    return result


def murmur2(keys: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Compute the murmur2 hash of each row.

    Args:
        keys: shape (number of keys, length of each), bytes.
    """
    rows, length = keys.shape
    words = np.ascontiguousarray(keys[:, : length // 4 * 4]).view("<u4")
    with np.errstate(over="ignore"):  # the arithmetic is modulo 2**32 on purpose
        hashed = np.full(rows, _SEED ^ np.uint32(length), dtype=np.uint32)
        for word in words.T:
            k = word * _M
            k ^= k >> _R
            hashed = (hashed * _M) ^ (k * _M)
        tail = keys[:, length // 4 * 4 :].astype(np.uint32)
        if tail.shape[1]:
            for place in range(tail.shape[1]):
                hashed ^= tail[:, place] << np.uint32(8 * place)
            hashed *= _M
        hashed ^= hashed >> np.uint32(13)
        hashed *= _M
        hashed ^= hashed >> np.uint32(15)
    return hashed
