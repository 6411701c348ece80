"""Readable ids with a namespace, so that two seeds, scenarios or versions never share one on the same stack."""

from __future__ import annotations

import hashlib

import polars as pl

PREFIXES = {
    "customer_id": "c",
    "order_id": "o",
    "session_id": "s",
    "payment_id": "y",
    "shipment_id": "h",
    "review_id": "r",
}
"""What the ids of entities that a lane owns begin with: `o-<namespace>-<lane>-<number>`."""


def namespace(digest: str, seed: int, version: int) -> str:
    """Six hexadecimal digits that stand for a scenario (by its digest), a seed and a version of the simulator."""
    return hashlib.sha256(f"{digest} {seed} {version}".encode()).hexdigest()[:6]


def owned(prefix: str, space: str, number: pl.Expr) -> pl.Expr:
    """Ids of entities of the row's `lane`; null where `number` is negative."""
    text = pl.format(f"{prefix}-{space}-{{}}-{{}}", pl.col("lane"), number)
    return pl.when(number >= 0).then(text)


def product(space: str, number: int) -> str:
    """The id of a product, which all lanes share."""
    return f"p-{space}-{number}"


def warehouse(space: str) -> pl.Expr:
    """The id of the row's lane's warehouse."""
    return pl.format(f"w-{space}-{{}}", pl.col("lane"))


def event(space: str, window: int) -> pl.Expr:
    """`<namespace>-<lane>-<window>-<seq>`, from the row's `lane` and `seq`."""
    return pl.format(f"{space}-{{}}-{window}-{{}}", pl.col("lane"), pl.col("seq"))
