"""Waiting that ends early when there is a reason."""

from __future__ import annotations

import asyncio


async def first(seconds: float, *events: asyncio.Event) -> None:
    """Wait until one of the events is set, or until the time is over."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waiting:
            wait.cancel()
