"""The sinks: one module or package per store. Each applies every event exactly once.

Other packages add sinks by the entry point `shoplake.sinks`: a name, and what takes `Settings` and returns a `Sink`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoplake.errors import ShoplakeError, SinkError, UnknownName

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from shoplake.settings import Settings
    from shoplake.sinks.base import Sink

SINKS = ("lake", "postgres", "dynamodb", "mongo", "redis")
ENTRY_POINTS = "shoplake.sinks"


def make(name: str, settings: Settings) -> Sink:
    """Create a sink by name. The client library of a store is imported only if its sink is used.

    Raises:
        UsageError: there is no such sink.
        SinkError: the sink of another package could not be made.
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
    return _made_by_another_package(name, settings)


def named(names: str) -> list[str]:
    """Parse a comma-separated list of sinks; an empty list means those of shoplake.

    Raises:
        UsageError: one of the sinks does not exist.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in SINKS:
            _entry_point(name)
    return wanted or list(SINKS)


def _entry_point(name: str) -> EntryPoint:
    from importlib.metadata import entry_points  # it reads the metadata of every installed package

    found = entry_points(group=ENTRY_POINTS)
    if name not in found.names:
        known = ", ".join((*SINKS, *sorted(found.names - set(SINKS))))
        raise UnknownName(f"there is no sink '{name}'", fix=f"choose from {known}")
    return found[name]


def _made_by_another_package(name: str, settings: Settings) -> Sink:
    from shoplake.sinks.base import Sink

    entry_point = _entry_point(name)
    package = entry_point.dist.name if entry_point.dist else "another package"
    try:
        sink = entry_point.load()(settings)
    except ShoplakeError:
        raise
    except Exception as error:
        raise SinkError(
            f"{name}: the sink of the package {package} could not be made: {type(error).__name__}: {error}",
            fix=f"`{entry_point.value}` is called with the settings; repair or remove the package",
        ) from error
    if not isinstance(sink, Sink):
        raise SinkError(
            f"{name}: expected a Sink from {entry_point.value} of the package {package}, found {type(sink).__name__}",
            fix="derive it from shoplake.sinks.base.Sink",
        )
    return sink
