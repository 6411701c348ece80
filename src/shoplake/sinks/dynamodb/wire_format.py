"""DynamoDB's JSON: plain items to typed attributes and back, and calls whose bodies are made and read here.

botocore checks, writes and reads every attribute by itself, in Python, which takes half of a sink's time. All else of
a call stays botocore's: address, signature, time-outs, retries and errors. Its events `before-call` and `before-parse`
are where it lets others change bodies.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from botocore.parsers import ResponseParserError

from shoplake.sinks.keyed import Item


@dataclass(frozen=True, slots=True)
class Foreign:
    """A typed value that no sink writes, and that is written back as it was read."""

    typed: Mapping[str, Any]


def attributes(item: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values as DynamoDB's typed ones. boto3's own serializer goes through Decimal, five times slower."""
    return {name: _attribute(value) for name, value in item.items()}


def plain(attributes: Mapping[str, Mapping[str, Any]]) -> Item:
    """DynamoDB's typed values as plain ones."""
    return {name: _value(typed) for name, typed in attributes.items()}


class Calls:
    """The calls that carry many items, of one boto3 client; raises what the client raises. Safe in several threads."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - boto3 is untyped
        self._client = client
        self._under_way = threading.local()
        for operation in ("BatchGetItem", "TransactWriteItems"):
            client.meta.events.register(f"before-call.dynamodb.{operation}", self._give_body)
            client.meta.events.register(f"before-parse.dynamodb.{operation}", self._read_answer)

    def batch_get_item(self, request_items: Mapping[str, Any]) -> Mapping[str, Any]:
        """Like the client's method: `{table: {"Keys": [...]}}` -> `Responses` and `UnprocessedKeys`."""
        with _Body(self._under_way, {"RequestItems": request_items}):
            stand_in: Mapping[str, Any] = {table: {"Keys": [{}]} for table in request_items}
            answer: Mapping[str, Any] = self._client.batch_get_item(RequestItems=stand_in)
        return answer

    def transact_write_items(self, writes: Sequence[Mapping[str, Any]]) -> None:
        """Like the client's method, with a token of its own: the client's retries are one transaction."""
        with _Body(self._under_way, {"TransactItems": writes, "ClientRequestToken": str(uuid.uuid4())}):
            self._client.transact_write_items(TransactItems=[{}])

    def _give_body(self, params: dict[str, Any], **_: object) -> None:
        params["body"] = self._under_way.body

    def _read_answer(
        self, response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
    ) -> None:
        if response_dict["status_code"] != 200:
            return
        try:
            customized_response_dict |= msgspec.json.decode(response_dict["body"])
        except msgspec.DecodeError as error:  # botocore would take it for success, with nothing found
            raise ResponseParserError(f"expected JSON from DynamoDB, found {response_dict['body'][:100]!r}") from error
        response_dict["body"] = b"{}"


class _Body:
    """The body of the call that this thread makes now."""

    def __init__(self, under_way: threading.local, request: Mapping[str, Any]) -> None:
        self._under_way = under_way
        self._body = msgspec.json.encode(request)

    def __enter__(self) -> None:
        self._under_way.body = self._body

    def __exit__(self, *_: object) -> None:
        del self._under_way.body


def _attribute(value: Any) -> dict[str, Any]:  # noqa: ANN401
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, Foreign):
        return dict(value.typed)
    return {"M": attributes(value)}


def _value(typed: Mapping[str, Any]) -> Any:  # noqa: ANN401
    (kind, value), *_ = typed.items()
    if kind == "S":
        return value
    if kind == "M":
        return plain(value)
    try:
        return int(value) if kind == "N" else Foreign(typed)
    except ValueError:  # a fraction
        return Foreign(typed)
