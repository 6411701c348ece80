"""Producers as tutorials write them: one event, made by Faker, and one `send` of it.

Runs by itself with the libraries of an environment that is thrown away:
`python side_by_side_producers.py CLIENT EVENT BROKERS TOPIC EVENTS`, and prints wall and CPU seconds as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

Make = Callable[[], dict[str, Any]]


def page_views() -> Make:
    """Flat events with random ids, which Faker is fastest at."""
    fake = _fake()
    return lambda: {
        "type": "product_viewed",
        "event_id": fake.uuid4(),
        "occurred_at_ms": fake.unix_time() * 1000,
        "session_id": fake.uuid4(),
        "product_id": fake.bothify("p-####"),
    }


def orders() -> Make:
    """The orders of most tutorials: who, where to, what."""
    fake = _fake()
    return lambda: {
        "type": "order_placed",
        "order_id": fake.uuid4(),
        "occurred_at_ms": fake.unix_time() * 1000,
        "customer": {"name": fake.name(), "email": fake.email(), "address": fake.address()},
        "product": fake.word(),
        "quantity": fake.random_int(1, 5),
        "total_cents": fake.random_int(500, 50_000),
    }


def ready_made() -> Make:
    """One event again and again: what is left is the client."""
    event = page_views()()
    return lambda: event


def _fake() -> Any:  # noqa: ANN401 - not installed where this is checked
    from faker import Faker

    fake = Faker()
    fake.seed_instance(7)
    return fake


def aiokafka(make: Make, brokers: str, topic: str, events: int) -> None:
    """`await producer.send` per message."""
    asyncio.run(_aiokafka(make, brokers, topic, events))


async def _aiokafka(make: Make, brokers: str, topic: str, events: int) -> None:
    from aiokafka import AIOKafkaProducer

    async with AIOKafkaProducer(
        bootstrap_servers=brokers, value_serializer=lambda event: json.dumps(event).encode()
    ) as producer:
        for _ in range(events):
            event = make()
            await producer.send(topic, event, key=event["type"].encode())
        await producer.flush()


def confluent(make: Make, brokers: str, topic: str, events: int) -> None:
    """`producer.produce` and `poll(0)` per message."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": brokers})
    refused: list[Any] = []

    def delivered(error: Any, _message: Any) -> None:  # noqa: ANN401
        if error:
            refused.append(error)

    for _ in range(events):
        event = make()
        while True:
            try:
                producer.produce(topic, json.dumps(event).encode(), event["type"].encode(), on_delivery=delivered)
                break
            except BufferError:  # its queue is full
                producer.poll(0.1)
        producer.poll(0)
    producer.flush()
    if refused:
        raise RuntimeError(f"{len(refused)} messages were not taken: {refused[0]}")


def kafka_python(make: Make, brokers: str, topic: str, events: int) -> None:
    """`producer.send` per message."""
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=brokers)
    for _ in range(events):
        event = make()
        producer.send(topic, json.dumps(event).encode(), key=event["type"].encode())
    producer.flush()
    producer.close()


FLAT = (
    {"name": "type", "type": "enum", "values": ["product_viewed"]},
    {"name": "event_id", "type": "uuid"},
    {"name": "occurred_at", "type": "timestamp"},
    {"name": "session_id", "type": "int", "min": 0, "max": 9999},
    {"name": "product_id", "type": "int", "min": 0, "max": 299},
)
KHAOS_S = 8


def khaos(kind: str, brokers: str, topic: str) -> int:
    """khaos-cli's own generator and producer at full speed for some seconds, put together as its command does.

    Returns:
        How many messages Kafka has taken.
    """
    import pathlib
    from concurrent.futures import ThreadPoolExecutor

    import khaos
    import yaml
    from khaos.generators.schema import SchemaPayloadGenerator
    from khaos.kafka.producer import ProducerSimulator
    from khaos.models.config import ProducerConfig
    from khaos.models.schema import FieldSchema

    shipped = pathlib.Path(khaos.__file__).parent / "bundled_scenarios" / "flows" / "ecommerce-orders.yaml"
    theirs = yaml.safe_load(shipped.read_text())["topics"][0]["message_schema"]["fields"]
    fields = [FieldSchema.from_dict(field) for field in (theirs if kind == "orders" else FLAT)]
    with ThreadPoolExecutor() as pool:
        producer = ProducerSimulator(brokers, pool, ProducerConfig(messages_per_second=1e9))
        asyncio.run(producer.produce_at_rate(topic, SchemaPayloadGenerator(fields), duration_seconds=KHAOS_S))
    return int(producer.get_stats().messages_sent)


CLIENTS = {"aiokafka": aiokafka, "confluent-kafka": confluent, "kafka-python": kafka_python}
EVENTS = {"page views": page_views, "orders": orders, "ready-made": ready_made}


def main() -> None:
    """Send, and print how long it took, start-up of the libraries left out."""
    client, kind, brokers, topic, wanted = sys.argv[1:]
    events = int(wanted)
    make = EVENTS[kind]()
    make()  # Faker loads its providers on first use
    wall, cpu = time.perf_counter(), time.process_time()
    if client == "khaos":
        events = khaos(kind, brokers, topic)
    else:
        CLIENTS[client](make, brokers, topic, events)
    found = {"events": events, "wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
