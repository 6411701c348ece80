"""A time limit for calls to a store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from shoplake.errors import StoreUnavailable

T = TypeVar("T")

# A sink's own time-outs are shorter. This one is for calls that they do not cover.
CALL_TIMEOUT_S = 180.0


async def answer_in_time(call: Awaitable[T]) -> T:
    """The answer of a store.

    Raises:
        StoreUnavailable: it did not answer in time.
    """
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            return await call
    except TimeoutError as error:
        raise StoreUnavailable(f"the store did not answer within {CALL_TIMEOUT_S:.0f} s") from error
