"""Sessions from DynamoDB, by boto3 in threads, with consistent reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from shoplake import aws
from shoplake.api.stores.base import Store, positions_of
from shoplake.positions import Positions
from shoplake.settings import DynamoDBSettings
from shoplake.sinks.dynamodb.wire_format import plain

T = TypeVar("T")

THREADS = 8
TOPICS = ("clicks",)


class DynamoDBStore(Store):
    """Reads in a pool of threads of its own, so that a slow answer holds up no other store."""

    name: ClassVar[str] = "dynamodb"
    errors = (BotoCoreError, ClientError)

    def __init__(self, settings: DynamoDBSettings) -> None:
        super().__init__()
        self._settings = settings

    async def open(self) -> None:
        """Make the client; it connects at the first read."""
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="api-dynamodb")
        self._client = await self._in_thread(
            lambda: aws.client("dynamodb", max_attempts=2, read_timeout_s=3, pool=THREADS)
        )

    async def close(self) -> None:
        """Close the connections. A call that runs ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    async def ping(self) -> None:
        """Ask for a row that need not exist."""
        await self._get(self._settings.checkpoints_table, "rebuild-0")

    async def positions(self) -> Positions:
        """Read the table of checkpoints: a few dozen rows."""
        answer = await self._call(
            lambda: self._client.scan(TableName=self._settings.checkpoints_table, ConsistentRead=True)
        )
        rows = map(plain, answer["Items"])
        return positions_of({str(row.get("pk")): row for row in rows})

    async def session(self, session_id: str) -> dict[str, Any] | None:
        """The item of a session; None if there is none."""
        return await self._get(self._settings.sessions_table, session_id)

    async def _get(self, table: str, key: str) -> dict[str, Any] | None:
        answer = await self._call(
            lambda: self._client.get_item(TableName=table, Key={"pk": {"S": key}}, ConsistentRead=True)
        )
        return dict(plain(answer["Item"])) if "Item" in answer else None

    async def _call(self, work: Callable[[], T]) -> T:
        return await self.call(lambda: self._in_thread(work))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
