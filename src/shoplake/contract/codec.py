"""Events to JSON lines and back, by columns; what does not fit the contract is rejected with a reason."""

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

# An even number of backslashes before it would be text that happens to end in "u0000".
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


# Values that are validated by one call: it takes two thirds of the time of a call for each. One that is no event costs
# its block a second look, so blocks are small.
_BLOCK = 128

REASONS = ("malformed_json", "schema", "key", "partition")
"""Every `Rejected.reason`, in the order in which they are looked for."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why one value is not an event of its topic.

    Attributes:
        position: index into the values that were decoded.
        reason: `malformed_json`; `schema` when JSON is fine and the fields are not; `key` when the event is valid and
            the record's key is not its topic's key field; `partition` when it lies in another partition than its key's.
        detail: what was expected and what was found, with the path of the field.
    """

    position: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """Values of one topic as columns.

    Attributes:
        events: one row per valid value, columns `Topic.columns`, and `position` (int64): which value it was.
        rejected: the others, by position.
    """

    events: pl.DataFrame
    rejected: tuple[Rejected, ...]


def encode(event_type: str, columns: pl.DataFrame) -> list[bytes]:
    """Rows of one event type as JSON, `type` first, then the contract's field order.

    Args:
        event_type: name of the event, a key of `EVENTS`.
        columns: one column per field of the event, any order.
    """
    lines = io.BytesIO()
    if columns.height:
        write_lines(event_type, columns, lines)
    return lines.getvalue().split(b"\n")[:-1]


def write_lines(event_type: str, columns: pl.DataFrame, out: IO[bytes]) -> None:
    """The same as lines of a file; a line feed after each, none within."""
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

    Validation is msgspec's typed decode, columns are polars' NDJSON reader: two passes in native code are faster than
    one that builds columns from Python objects.

    Args:
        topic: name of the topic, a key of `TOPICS`.
        values: one per record.
        placement: of the same records; without it, as for what is in no log, keys and partitions are not looked at.
        topics: of the contract in force; a field that it does not know is null.
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
    events = _read(in_force, values).with_columns(*_own_fields(in_force), position=pl.Series(positions, dtype=pl.Int64))
    return Decoded(events, tuple(rejected))


def decode_one(topic: str, value: bytes, topics: Mapping[str, Topic] = TOPICS) -> Event:
    """One valid value of the topic as its event.

    Raises:
        msgspec.DecodeError: the value is not valid; `rejections` says why.
    """
    return _decoder(topics[topic]).decode(value)


def rejections(
    topic: str,
    values: Sequence[bytes],
    placement: Placement | None = None,
    topics: Mapping[str, Topic] = TOPICS,
) -> list[Rejected]:
    """The records that are not valid, each with a reason, by position. The arguments are those of `decode`."""
    in_force = topics.get(topic)
    if in_force is None:  # a later version of the contract added it
        return [Rejected(n, "schema", f"the contract in force has no topic {topic}") for n in range(len(values))]
    rejected = []
    for first in range(0, len(values), _BLOCK):
        block = values[first : first + _BLOCK]
        keys = placement.keys[first : first + _BLOCK] if placement else None
        if not _all_sound(in_force, block, keys):
            for position, value in enumerate(block, first):
                found = _why(in_force, position, value, placement)
                if found:
                    rejected.append(found)
    if placement is None:
        return rejected
    invalid = {found.position for found in rejected}
    elsewhere = [
        Rejected(position, "partition", detail) for position, detail in placement.elsewhere() if position not in invalid
    ]
    return sorted(rejected + elsewhere, key=attrgetter("position")) if elsewhere else rejected


def _all_sound(topic: Topic, values: Sequence[bytes], keys: Sequence[bytes | None] | None) -> bool:
    """Whether all values are events with these keys; False also where only a look at each can tell."""
    try:
        lines = b"\n".join(values)
        if rb"\u0000" in lines or not _are_lines(lines, len(values)):
            return False
        events = all_unique(topic, lines)
        if events is None or keys is None:
            return events is not None and len(events) == len(values)
        # No text holds U+0000, so it separates them: the two are equal where all keys are.
        expected = "\0".join(map(attrgetter(topic.key), events))
        return len(events) == len(values) and expected.encode() == b"\0".join(keys)  # type: ignore[arg-type]
    except (TypeError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # the first: no value, or no key
        return False


def _why(topic: Topic, position: int, value: bytes, placement: Placement | None) -> Rejected | None:
    """Why a value is no event, or has the wrong key; None for one that is valid."""
    try:
        event = _decoder(topic).decode(value or b"")
        if rb"\u0000" in value and _NUL.search(value):
            _refuse_nul(msgspec.json.decode(value))
            raise msgspec.ValidationError("Expected text without U+0000")  # in a name, or in a field given twice
        if (name := repeated_name(value)) is not None:
            raise msgspec.ValidationError(f"Expected each name once in an object, got `{name[:80]}` twice")
    except msgspec.ValidationError as error:
        return Rejected(position, "schema", str(error))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Rejected(position, "malformed_json", str(error))
    except RecursionError:
        return Rejected(position, "malformed_json", "JSON is nested too deeply")
    field = topic.key
    if placement is not None and (detail := placement.key_refused(position, field, getattr(event, field))):
        return Rejected(position, "key", detail)
    return None


def _read(topic: Topic, values: Sequence[bytes]) -> pl.DataFrame:
    """Values that are events of the topic, as columns of this program.

    polars reads fields that msgspec passes over, and gives up where they hold what it cannot: a number beyond a double,
    bytes that are not UTF-8, a text where another event of the topic has a number. Halving finds those values, which
    are read as msgspec understood them; what a value becomes does not depend on its neighbours.
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
    """The columns of this program, those of structs with the fields that the contract in force knows."""
    known = topic.columns
    return {name: known.get(name, kind) for name, kind in TOPICS[topic.name].columns.items()}


@cache
def _own_fields(topic: Topic) -> tuple[pl.Expr, ...]:
    """Each column where its event has that field; an unknown field of another event's name would fill it unchecked."""
    known, columns = _schema(topic), TOPICS[topic.name].columns
    found = []
    for name, kind in columns.items():
        having = [type_name(event) for event in topic.events if name in event.__struct_fields__]
        if name != "type" and (len(having) < len(topic.events) or known[name] != kind):
            own = pl.when(pl.col("type").is_in(having)).then(name)
            found.append(own if known[name] == kind else own.cast(kind))
    return tuple(found)


def _refuse_nul(value: object, path: str = "$") -> None:
    """Raise where a string holds U+0000: valid JSON, but Postgres has no text that holds it."""
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
    """Valid values as lines."""
    lines = b"\n".join(values)
    if _are_lines(lines, len(values)):
        return lines
    # Pretty-printed JSON is valid too, but a line break would end the row for the NDJSON reader; inside strings JSON
    # escapes it, so a raw one is only ever white space.
    return b"\n".join(value.replace(b"\n", b" ").replace(b"\r", b" ") for value in values)


def _are_lines(joined: bytes, count: int) -> bool:
    return joined.count(b"\n") == count - 1 and b"\r" not in joined


@cache
def _decoder(topic: Topic) -> msgspec.json.Decoder[Event]:
    return msgspec.json.Decoder(Union[topic.events])  # noqa: UP007 - made from a tuple at run time
