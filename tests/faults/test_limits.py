"""Row 23: valid events at every store's limits, and beside them records that the contract refuses."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from shoplake import kafka
from shoplake.contract import DEAD_LETTERS, partitions_of
from shoplake.contract.limits import CART_ADDITIONS
from shoplake.sinks import SINKS

from .fault_stack import Lab
from .nemesis import Nemesis
from .test_bad_and_lost_records import dead_letters, place

pytestmark = [pytest.mark.stack, pytest.mark.fault]

EARLIEST_MS, LATEST_MS = 631_152_000_000, 4_102_444_800_000
MOST_CENTS = 10**12
LONGEST_ID, LONGEST_TEXT = "😀" * 60, "😀" * 2_000
ODD = ["a\x1f", 'q"\\', "a\nb\tc", "\\N", "\u2028", "é", "é"]
Planted = tuple[str, bytes, bytes, int | None]  # topic, key, value, partition if it is not the key's


def sound(nemesis: Nemesis) -> Iterator[Planted]:
    """Valid events without end, of one session, two customers with one order id, and ids of all kinds."""
    for n in itertools.count():
        product = nemesis.pick([f"{LONGEST_ID}{n % 10_000:04}", *ODD])
        session = nemesis.pick(["limits", f"{LONGEST_ID}s", *ODD])
        at = nemesis.pick([EARLIEST_MS, LATEST_MS, 1_704_067_200_000 + n])
        money = nemesis.pick([0, MOST_CENTS])
        customer = nemesis.pick(["limits-1", "limits-2", f"{LONGEST_ID}c"])
        added = {"product_id": product, "quantity": 1_000_000, "unit_price_cents": money, "currency": "EUR"}
        yield of("clicks", session, n, at, "cart_item_added", session_id=session, **added)
        order = {"order_id": "limits-same", "customer_id": customer, "payment_id": "limits-same", "currency": "EUR"}
        kind = nemesis.pick(["payment_captured", "payment_captured", "payment_refunded"])
        yield of("orders", customer, n, at, kind, amount_cents=money, **order)
        reviewed = {"product_id": product, "customer_id": customer, "order_id": "o", "rating": 5}
        texts = {"title": LONGEST_TEXT, "body": nemesis.pick([LONGEST_TEXT, *ODD])}
        yield of("reviews", product, n, at, "review_submitted", review_id="limits-same", **reviewed, **texts)


def refused(nemesis: Nemesis) -> Iterator[Planted]:
    """Records that are no events by one thing each."""
    for n in itertools.count():
        fields = {"order_id": "o", "customer_id": "limits-1", "payment_id": "y", "amount_cents": 1, "currency": "EUR"}
        topic, key, value, _ = of("orders", "limits-1", n, EARLIEST_MS, "payment_captured", **fields)
        right = int(partitions_of([key], kafka.PARTITIONS)[0])
        yield nemesis.pick(
            [
                (topic, b"limits-2", value, None),
                (topic, key, value, (right + 1) % kafka.PARTITIONS),
                (topic, key, value.replace(b'"EUR"', b'"EUR\\n"'), None),
                (topic, key, value.replace(b'"amount_cents": 1', b'"amount_cents": %d' % (MOST_CENTS + 1)), None),
                (topic, key, value.replace(b'"amount_cents": 1', b'"amount_cents": 1, "amount\\u005fcents": 2'), None),
                (topic, key, value.replace(b'"amount_cents": 1', b'"amount_cents": 1e0'), None),
                (topic, key, value.replace(b'"o"', b'"%s"' % (b"x" * 65)), None),
            ]
        )


def of(topic: str, key: str, number: int, at: int, kind: str, **fields: Any) -> Planted:
    event: Mapping[str, Any] = {"type": kind, "event_id": f"limits-{number}", "occurred_at_ms": at, **fields}
    return topic, key.encode(), json.dumps(event).encode(), None


@pytest.mark.row(23)
async def test_events_at_the_limits_are_in_every_store_and_events_beyond_are_dead_letters(
    lab: Lab, nemesis: Nemesis
) -> None:
    """One session's cart is filled beyond what an item takes; nothing stops, and other partitions go on."""
    await lab.log_of(lab.tier.small_log)
    one = {"session_id": "limits", "quantity": 1_000_000, "unit_price_cents": MOST_CENTS}
    filled = [
        of("clicks", "limits", n, LATEST_MS, "cart_item_added", product_id=f"{LONGEST_ID}{n:04}", **one)
        for n in range(CART_ADDITIONS + 100)
    ]
    events = list(itertools.islice(sound(nemesis), lab.tier.at_limits))
    bad = list(itertools.islice(refused(nemesis), lab.tier.at_limits // 2))
    async with AIOKafkaProducer(**kafka.client_options(lab.settings.kafka)) as producer:
        sent = [await producer.send(t, value, key, partition=where) for t, key, value, where in (*filled, *events)]
        worse = [await producer.send(t, value, key, partition=where) for t, key, value, where in bad]
        await asyncio.gather(*sent)
        beyond = {(at.topic, at.partition, at.offset) for at in await asyncio.gather(*worse)}
    async with lab.stores(*SINKS) as stores:
        await asyncio.gather(*(lab.finish(name, stores) for name in (*SINKS, DEAD_LETTERS)))
        found = [letter for letter in await dead_letters(lab) if place(letter) in beyond]
        assert sorted(map(place, found)) == sorted(beyond)
        assert {letter.reason for letter in found} == {"schema", "key", "partition"}
        note = f"{len(filled) + len(events)} at the limits, {len(bad)} beyond"
        count = len(filled) + len(events) + len(bad)
        await lab.check(23, "at every store's limits", stores, [*SINKS, "dead_letters"], faults=count, note=note)
