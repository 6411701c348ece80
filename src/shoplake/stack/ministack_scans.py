"""Faster scans for MiniStack's DynamoDB: the cost of a page depends only on the items in it.

For each page, MiniStack sorts, hashes and slices the whole table, so a full scan has quadratic cost: ten seconds for
100,000 items, 15 minutes for a million. Here the order of the keys is made when a scan
begins, and a page is written from the next few items. What is written during a scan may or may not be in it, as on AWS.
"""

from __future__ import annotations

import bisect
import zlib
from collections.abc import Callable, Iterator, MutableMapping
from types import ModuleType
from typing import Any

import msgspec

PLAIN = frozenset({"TableName", "ConsistentRead", "ExclusiveStartKey", "Segment", "TotalSegments"})
"""Parameters of the scans that are taken over; one with a filter, an index or the like is left to MiniStack."""
PAGE_BYTES = 1024 * 1024
"""A page's items end at or before this, as JSON, which is a little longer than what AWS counts."""
SCANS = 64
"""So many orders are kept at most; the scan that began first begins again if it goes on."""
NO_SORT_KEY = "__no_sort__"
"""What MiniStack files an item under in a table without a sort key."""
CONTENT_TYPE = "application/x-amz-json-1.0"

Request = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]
Scan = Callable[[Request], Answer]
Table = dict[str, Any]
Key = tuple[str, str]


class LinearScans:
    """MiniStack's function for Scan, called as that is: by one thread, one request after another."""

    def __init__(self, scan: Scan, tables: MutableMapping[str, Table]) -> None:
        self._scan = scan
        self._tables = tables
        self._orders: dict[tuple[int, int, int], list[Key]] = {}

    def __call__(self, request: Request) -> Answer:
        """One page."""
        table = self._tables.get(str(request.get("TableName")))
        segment, segments = _segment(request)
        if not table or set(request) - PLAIN or not 0 <= segment < segments:
            return self._scan(request)
        start = request.get("ExclusiveStartKey")
        after = _key(table, start) if start else None
        if start and not after:
            return self._scan(request)
        place = (id(table), segment, segments)
        if after is None or place not in self._orders:
            self._orders[place] = sorted(_keys(table, segment, segments))
            while len(self._orders) > SCANS:
                del self._orders[next(iter(self._orders))]
        order = self._orders[place]
        body, over = _page(table, order, bisect.bisect_right(order, after) if after else 0)
        if over:
            del self._orders[place]  # of a million items an order is a hundred megabytes
        return 200, {"Content-Type": CONTENT_TYPE}, body


def install(dynamodb: ModuleType) -> None:
    """Have `ministack.services.dynamodb` scan so."""
    dynamodb._scan = LinearScans(dynamodb._scan, dynamodb._tables)  # type: ignore[attr-defined]


def _page(table: Table, order: list[Key], at: int) -> tuple[bytes, bool]:
    """The body of an answer with the items of `order` from `at` on, and whether they are the last ones."""
    found: list[bytes] = []
    size = 0
    last: Request = {}
    over = True
    for pk, sk in map(order.__getitem__, range(at, len(order))):
        item = table["items"].get(pk, {}).get(sk)
        if item is None:
            continue  # it went during the scan
        encoded = msgspec.json.encode(item)
        size += len(encoded)
        if found and size > PAGE_BYTES:
            over = False
            break
        found.append(encoded)
        last = item
    ending = f'"Count":{len(found)},"ScannedCount":{len(found)}'.encode()
    if not over:
        ending += b',"LastEvaluatedKey":' + msgspec.json.encode({name: last[name] for name in _names(table)})
    return b'{"Items":[' + b",".join(found) + b"]," + ending + b"}", over


def _segment(request: Request) -> tuple[int, int]:
    """Which of how many, from 0; of 0 where the request says it wrongly."""
    if not {"Segment", "TotalSegments"} & request.keys():
        return 0, 1
    segment, segments = request.get("Segment"), request.get("TotalSegments")
    return (segment, segments) if isinstance(segment, int) and isinstance(segments, int) else (0, 0)


def _keys(table: Table, segment: int, segments: int) -> Iterator[Key]:
    for pk, by_sk in table["items"].items():
        if segments == 1 or zlib.crc32(str(pk).encode()) % segments == segment:
            for sk in by_sk:
                yield pk, sk


def _names(table: Table) -> list[str]:
    return [name for name in (table["pk_name"], table["sk_name"]) if name]


def _key(table: Table, start: Request) -> Key | None:
    """Where a page begins, as MiniStack files an item; None where the request does not name a key."""
    names = _names(table)
    values = [value for name in names for value in start.get(name, {}).values() if isinstance(value, str)]
    if len(values) != len(names):
        return None
    return values[0], values[1] if table["sk_name"] else NO_SORT_KEY
