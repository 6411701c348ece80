"""Read the MongoDB collections."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from shoplake.errors import StoreUnavailable
from shoplake.settings import Settings
from shoplake.verify.comparison import Comparison
from shoplake.verify.database import columns, run_sql
from shoplake.verify.key_ranges import fold_in_shares
from shoplake.verify.report import Finding
from shoplake.verify.stores.documents import DATE, MAP, as_text, create_found, flattened, insert_documents, read_ahead
from shoplake.verify.structure_diff import compared, differing, wanted

if TYPE_CHECKING:
    from pymongo.collection import Collection
    from pymongo.database import Database

CUSTOMERS = Comparison("mongo", "customers", ("_id",))
PRODUCTS = Comparison("mongo", "products", ("_id",))
COMPARISONS = (CUSTOMERS, PRODUCTS)
NOT_OF_DUCKDB = {
    "profile.registered_at": DATE,
    "orders.last_order_at": DATE,
    "launched_at": DATE,
    "folded": MAP,
}
# Dates outside the range of Python and invalid UTF-8 must not stop the reading.
LENIENT: CodecOptions[dict[str, Any]] = CodecOptions(
    datetime_conversion=DatetimeConversion.DATETIME_AUTO, unicode_decode_error_handler="backslashreplace"
)
STATES = ("whole", "filling", "held")
BATCH_DOCUMENTS = 5_000
TIMEOUT_MS = 10_000
SOCKET_TIMEOUT_MS = 120_000


def fold(cursor: duckdb.DuckDBPyConnection) -> None:
    """Create the expected tables."""
    run_sql(cursor, "mongo")
    fold_in_shares(cursor, CUSTOMERS, dict.fromkeys(("customers", "orders", "reviews"), "customer_id"))
    fold_in_shares(cursor, PRODUCTS, dict.fromkeys(("products", "reviews"), "product_id"))


def load(cursor: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> list[Finding]:
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
            database = client.get_database(settings.mongo.database, codec_options=LENIENT)
            generation, findings = _generation(database)
            cursor.execute(f"SET VARIABLE generation = {generation}")
            for comparison in COMPARISONS:
                findings += _load_collection(cursor, database[comparison.table], comparison)
            return [*findings, *compared(_expected(database), _found(database))]
    except PyMongoError as error:
        raise StoreUnavailable(
            f"mongo could not be read: {error}",
            fix="check `shoplake status`; `shoplake up` starts servers that are down",
        ) from error


def settle(cursor: duckdb.DuckDBPyConnection) -> None:
    """Do nothing: this store needs no adjustment."""
    del cursor


def repair(cursor: duckdb.DuckDBPyConnection, folder: Path) -> list[Finding]:
    """Do nothing: `load` has read everything."""
    del cursor, folder
    return []


def _generation(database: Database[dict[str, Any]]) -> tuple[str, list[Finding]]:
    """Return the expected `generation` of every document, as SQL, and findings about the rebuild record."""
    note = database["checkpoints"].find_one({"_id": "rebuild-0"})
    if note is None:
        return "NULL", []
    number = note.get("number")
    if isinstance(number, int) and not isinstance(number, bool) and number > 0 and note.get("state") in STATES:
        return str(int(number)), []
    found = as_text({name: value for name, value in note.items() if name != "_id"}, MAP)
    return "NULL", [differing("checkpoints rebuild-0", "number and state of a rebuild", found)]


def _load_collection(
    cursor: duckdb.DuckDBPyConnection, collection: Collection[dict[str, Any]], comparison: Comparison
) -> list[Finding]:
    create_found(cursor, comparison)
    kinds = columns(cursor, comparison.expected)
    kinds |= {name: kind for name, kind in NOT_OF_DUCKDB.items() if name in kinds}
    documents = read_ahead(collection.find({}, batch_size=BATCH_DOCUMENTS))
    flat = (flattened(document, whole=("folded",)) for document in documents)
    try:
        insert_documents(cursor, comparison, flat, kinds)
    except BSONError as error:  # the reading ends here; documents read before are compared
        return [differing(f"collection {comparison.table}", "documents that can be read", str(error))]
    return []


def _expected(database: Database[dict[str, Any]]) -> dict[str, str]:
    """Return the expected structure of the existing collections. A collection is created with its first document."""
    held = set(database.list_collection_names())
    made: dict[str, dict[str, str]] = wanted("mongo")["collections"]
    return {
        name: description
        for collection, indexes in made.items()
        if collection in held
        for name, description in _described(collection, indexes)
    }


def _found(database: Database[dict[str, Any]]) -> dict[str, str]:
    made = wanted("mongo")["collections"]
    return {
        name: description
        for collection in database.list_collection_names()
        if not collection.startswith("system.")
        for name, description in _described(collection, _indexes(database[collection]) if collection in made else {})
    }


def _described(collection: str, indexes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield f"collection {collection}", "a collection"
    for keys, options in indexes.items():
        yield f"index of {collection} on {keys}", options


def _indexes(collection: Collection[dict[str, Any]]) -> dict[str, str]:
    """Return indexed fields -> options. The names of indexes are ignored, because drivers choose different ones."""
    return {
        ", ".join(f"{field} {direction}" for field, direction in index["key"]): json.dumps(
            {name: value for name, value in index.items() if name not in {"v", "key", "ns", "name"}}, default=str
        )
        for index in collection.index_information().values()
    }
