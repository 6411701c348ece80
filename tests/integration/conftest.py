"""A platform with a shop in it."""

from __future__ import annotations

import asyncio

import pytest

from shoplake.publish.kafka import publish
from shoplake.publish.run import Run, load_scenario
from shoplake.settings import Settings
from shoplake.sinks import SINKS
from shoplake.streaming.supervisor import stream

EVENTS = 20_000
SEED = 11


@pytest.fixture(scope="session")
def loaded_stack(platform: Settings) -> Settings:
    """20k events of the demo shop, published and streamed into every store."""
    run = Run(load_scenario("demo"), SEED, EVENTS)
    asyncio.run(publish(platform.kafka, run))
    asyncio.run(stream(SINKS, until_caught_up=True))
    return platform
