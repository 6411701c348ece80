"""Repair the events of dead letters: set, rename or remove fields, or replace the whole value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from shoplake.contract import TOPICS, Topic, decode_one, rejections, type_name
from shoplake.errors import UsageError

if TYPE_CHECKING:
    from shoplake.streaming.dead_letters.router import DeadLetter

Path: TypeAlias = tuple[str | int, ...]


class CannotRepair(Exception):
    """The change cannot be applied to this event; the message says why."""


@dataclass(frozen=True, slots=True)
class Set:
    """Set a field to a value, whether it exists or not."""

    path: Path
    value: Any


@dataclass(frozen=True, slots=True)
class Rename:
    """Rename a field, if it exists."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Unset:
    """Remove a field, if it exists."""

    path: Path


Change: TypeAlias = Set | Rename | Unset


@dataclass(frozen=True, slots=True)
class Event:
    """A repaired event with its topic and key."""

    topic: str
    key: bytes
    value: bytes
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A dead letter whose event is still not valid, and the reason."""

    letter: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Repair:
    """The repair of events: first a replacement of the value, if there is one, then the changes in order.

    Attributes:
        changes: changes to the fields of every event.
        values: name of a dead letter → the value that replaces the rejected one.
    """

    changes: tuple[Change, ...] = ()
    values: Mapping[str, bytes] = field(default_factory=dict)

    def apply(self, letter: str, value: bytes) -> bytes:
        """Return the repaired value.

        Raises:
            CannotRepair: the value is not a JSON object, or a part of a path does not exist.
        """
        value = self.values.get(letter, value)
        if not self.changes:
            return value
        try:
            event = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError) as error:
            raise CannotRepair(f"expected JSON whose fields can be set: {error}") from error
        if not isinstance(event, dict):
            raise CannotRepair(f"expected a JSON object, found {type(event).__name__}")
        for change in self.changes:
            _apply(event, change)
        return msgspec.json.encode(event)


def repaired(letter: DeadLetter, repair: Repair, topics: Mapping[str, Topic] = TOPICS) -> Event | Refusal:
    """Repair a dead letter: returns the event to publish, or the reason why it is still not valid. Pure.

    Args:
        letter: a dead letter.
        repair: the repair.
        topics: topics of the contract in force.
    """
    if letter.value_cut is not None and letter.name not in repair.values:
        size = f"{letter.value_cut.size_bytes:,} bytes"
        return Refusal(
            letter.name, letter.reason, f"its {size} do not fit into a dead letter, and the log no longer has them"
        )
    try:
        value = repair.apply(letter.name, letter.value)
    except CannotRepair as error:
        return Refusal(letter.name, letter.reason, str(error))
    topic = _topic(value, letter.topic, topics)
    if topic not in topics:
        return Refusal(letter.name, letter.reason, f"the contract has no topic {topic}")
    for rejected in rejections(topic, [value], topics=topics):
        return Refusal(letter.name, rejected.reason, rejected.detail)
    event = decode_one(topic, value, topics)
    return Event(topic, getattr(event, topics[topic].key).encode(), value, event.occurred_at_ms)


def parse_changes(sets: Iterable[str], renames: Iterable[str], unsets: Iterable[str]) -> tuple[Change, ...]:
    """Parse changes from the command line. The order is: renames, removals, then new values.

    Args:
        sets: `path=value`; the value is JSON, or else text.
        renames: `path=name`.
        unsets: `path`.

    Raises:
        UsageError: one of them has another form.
    """
    renamed = [Rename(parse_path(path), name) for path, name in (_pair("--rename", text) for text in renames)]
    given = [Set(parse_path(path), _json_or_text(value)) for path, value in (_pair("--set", text) for text in sets)]
    return (*renamed, *(Unset(parse_path(path)) for path in unsets), *given)


def parse_path(text: str) -> Path:
    """Parse a path such as `lines[0].quantity` or `$.lines[0].quantity` into its steps.

    Raises:
        UsageError: the text has another form.
    """
    path: list[str | int] = []
    for part in text.removeprefix("$").removeprefix(".").split("."):
        name, *places = part.split("[")
        if not name or not all(p.endswith("]") and p[:-1].isdecimal() for p in places):
            raise UsageError(
                f"expected a path such as `customer_id` or `lines[0].quantity`, found '{text}'",
                fix="correct the path in --set, --rename or --unset",
            )
        path += [name, *(int(p[:-1]) for p in places)]
    return tuple(path)


def read_values(path: FilePath) -> Mapping[str, bytes]:
    """Read replacement values from JSON lines `{"letter": …, "value": …}`, the form of `dlq list --json`.

    `value` is the event as JSON, or its text.

    Returns:
        Name of the dead letter → its value.

    Raises:
        UsageError: the file cannot be read, or a line has another form.
    """
    values: dict[str, bytes] = {}
    try:
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            if line.strip():
                given = _decode_given(line, f"{path}:{number}")
                values[given.letter] = (
                    given.value.encode() if isinstance(given.value, str) else msgspec.json.encode(given.value)
                )
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    return values


class _Given(msgspec.Struct, frozen=True):
    letter: str
    value: dict[str, Any] | str


def _decode_given(line: bytes, where: str) -> _Given:
    try:
        return msgspec.json.decode(line, type=_Given)
    except msgspec.DecodeError as error:
        raise UsageError(
            f'{where}: expected {{"letter": name, "value": event}}, found something else: {error}',
            fix="`shoplake dlq list --json` prints such lines",
        ) from error


def _topic(value: bytes, otherwise: str, topics: Mapping[str, Topic]) -> str:
    """The topic of the event's type, or `otherwise` if the contract does not have this type."""
    try:
        event = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return otherwise
    wanted = event.get("type") if isinstance(event, dict) else None
    return next((t.name for t in topics.values() if any(type_name(e) == wanted for e in t.events)), otherwise)


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        example = "--set currency=EUR" if option == "--set" else "--rename amount=amount_cents"
        raise UsageError(f"{option}: expected `path=value`, found '{text}'", fix=f"for example `{example}`")
    return name, value


def _json_or_text(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _apply(event: dict[str, Any], change: Change) -> None:
    *way, last = change.path
    if isinstance(last, int):
        raise CannotRepair(f"{_shown(change.path)} names a list element; only fields can be set, renamed or removed")
    holder: Any = event
    for depth, step in enumerate(way):
        try:
            holder = holder[step]
        except (KeyError, IndexError, TypeError) as error:
            raise CannotRepair(f"there is no {_shown(change.path[: depth + 1])}") from error
    if not isinstance(holder, dict):
        raise CannotRepair(f"{_shown(tuple(way))} has no fields")
    match change:
        case Set(value=value):
            holder[last] = value
        case Rename(name=name) if last in holder:
            holder[name] = holder.pop(last)
        case Unset():
            holder.pop(last, None)


def _shown(path: Path) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
