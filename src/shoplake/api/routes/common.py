"""What the modules of routes share: the stores of the running application, and the documented errors."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from shoplake.api.access import authorised
from shoplake.api.models import Problem
from shoplake.api.stores.dynamodb import DynamoDBStore
from shoplake.api.stores.mongo import MongoStore
from shoplake.api.stores.postgres import PostgresStore
from shoplake.api.stores.redis import RedisStore

_WHAT = {
    304: "The data is that of `If-None-Match`.",
    401: "No key, or a wrong one.",
    403: "The role does not permit it.",
    404: "There is none.",
    409: "The id is not unique.",
    422: "A parameter is not valid.",
    503: "A store does not answer; ask again after Retry-After.",
    504: "The store has not applied `at_least` in time.",
}
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, for the OpenAPI document; every route has 401, 403, 422 and 503."""
    documented: dict[int | str, dict[str, Any]] = {}
    for status in sorted({401, 403, 422, 503, *statuses}):
        documented[status] = {"description": _WHAT[status]}
        if status >= 400:
            documented[status] |= {"model": Problem, "content": _PROBLEM}
    return documented


def router(subject: str) -> APIRouter:
    """A router whose routes need a key and the role of the table of permissions."""
    return APIRouter(prefix="/v1", tags=[subject], dependencies=[Depends(authorised)])


async def secret(request: Request) -> bytes:
    """The secret that signs cursors."""
    found: bytes = request.app.state.keys.secret
    return found


async def _postgres(request: Request) -> PostgresStore:
    found: PostgresStore = request.app.state.stores["postgres"]
    return found


async def _mongo(request: Request) -> MongoStore:
    found: MongoStore = request.app.state.stores["mongo"]
    return found


async def _dynamodb(request: Request) -> DynamoDBStore:
    found: DynamoDBStore = request.app.state.stores["dynamodb"]
    return found


async def _redis(request: Request) -> RedisStore:
    found: RedisStore = request.app.state.stores["redis"]
    return found


Secret = Annotated[bytes, Depends(secret)]
Postgres = Annotated[PostgresStore, Depends(_postgres)]
Mongo = Annotated[MongoStore, Depends(_mongo)]
DynamoDB = Annotated[DynamoDBStore, Depends(_dynamodb)]
Redis = Annotated[RedisStore, Depends(_redis)]
