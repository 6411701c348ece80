"""One file per store; each makes the effect of a batch exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoplake.errors import UnknownName

if TYPE_CHECKING:
    from shoplake.settings import Settings
    from shoplake.sinks.base import Sink

SINKS = ("lake", "postgres", "dynamodb", "mongo", "redis")


def make(name: str, settings: Settings) -> Sink:
    """The sink of that name. Each store's client library is imported only where it is used.

    Raises:
        UsageError: there is no such sink.
    """
    match name:
        case "lake":
            from shoplake.sinks.lake.sink import LakeSink

            return LakeSink(settings)
        case "postgres":
            from shoplake.sinks.postgres.sink import PostgresSink

            return PostgresSink(settings.postgres)
        case "dynamodb":
            from shoplake.sinks.dynamodb.sink import DynamoDBSink

            return DynamoDBSink(settings.dynamodb)
        case "mongo":
            from shoplake.sinks.mongo.sink import MongoSink

            return MongoSink(settings.mongo)
        case "redis":
            from shoplake.sinks.redis.sink import RedisSink

            return RedisSink(settings.redis)
    raise UnknownName(f"there is no sink '{name}'", fix=f"choose from {', '.join(SINKS)}")


def named(names: str) -> list[str]:
    """Sinks from a comma-separated list; all of them for an empty one.

    Raises:
        UsageError: one of them does not exist.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := sorted(set(wanted) - set(SINKS)):
        raise UnknownName(f"there is no sink '{unknown[0]}'", fix=f"choose from {', '.join(SINKS)}")
    return wanted or list(SINKS)
