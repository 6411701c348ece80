"""What the modules of routes share: the stores of the running application, and the documented errors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request

from shoplake.api import cursor as cursors
from shoplake.api.access import authorised
from shoplake.api.models import Problem
from shoplake.api.parameters import AtLeast
from shoplake.api.stores.base import Store
from shoplake.api.stores.dynamodb import DynamoDBStore
from shoplake.api.stores.mongo import Document, MongoStore
from shoplake.api.stores.postgres import PostgresStore
from shoplake.api.stores.redis import RedisStore
from shoplake.positions import Positions

S = TypeVar("S", bound=Store)

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


def _store(kind: type[S]) -> Callable[[Request], Coroutine[Any, Any, S]]:
    """The dependency that gives a store of the running application."""

    async def find(request: Request) -> S:
        found: S = request.app.state.stores[kind.name]
        return found

    return find


Secret = Annotated[bytes, Depends(secret)]
Postgres = Annotated[PostgresStore, Depends(_store(PostgresStore))]
Mongo = Annotated[MongoStore, Depends(_store(MongoStore))]
DynamoDB = Annotated[DynamoDBStore, Depends(_store(DynamoDBStore))]
Redis = Annotated[RedisStore, Depends(_store(RedisStore))]


async def page_of_documents(
    mongo: MongoStore,
    secret: bytes,
    collection: str,
    topics: Collection[str],
    at_least: AtLeast,
    filters: Mapping[str, Any],
    limit: int,
    cursor: str | None,
) -> tuple[Sequence[Document], str | None, Positions]:
    """A page of a collection in the order of its keys.

    Args:
        mongo: the store.
        secret: signs the cursor.
        collection: its name, which the cursor is bound to.
        topics: that its documents are made from.
        at_least: the positions that the page must include.
        filters: condition by field; None is none.
        limit: documents at most.
        cursor: of the page before.

    Returns:
        The documents, the cursor of the next page, and the positions.
    """
    conditions = {name: value for name, value in filters.items() if value is not None}
    query = {"route": collection, **conditions}
    after = cursors.decode(secret, cursor, query, 1)[0] if cursor else None
    positions = await mongo.as_of(topics, at_least)
    found = await mongo.page(collection, conditions, after, limit + 1)
    following = cursors.encode(secret, [str(found[limit - 1]["_id"])], query) if len(found) > limit else None
    return found[:limit], following, positions
