"""The proxies do what they are told: a fault that does not happen would make a row pass for nothing."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
import pytest_asyncio
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError

from .aws_proxy import AwsProxy, aws_proxy, failed_after_the_work, partly, throttled, unanswered, unavailable
from .proxy import Proxy, proxy

SILENT_S = 0.5


@pytest_asyncio.fixture
async def echo() -> AsyncIterator[Proxy]:
    """A proxy before a server that sends everything back."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(1024):
            writer.write(piece)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        with proxy(server.sockets[0].getsockname()[1]) as between:
            yield between


async def said(between: Proxy, text: bytes) -> bytes:
    """The answer over a new connection; empty where it is closed, or nothing comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", between.port)
    try:
        writer.write(text)
        return await asyncio.wait_for(reader.read(1024), SILENT_S)
    finally:
        writer.close()


async def test_a_healthy_proxy_passes_everything_on(echo: Proxy) -> None:
    assert await said(echo, b"hello") == b"hello"


async def test_a_cut_ends_connections_and_refuses_new_ones_until_it_is_healed(echo: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", echo.port)
    writer.write(b"one")
    assert await reader.read(1024) == b"one"
    echo.cut()
    assert await reader.read(1024) == b""
    with pytest.raises((ConnectionError, AssertionError)):
        assert await said(echo, b"two") == b"two"
    echo.heal()
    assert await said(echo, b"three") == b"three"


async def test_a_reset_closes_the_connection_with_rst(echo: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", echo.port)
    writer.write(b"one")
    await reader.read(1024)
    echo.reset()
    with pytest.raises(ConnectionResetError):
        await reader.read(1024)


async def test_a_silent_proxy_keeps_connections_open_and_never_answers_them(echo: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", echo.port)
    writer.write(b"one")
    await reader.read(1024)
    echo.go_silent()
    writer.write(b"two")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1024), SILENT_S)
    echo.heal()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1024), SILENT_S)
    assert await said(echo, b"three") == b"three"
    writer.close()


@pytest.mark.parametrize("slowness", [{"latency_s": 0.3}, {"bytes_per_s": 20}])
async def test_a_slow_proxy_delays_each_answer(echo: Proxy, slowness: dict[str, float]) -> None:
    echo.slow(**slowness)
    begun = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", echo.port)
    writer.write(b"a word")
    assert await reader.read(1024) == b"a word"
    assert time.monotonic() - begun >= 0.3
    writer.close()


async def test_an_answer_is_lost_after_the_request_has_arrived(echo: Proxy) -> None:
    echo.lose_answers(b"COMMIT", count=1)
    assert await said(echo, b"SELECT") == b"SELECT"
    with pytest.raises(ConnectionResetError):
        await said(echo, b"COMMIT")
    assert echo.lost_answers == 1
    assert await said(echo, b"COMMIT") == b"COMMIT"


@pytest.fixture
def received() -> list[str]:
    """Keys that the server behind the proxy was asked for or given."""
    return []


@pytest.fixture
def between(received: list[str]) -> Iterator[AwsProxy]:
    """A proxy before a DynamoDB that takes everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            for table in asked["RequestItems"].values():
                received.extend(write["PutRequest"]["Item"]["pk"]["S"] for write in table)
            body = b"{}"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with aws_proxy(f"http://127.0.0.1:{server.server_port}", seed=1) as made:
            yield made
    finally:
        server.shutdown()
        server.server_close()


def write(between: AwsProxy, keys: list[str]) -> dict[str, list[object]]:
    """Put items in one batch, without any second try; returns what was not taken."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=between.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=5),
    )
    puts = [{"PutRequest": {"Item": {"pk": {"S": key}}}} for key in keys]
    return client.batch_write_item(RequestItems={"t": puts}).get("UnprocessedItems", {})


def test_a_partly_processed_batch_returns_the_rest_as_unprocessed(between: AwsProxy, received: list[str]) -> None:
    between.add(partly(0.3, between.chance), "BatchWriteItem")
    keys = [str(number) for number in range(25)]
    left = [put["PutRequest"]["Item"]["pk"]["S"] for put in write(between, keys)["t"]]
    assert 0 < len(left) < len(keys)
    assert sorted(left + received) == sorted(keys)


def test_a_throttled_batch_does_not_arrive(between: AwsProxy, received: list[str]) -> None:
    between.add(throttled, "BatchWriteItem", most=1)
    with pytest.raises(ClientError, match="ProvisionedThroughputExceeded"):
        write(between, ["a"])
    assert received == []
    assert write(between, ["a"]) == {}


def test_an_unavailable_service_executes_nothing(between: AwsProxy, received: list[str]) -> None:
    between.add(unavailable, "BatchWriteItem")
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        write(between, ["a"])
    assert received == []


@pytest.mark.parametrize("trick", [failed_after_the_work, unanswered])
def test_a_lost_answer_belongs_to_an_executed_request(between: AwsProxy, received: list[str], trick: object) -> None:
    between.add(trick, "BatchWriteItem")
    with pytest.raises((ClientError, ConnectionClosedError, HTTPClientError)):
        write(between, ["a"])
    assert received == ["a"]


def test_other_operations_are_not_changed(between: AwsProxy, received: list[str]) -> None:
    between.add(unavailable, "TransactWriteItems")
    write(between, ["a"])
    assert received == ["a"]
