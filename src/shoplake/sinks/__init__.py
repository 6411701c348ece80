"""The sinks: one module or package per store. Each applies every event exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoplake.errors import UnknownName

if TYPE_CHECKING:
    from shoplake.settings import Settings
    from shoplake.sinks.base import Sink

SINKS = ("lake", "postgres", "dynamodb", "mongo", "redis")


def make(name: str, settings: Settings) -> Sink:
    """Create a sink by name. The client library of a store is imported only if its sink is used.

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
    """Parse a comma-separated list of sinks; an empty list means all.

    Raises:
        UsageError: one of the sinks does not exist.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := sorted(set(wanted) - set(SINKS)):
        raise UnknownName(f"there is no sink '{unknown[0]}'", fix=f"choose from {', '.join(SINKS)}")
    return wanted or list(SINKS)
