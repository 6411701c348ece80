"""Bodies that are made and read here, on a real socket: what is sent, and what an answer becomes."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from hypothesis import given
from hypothesis import strategies as st

from shoplake.sinks.dynamodb.wire_format import Calls, attributes, plain

VALUES = st.recursive(
    st.text() | st.integers(-(2**53), 2**53), lambda inner: st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)
PUT = {"Put": {"TableName": "t", "Item": {"pk": {"S": "ä"}, "n": {"N": "7"}}}}


@contextlib.contextmanager
def answering(status: int, body: bytes) -> Iterator[tuple[Calls, list[dict[str, Any]]]]:
    """Calls to a server that gives one answer to all; and the bodies that it was sent."""
    seen: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = boto3.client(
            "dynamodb",
            endpoint_url=f"http://127.0.0.1:{server.server_port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )
        yield Calls(client), seen
        server.shutdown()


@given(item=st.dictionaries(st.text(), VALUES, max_size=5))
def test_an_item_round_trips(item: dict[str, Any]) -> None:
    assert plain(attributes(item)) == item


def test_a_write_sends_the_items_and_a_unique_token() -> None:
    with answering(200, b"{}") as (calls, seen):
        calls.transact_write_items([PUT])
        calls.transact_write_items([PUT])

    assert [body["TransactItems"] for body in seen] == [[PUT], [PUT]]
    assert len({body["ClientRequestToken"] for body in seen}) == 2


def test_items_and_unprocessed_keys_are_read_from_the_answer() -> None:
    answer = {"Responses": {"t": [PUT["Put"]["Item"]]}, "UnprocessedKeys": {"t": {"Keys": [{"pk": {"S": "b"}}]}}}
    wanted = {"t": {"ConsistentRead": True, "Keys": [{"pk": {"S": "ä"}}, {"pk": {"S": "b"}}]}}
    with answering(200, json.dumps(answer).encode()) as (calls, seen):
        found = calls.batch_get_item(wanted)

    assert seen == [{"RequestItems": wanted}]
    assert {name: found[name] for name in answer} == answer


def test_an_answer_that_is_not_json_is_an_error() -> None:
    with answering(200, b"<html>") as (calls, _):
        with pytest.raises(ResponseParserError, match="<html>"):
            calls.transact_write_items([PUT])
        with pytest.raises(ResponseParserError, match="<html>"):
            calls.batch_get_item({"t": {"Keys": [{"pk": {"S": "a"}}]}})


def test_an_error_keeps_its_code_and_reasons() -> None:
    refusal = {"__type": "TransactionCanceledException", "CancellationReasons": [{"Code": "ConditionalCheckFailed"}]}
    with answering(400, json.dumps(refusal).encode()) as (calls, _), pytest.raises(ClientError) as caught:
        calls.transact_write_items([PUT])

    assert caught.value.response["Error"]["Code"] == "TransactionCanceledException"
    assert caught.value.response["CancellationReasons"] == [{"Code": "ConditionalCheckFailed"}]
