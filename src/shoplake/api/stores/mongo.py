"""Customers and products from MongoDB. The positions are read before the documents, so these have at least them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from shoplake.api.stores.base import Store, positions_of
from shoplake.positions import Positions
from shoplake.settings import MongoSettings

Document = dict[str, Any]

CONNECTIONS = 16
ANSWER_MS = 5_000
CUSTOMER_TOPICS = ("customers", "orders", "reviews")
PRODUCT_TOPICS = ("products", "reviews")
# Dates outside of Python's range, and texts that are not UTF-8, must not stop a page.
LENIENT: CodecOptions[Document] = CodecOptions(
    tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO, unicode_decode_error_handler="backslashreplace"
)


class MongoStore(Store):
    """Reads through an asynchronous client with a pool."""

    name: ClassVar[str] = "mongo"
    errors = (PyMongoError,)

    def __init__(self, settings: MongoSettings) -> None:
        super().__init__()
        self._settings = settings

    async def open(self) -> None:
        """Make the client; it connects at the first read."""
        self._client: AsyncMongoClient[Document] = AsyncMongoClient(
            **self._settings.options(),
            maxPoolSize=CONNECTIONS,
            waitQueueTimeoutMS=2_000,
            serverSelectionTimeoutMS=2_000,
            connectTimeoutMS=2_000,
            socketTimeoutMS=ANSWER_MS,
            appname="shoplake-api",
        )
        self._database = self._client.get_database(self._settings.database, codec_options=LENIENT)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def ping(self) -> None:
        """Ask the server."""
        await self.call(lambda: self._database.command("ping"))

    async def positions(self) -> Positions:
        """Read the checkpoints."""
        rows = await self.call(lambda: self._database["checkpoints"].find({}).to_list())
        return positions_of({str(row["_id"]): row for row in rows})

    async def get(self, collection: str, key: str) -> Document | None:
        """One document; None if there is none."""
        return await self.call(lambda: self._database[collection].find_one({"_id": key}))

    async def page(
        self, collection: str, conditions: Mapping[str, Any], after: str | None, rows: int
    ) -> Sequence[Document]:
        """Documents in the order of their key, after one."""
        wanted = dict(conditions) if after is None else {**conditions, "_id": {"$gt": after}}
        found = self._database[collection].find(wanted, max_time_ms=ANSWER_MS).sort("_id", 1).limit(rows)
        return await self.call(lambda: found.to_list())


def containing(text: str) -> Mapping[str, Any]:
    """The condition that a field has a text in it, in upper or lower case."""
    return {"$regex": re.escape(text), "$options": "i"}
