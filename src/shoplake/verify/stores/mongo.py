"""What the MongoDB collections hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from shoplake.errors import StoreUnavailable
from shoplake.settings import Settings
from shoplake.verify.comparison import Comparison
from shoplake.verify.database import run_sql
from shoplake.verify.shares import fold_in_shares
from shoplake.verify.stores.documents import create_found, flattened, insert_documents

CUSTOMERS = Comparison("mongo", "customers", ("_id",))
PRODUCTS = Comparison("mongo", "products", ("_id",))
COMPARISONS = (CUSTOMERS, PRODUCTS)
BATCH_DOCUMENTS = 5_000
TIMEOUT_MS = 10_000
SOCKET_TIMEOUT_MS = 120_000


def fold(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make the expected tables."""
    run_sql(cursor, "mongo")
    fold_in_shares(cursor, CUSTOMERS, dict.fromkeys(("customers", "orders", "reviews"), "customer_id"))
    fold_in_shares(cursor, PRODUCTS, dict.fromkeys(("products", "reviews"), "product_id"))


def load(cursor: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> None:
    """Fill the found tables.

    Raises:
        StoreUnavailable: MongoDB does not answer.
    """
    del folder
    try:
        with MongoClient[dict[str, Any]](
            **settings.mongo.options(),
            serverSelectionTimeoutMS=TIMEOUT_MS,
            connectTimeoutMS=TIMEOUT_MS,
            socketTimeoutMS=SOCKET_TIMEOUT_MS,
        ) as client:
            database = client[settings.mongo.database]
            for comparison in COMPARISONS:
                documents = database[comparison.table].find({}, batch_size=BATCH_DOCUMENTS)
                create_found(cursor, comparison)
                insert_documents(cursor, comparison, map(flattened, documents))
    except PyMongoError as error:
        raise StoreUnavailable(
            f"mongo could not be read: {error}",
            fix="look at `shoplake status`; `shoplake up` starts what is down",
        ) from error


def settle(cursor: duckdb.DuckDBPyConnection) -> None:
    """Nothing to settle."""
    del cursor
