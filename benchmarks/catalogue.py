"""Measures a search in a catalogue of 10,000 datasets with 200,000 columns, compared with a plain scan of all texts.

python benchmarks/catalogue.py
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable

from shoplake.map.graph import Dataset, Field
from shoplake.map.views.search import Index

NOUNS = [
    "customer",
    "order",
    "payment",
    "shipment",
    "product",
    "review",
    "session",
    "campaign",
    "invoice",
    "refund",
    "stock",
    "carrier",
    "region",
    "store",
]
PARTS = [
    "id",
    "name",
    "email",
    "status",
    "amount",
    "country",
    "city",
    "created",
    "updated",
    "total",
    "count",
    "price",
    "code",
    "type",
    "day",
]
QUERIES = ("customer email", "ord", "refund total amount", "c", "finance invoice country", "zzz")


def datasets(count: int, columns: int, seed: int) -> list[Dataset]:
    """Datasets with names of two nouns and a number, and columns of a noun, a part and a number."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    pick = rng.choice

    def field(number: int) -> Field:
        return Field(f"{pick(NOUNS)}_{pick(PARTS)}_{number}", "varchar", f"The {pick(PARTS)} of the {pick(NOUNS)}.")

    return [
        Dataset(
            system=pick(("kafka", "postgres", "gold")),
            name=f"{pick(NOUNS)}_{pick(NOUNS)}_{number}",
            kind="table",
            description=f"Each {pick(NOUNS)} with its {pick(PARTS)} and its {pick(PARTS)}.",
            owner=pick(("finance", "logistics", "marketing")),
            fields=tuple(field(one) for one in range(columns)),
        )
        for number in range(count)
    ]


def milliseconds(run: Callable[[], object], times: int) -> float:
    """The median of several runs."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        found.append((time.perf_counter() - start) * 1000)
    return statistics.median(found)


def main() -> None:
    """Print one line per query."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=10_000)
    parser.add_argument("--columns", type=int, default=20, help="per dataset")
    parser.add_argument("--runs", type=int, default=15)
    arguments = parser.parse_args()
    made = datasets(arguments.datasets, arguments.columns, seed=1)
    start = time.perf_counter()
    index = Index(made)
    built = time.perf_counter() - start
    texts = [f"{one.id} {field.name} {field.description} {one.owner}" for one in made for field in one.fields]
    print(f"{len(made):,} datasets, {len(texts):,} columns; index built once in {built:.1f} s")
    print(f"{'query':<26}{'hits':>6}{'search ms':>11}{'scan ms':>9}{'scan / search':>15}")
    for query in QUERIES:
        words = query.split()
        hits = len(index.search(query))
        ours = milliseconds(lambda query=query: index.search(query), arguments.runs)
        scan = milliseconds(lambda words=words: [t for t in texts if all(word in t for word in words)], 3)
        print(f"{query:<26}{hits:>6}{ours:>11.1f}{scan:>9.1f}{scan / ours:>15.1f}")


if __name__ == "__main__":
    main()
