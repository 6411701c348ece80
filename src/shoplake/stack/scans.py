"""Scans of MiniStack's DynamoDB in which a page costs what is on it.

For each page MiniStack sorts, hashes and cuts the whole table, so that to read it takes the square of its items: ten
seconds for a hundred thousand, a quarter of an hour for a million. Here the order of the keys is made when a scan
begins, and each page is MiniStack's own scan of the next few items. What is written during a scan may or may not be
in it, as on AWS.
"""

from __future__ import annotations

import bisect
import zlib
from collections.abc import Callable, Iterator, MutableMapping
from itertools import islice
from types import ModuleType
from typing import Any

PLAIN = frozenset({"TableName", "ConsistentRead", "ExclusiveStartKey", "Segment", "TotalSegments"})
"""Parameters of the scans that are taken over; one with a filter, an index or the like is left to MiniStack."""
PAGE_ITEMS = 4_000
SCANS = 64
"""So many orders are kept at most; the scan that began first begins again if it goes on."""
LAST_KEY = b'"LastEvaluatedKey"'
"""What is in the body of every answer but the last; text of an item that says so only keeps an order for longer."""
NO_SORT_KEY = "__no_sort__"
"""What MiniStack files an item under in a table without a sort key."""

Request = dict[str, Any]
Scan = Callable[[Request], Any]
Table = dict[str, Any]
Key = tuple[str, str]


class LinearScans:
    """MiniStack's function for Scan, called as that is: by one thread, one request after another."""

    def __init__(self, scan: Scan, tables: MutableMapping[str, Table]) -> None:
        self._scan = scan
        self._tables = tables
        self._orders: dict[tuple[int, int, int], list[Key]] = {}

    def __call__(self, request: Request) -> Any:  # noqa: ANN401 - what MiniStack's function returns
        """One page."""
        name = str(request.get("TableName"))
        table = self._tables.get(name)
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
        rest = map(order.__getitem__, range(bisect.bisect_right(order, after) if after else 0, len(order)))
        held = ((pk, sk) for pk, sk in rest if sk in table["items"].get(pk, ()))
        keys = list(islice(held, PAGE_ITEMS))
        page: Request = {key: request[key] for key in ("TableName", "ConsistentRead") if key in request}
        if len(keys) == PAGE_ITEMS:
            page["Limit"] = PAGE_ITEMS  # where a page stops at its limit, MiniStack says where to go on
        items: dict[str, dict[str, Any]] = {}
        for pk, sk in keys:
            items.setdefault(pk, {})[sk] = table["items"][pk][sk]
        self._tables[name] = table | {"items": items}
        try:
            answer = self._scan(page)
        finally:
            self._tables[name] = table
        if LAST_KEY not in answer[2]:
            del self._orders[place]  # the scan is over; of a million items an order is a hundred megabytes
        return answer


def install(dynamodb: ModuleType) -> None:
    """Have `ministack.services.dynamodb` scan so."""
    dynamodb._scan = LinearScans(dynamodb._scan, dynamodb._tables)  # type: ignore[attr-defined]


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


def _key(table: Table, start: Request) -> Key | None:
    """Where a page begins, as MiniStack files an item; None where the request does not name a key."""
    names = [name for name in (table["pk_name"], table["sk_name"]) if name]
    values = [value for name in names for value in start.get(name, {}).values() if isinstance(value, str)]
    if len(values) != len(names):
        return None
    return values[0], values[1] if table["sk_name"] else NO_SORT_KEY
