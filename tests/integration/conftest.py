"""A platform with a shop in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from shoplake import stack as embedded
from shoplake.environments import prepare_stack
from shoplake.infra import runner
from shoplake.infra.tfvars import variables_from
from shoplake.publish.kafka import publish
from shoplake.publish.run import Run, load_scenario
from shoplake.settings import Settings
from shoplake.settings import load as load_settings
from shoplake.sinks import SINKS
from shoplake.streaming.lag import lags
from shoplake.streaming.supervisor import stream
from tests.integration import user_shell
from tests.own_stack import own_stack

WITHOUT_RDS = {"capabilities": "{rds = false}"}  # a fixed wait of the provider makes it cost 80 s
EVENTS = 20_000
SEED = 11


@pytest.fixture(scope="module")
def loaded_stack(platform: Settings) -> Settings:
    """20k events of the demo shop, and whatever files before this one have published, streamed into every store."""
    run = Run(load_scenario("demo"), SEED, EVENTS)
    asyncio.run(publish(platform.kafka, run))
    if any(store.problem or store.lag for store in asyncio.run(lags(platform, list(SINKS)))):
        asyncio.run(stream(SINKS, until_caught_up=True))
    return platform


@pytest.fixture(scope="module")
def shell(loaded_stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of a shell that has evaluated `shoplake env`."""
    return user_shell.with_stores(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Empty stores and an empty log, of this file's own, so that nothing has to be cleaned up."""
    with own_stack(tmp_path_factory.mktemp("stores") / "home"):
        prepare_stack()
        given = variables_from(embedded.connections()) | WITHOUT_RDS
        runner.apply("local", variables=given, environment=embedded.environment())
        yield load_settings("local")
