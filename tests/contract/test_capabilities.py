"""The capability table against the emulators: each row holds what the API really does, or its test fails."""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit

import pytest

from shoplake.stack import CAPABILITIES, Capability, Connections
from shoplake.stack.aws_endpoint import identify
from shoplake.stack.capabilities import MEASURED
from tests.contract.probes import PROBES, found
from tests.contract.probes.judging import said
from tests.contract.probes.servers import (
    API_VERSIONS,
    OP_MSG,
    WISH_FOR_TLS,
    speaks_kafka,
    speaks_mongo,
    speaks_postgres,
    speaks_valkey,
)
from tests.emulators import Running

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module", params=MEASURED)
def emulator(request: pytest.FixtureRequest) -> Running:
    running: Running = request.getfixturevalue(request.param)
    return running


def test_every_row_has_a_probe_and_every_probe_a_row() -> None:
    assert PROBES.keys() == {row.service for row in CAPABILITIES}


def test_the_emulator_has_the_version_that_the_table_was_checked_with(emulator: Running) -> None:
    answering = identify(emulator.url)
    assert (answering.emulator, answering.version) == (emulator.kind, MEASURED[emulator.kind])


@pytest.mark.parametrize("row", CAPABILITIES, ids=lambda row: row.service)
def test_a_row_matches_the_behaviour_of_the_emulator(emulator: Running, row: Capability) -> None:
    assert found(row.service, emulator, f"probe-{uuid.uuid4().hex[:12]}") is row.on(emulator.kind)


def test_the_probes_find_a_running_server(stack: Connections) -> None:
    # Else a probe that cannot see anything would call every server a control plane.
    kafka_host, _, kafka_port = stack.kafka_bootstrap_servers.partition(":")
    mongo = urlsplit(stack.mongo_uri)
    assert speaks_postgres(said(stack.postgres_host, stack.postgres_port, WISH_FOR_TLS))
    assert speaks_valkey(said(stack.redis_host, stack.redis_port, b"PING\r\n"))
    assert speaks_kafka(said(kafka_host, int(kafka_port), API_VERSIONS))
    assert speaks_mongo(said(str(mongo.hostname), mongo.port or 0, OP_MSG))
