"""Encode columns of events as JSON lines, and decode them; invalid records are rejected with a reason."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import IO, Union

import msgspec
import polars as pl

from shoplake.contract.base import Event
from shoplake.contract.duplicate_names import all_unique, repeated_name
from shoplake.contract.key_and_partition import Placement
from shoplake.contract.topics import EVENTS, TOPICS, Topic, columns_of, type_name

# After an even number of backslashes, "u0000" is plain text and not an escape.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


# Values validated by one call: it takes two thirds of the time of one call per value. One invalid value makes its whole
# block be validated a second time, value by value, so blocks are small.
_BLOCK = 128

REASONS = ("malformed_json", "schema", "key", "partition")
"""Every `Rejected.reason`, in the order in which they are checked."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The reason why one value is not a valid event of its topic.

    Attributes:
        position: index into the values that were decoded.
        reason: `malformed_json`; `schema`: valid JSON with wrong fields; `key`: a valid event whose record key differs
            from its key field; `partition`: a valid event in another partition than the one of its key.
        detail: what was expected and what was found, with the path of the field.
    """

    position: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """The decoded values of one topic, as columns.

    Attributes:
        events: one row per valid value: the columns `Topic.columns`, and `position` (int64), the index of the value.
        rejected: the invalid values, by position.
    """

    events: pl.DataFrame
    rejected: tuple[Rejected, ...]


def encode(event_type: str, columns: pl.DataFrame) -> list[bytes]:
    """Encode rows of one event type as JSON: `type` first, then the fields in the contract's order.

    Args:
        event_type: name of the event, a key of `EVENTS`.
        columns: one column per field of the event, in any order.
    """
    lines = io.BytesIO()
    if columns.height:
        write_lines(event_type, columns, lines)
    return lines.getvalue().split(b"\n")[:-1]


def write_lines(event_type: str, columns: pl.DataFrame, out: IO[bytes]) -> None:
    """Write rows of one event type to a file as JSON lines, each ended by a line feed."""
    tag = pl.Series("type", [event_type]).new_from_index(0, columns.height)
    fields = [columns.get_column(name) for name in columns_of(EVENTS[event_type])]
    pl.DataFrame([tag, *fields]).write_ndjson(out)


def decode(
    topic: str,
    values: Sequence[bytes],
    placement: Placement | None = None,
    topics: Mapping[str, Topic] = TOPICS,
) -> Decoded:
    """Validate every value against the topic's contract and turn the valid ones into columns.

    msgspec's typed decoder validates, polars' NDJSON reader builds the columns: two passes in native code are faster
    than one pass that builds columns from Python objects.

    Args:
        topic: name of the topic, a key of `TOPICS`.
        values: one per record.
        placement: keys and partitions of the same records. Without it, for records outside Kafka, they are not checked.
        topics: topics of the contract in force; a field that it does not have is null.
    """
    rejected = rejections(topic, values, placement, topics)
    if rejected:
        bad = {r.position for r in rejected}
        positions: Sequence[int] = [i for i in range(len(values)) if i not in bad]
        values = [values[i] for i in positions]
    else:
        positions = range(len(values))
    if not values:
        schema = TOPICS[topic].columns | {"position": pl.Int64}
        return Decoded(pl.DataFrame(schema=schema), tuple(rejected))
    in_force = topics[topic]
    position = pl.Series(positions, dtype=pl.Int64)
    events = _read(in_force, values).with_columns(*_declared_fields(in_force), position=position)
    return Decoded(events, tuple(rejected))


def decode_one(topic: str, value: bytes, topics: Mapping[str, Topic] = TOPICS) -> Event:
    """Decode one valid value of the topic as an event.

    Raises:
        msgspec.DecodeError: the value is not valid; `rejections` gives the reason.
    """
    return _decoder(topics[topic]).decode(value)


def rejections(
    topic: str,
    values: Sequence[bytes],
    placement: Placement | None = None,
    topics: Mapping[str, Topic] = TOPICS,
) -> list[Rejected]:
    """Validate records and return the invalid ones with a reason, by position. Arguments as for `decode`."""
    in_force = topics.get(topic)
    if in_force is None:  # a later version of the contract added it
        return [Rejected(n, "schema", f"the contract in force has no topic {topic}") for n in range(len(values))]
    rejected = []
    for first in range(0, len(values), _BLOCK):
        block = values[first : first + _BLOCK]
        keys = placement.keys[first : first + _BLOCK] if placement else None
        if not _all_valid(in_force, block, keys):
            for position, value in enumerate(block, first):
                found = _rejection(in_force, position, value, placement)
                if found:
                    rejected.append(found)
    if placement is None:
        return rejected
    invalid = {found.position for found in rejected}
    misplaced = [
        Rejected(position, "partition", detail) for position, detail in placement.misplaced() if position not in invalid
    ]
    return sorted(rejected + misplaced, key=attrgetter("position")) if misplaced else rejected


def _all_valid(topic: Topic, values: Sequence[bytes], keys: Sequence[bytes | None] | None) -> bool:
    """Whether all values are valid events with these keys. False means that each value has to be checked by itself."""
    try:
        lines = b"\n".join(values)
        if rb"\u0000" in lines or not _are_lines(lines, len(values)):
            return False
        events = all_unique(topic, lines)
        if events is None or keys is None:
            return events is not None and len(events) == len(values)
        # No key contains U+0000, so it can separate keys: the joined keys are equal if all keys are.
        expected = "\0".join(map(attrgetter(topic.key), events))
        return len(events) == len(values) and expected.encode() == b"\0".join(keys)  # type: ignore[arg-type]
    except (TypeError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # TypeError: no value, or no key
        return False


def _rejection(topic: Topic, position: int, value: bytes, placement: Placement | None) -> Rejected | None:
    """Why a value is not a valid event, or has the wrong key; None for a valid one."""
    try:
        event = _decoder(topic).decode(value or b"")
        if rb"\u0000" in value and _NUL.search(value):
            _refuse_nul(msgspec.json.decode(value))
            raise msgspec.ValidationError("Expected text without U+0000")  # in a name, or in a repeated field
        if (name := repeated_name(value)) is not None:
            raise msgspec.ValidationError(f"Expected each name once in an object, got `{name[:80]}` twice")
    except msgspec.ValidationError as error:
        return Rejected(position, "schema", str(error))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Rejected(position, "malformed_json", str(error))
    except RecursionError:
        return Rejected(position, "malformed_json", "JSON is nested too deeply")
    field = topic.key
    if placement is not None and (detail := placement.key_error(position, field, getattr(event, field))):
        return Rejected(position, "key", detail)
    return None


def _read(topic: Topic, values: Sequence[bytes]) -> pl.DataFrame:
    """Read valid values of the topic as the columns that this program knows.

    polars also reads fields that msgspec ignores, and fails if they hold a number beyond a double, bytes that are not
    UTF-8, or a text where another event of the topic has a number. Bisection finds those values; they are encoded again
    from what msgspec decoded. So the result for one value does not depend on its neighbours.
    """
    schema = _schema(topic)
    try:
        return pl.read_ndjson(_lines(values), schema=schema)
    except (pl.exceptions.ComputeError, pl.exceptions.SchemaError):
        if len(values) == 1:
            return pl.read_ndjson(msgspec.json.encode(_decoder(topic).decode(values[0])), schema=schema)
        middle = len(values) // 2
        return pl.concat([_read(topic, values[:middle]), _read(topic, values[middle:])])


@cache
def _schema(topic: Topic) -> dict[str, pl.DataType | type[pl.DataType]]:
    """The columns that this program knows; a struct column has the fields of the contract in force."""
    known = topic.columns
    return {name: known.get(name, kind) for name, kind in TOPICS[topic.name].columns.items()}


@cache
def _declared_fields(topic: Topic) -> tuple[pl.Expr, ...]:
    """Set a column to null for events that do not declare it: an undeclared field of that name was not validated."""
    known, columns = _schema(topic), TOPICS[topic.name].columns
    found = []
    for name, kind in columns.items():
        declaring = [type_name(event) for event in topic.events if name in event.__struct_fields__]
        if name != "type" and (len(declaring) < len(topic.events) or known[name] != kind):
            declared = pl.when(pl.col("type").is_in(declaring)).then(name)
            found.append(declared if known[name] == kind else declared.cast(kind))
    return tuple(found)


def _refuse_nul(value: object, path: str = "$") -> None:
    """Raise if a string holds U+0000: it is valid JSON, but Postgres cannot store it in a text."""
    if isinstance(value, str):
        if "\0" in value:
            raise msgspec.ValidationError(f"Expected text without U+0000 - at `{path}`")
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_nul(item, f"{path}.{key}")
    elif isinstance(value, list):
        for item in value:
            _refuse_nul(item, f"{path}[...]")


def _lines(values: Sequence[bytes]) -> bytes:
    """Join valid values as lines."""
    lines = b"\n".join(values)
    if _are_lines(lines, len(values)):
        return lines
    # Pretty-printed JSON is valid too, but a line break would end the row for the NDJSON reader. JSON escapes line
    # breaks inside strings, so a raw one is always white space.
    return b"\n".join(value.replace(b"\n", b" ").replace(b"\r", b" ") for value in values)


def _are_lines(joined: bytes, count: int) -> bool:
    """Whether each value is one line that begins an object.

    The decoder takes two objects on one line and none on an empty one, so the number of events alone proves nothing.
    """
    breaks = count - 1
    begins_objects = joined.startswith(b"{") and joined.count(b"\n{") == breaks
    return begins_objects and joined.count(b"\n") == breaks and b"\r" not in joined


@cache
def _decoder(topic: Topic) -> msgspec.json.Decoder[Event]:
    return msgspec.json.Decoder(Union[topic.events])  # noqa: UP007 - made from a tuple at run time
