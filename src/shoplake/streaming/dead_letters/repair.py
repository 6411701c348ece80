"""How a refused event becomes one that fits: fields set, renamed or taken out, or a whole value given."""

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


class Unmendable(Exception):
    """The change does not apply to this event; the message says why."""


@dataclass(frozen=True, slots=True)
class Set:
    """Give a field a value, whether it is there or not."""

    path: Path
    value: Any


@dataclass(frozen=True, slots=True)
class Rename:
    """Give a field another name, where it is there."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Unset:
    """Take a field out, where it is there."""

    path: Path


Change: TypeAlias = Set | Rename | Unset


@dataclass(frozen=True, slots=True)
class Event:
    """What a letter's event has become, and where it belongs."""

    topic: str
    key: bytes
    value: bytes
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A letter whose event still does not fit, and why."""

    letter: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Mending:
    """What to do to each letter's event: a value of its own if there is one, then the changes in order.

    Attributes:
        values: letter's name → the value to take instead of the one that was refused.
    """

    changes: tuple[Change, ...] = ()
    values: Mapping[str, bytes] = field(default_factory=dict)

    def mend(self, letter: str, value: bytes) -> bytes:
        """The mended value.

        Raises:
            Unmendable: the value is no JSON object, or lacks what a path goes through.
        """
        value = self.values.get(letter, value)
        if not self.changes:
            return value
        try:
            event = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Unmendable(f"no JSON whose fields could be set: {error}") from error
        if not isinstance(event, dict):
            raise Unmendable(f"expected a JSON object, found {type(event).__name__}")
        for change in self.changes:
            _apply(event, change)
        return msgspec.json.encode(event)


def mended(letter: DeadLetter, mending: Mending, topics: Mapping[str, Topic] = TOPICS) -> Event | Refusal:
    """The letter's event as it would be published, or why it cannot be. Pure.

    Args:
        letter: a dead letter.
        mending: what to do to its event.
        topics: of the contract in force where it is published.
    """
    if letter.value_cut is not None and letter.name not in mending.values:
        size = f"{letter.value_cut.size_bytes:,} bytes"
        return Refusal(
            letter.name, letter.reason, f"its {size} are more than a letter holds, and the log has them no more"
        )
    try:
        value = mending.mend(letter.name, letter.value)
    except Unmendable as error:
        return Refusal(letter.name, letter.reason, str(error))
    topic = _topic(value, letter.topic, topics)
    if topic not in topics:
        return Refusal(letter.name, letter.reason, f"the contract has no topic {topic}")
    for rejected in rejections(topic, [value], topics=topics):
        return Refusal(letter.name, rejected.reason, rejected.detail)
    event = decode_one(topic, value, topics)
    return Event(topic, getattr(event, topics[topic].key).encode(), value, event.occurred_at_ms)


def parse_changes(sets: Iterable[str], renames: Iterable[str], unsets: Iterable[str]) -> tuple[Change, ...]:
    """Changes as they are written on the command line; what takes away comes before what gives.

    Args:
        sets: `path=value`; the value is JSON, or text where it is no JSON.
        renames: `path=name`.
        unsets: `path`.

    Raises:
        UsageError: one of them is not of that form.
    """
    renamed = [Rename(parse_path(path), name) for path, name in (_pair("--rename", text) for text in renames)]
    given = [Set(parse_path(path), _json_or_text(value)) for path, value in (_pair("--set", text) for text in sets)]
    return (*renamed, *(Unset(parse_path(path)) for path in unsets), *given)


def parse_path(text: str) -> Path:
    """`lines[0].quantity` or `$.lines[0].quantity` as its steps.

    Raises:
        UsageError: it is not of that form.
    """
    path: list[str | int] = []
    for part in text.removeprefix("$").removeprefix(".").split("."):
        name, *places = part.split("[")
        if not name or not all(p.endswith("]") and p[:-1].isdecimal() for p in places):
            raise UsageError(
                f"expected a path such as `customer_id` or `lines[0].quantity`, found '{text}'",
                fix="change what --set, --rename or --unset begins with",
            )
        path += [name, *(int(p[:-1]) for p in places)]
    return tuple(path)


def read_values(path: FilePath) -> Mapping[str, bytes]:
    """Mended values by letter's name, from JSON lines `{"letter": …, "value": …}`, as `dlq list --json` prints them.

    `value` is the event itself, or its text.

    Raises:
        UsageError: the file cannot be read or has other lines.
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
    """The topic of the event's type; the one it came in where the type is none of the contract's."""
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
        raise UsageError(f"{option}: expected `path=value`, found '{text}'", fix=f"write it as in `{example}`")
    return name, value


def _json_or_text(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _apply(event: dict[str, Any], change: Change) -> None:
    *way, last = change.path
    if isinstance(last, int):
        raise Unmendable(f"{_shown(change.path)} names an element; only fields can be set, renamed or taken out")
    holder: Any = event
    for depth, step in enumerate(way):
        try:
            holder = holder[step]
        except (KeyError, IndexError, TypeError) as error:
            raise Unmendable(f"there is no {_shown(change.path[: depth + 1])}") from error
    if not isinstance(holder, dict):
        raise Unmendable(f"{_shown(tuple(way))} has no fields")
    match change:
        case Set(value=value):
            holder[last] = value
        case Rename(name=name) if last in holder:
            holder[name] = holder.pop(last)
        case Unset():
            holder.pop(last, None)


def _shown(path: Path) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
