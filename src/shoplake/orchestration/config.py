"""`config.yaml` of a workflow: its keys, their types, and the values of its parameters."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from shoplake.errors import MapError, UnknownName, UsageError, WorkflowError
from shoplake.map import yaml_files
from shoplake.orchestration.workflow import Value
from shopsim import error_wording
from shopsim.scenario.section_types import TEXT_END, Description, Section
from shopsim.scenario.type_checks import nearest
from shopsim.scenario.yaml_positions import Document

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
Duration = Annotated[
    str,
    Meta(
        pattern="^[1-9][0-9]{0,5}[smhd]" + TEXT_END,
        description="A duration: 30s, 15m, 2h or 1d.",
        extra={"expected": "a duration such as 30s, 15m or 2h"},
    ),
]
Owner = Annotated[str, Meta(min_length=1, max_length=60, description="The team that is told when a run fails.")]
Tag = Annotated[
    str, Meta(pattern="^[a-z][a-z0-9_.-]{0,59}" + TEXT_END, extra={"expected": "a lower-case word, with - _ or ."})
]
Default = Annotated[
    Any, Meta(description="A value of this type.", extra_json_schema={"type": ["string", "number", "boolean", "null"]})
]
YESTERDAY = "yesterday"
"""Default of the parameter that `partition` names: the day before the start of a run, in UTC."""

ParameterType: TypeAlias = Literal["text", "integer", "number", "boolean", "date"]
_PYTHON: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "date": (dt.date,),
}
_WORDS: Mapping[str, str] = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date such as 2026-09-01",
}


class Parameter(Section, frozen=True, kw_only=True):
    """A value that a run can be given with --config NAME=VALUE.

    Attributes:
        default: the value where none is given. Without it, each run has to give one.
    """

    type: ParameterType
    description: Description
    default: Default = None


class Retries(Section, frozen=True, kw_only=True):
    """Number of further attempts of a step that fails, and the delay between them, which doubles with each.

    Attributes:
        attempts: after the first one.
        delay: before the second attempt.
    """

    attempts: Annotated[int, Meta(ge=0, le=10)] = 2
    delay: Duration = "30s"


class Trigger(Section, frozen=True, kw_only=True):
    """Event that starts a run: the end of another workflow, or a change of data.

    Attributes:
        after: name of a workflow; each of its runs that succeeds starts one.
        when: new-snapshot when the lake has new events, new-dead-letters when a record was rejected.
        at_most_every: with `when`, the least time from one start to the next.
    """

    after: str | None = None
    when: Literal["new-snapshot", "new-dead-letters"] | None = None
    at_most_every: Duration = "15m"


class Config(Section, frozen=True, kw_only=True):
    """All keys of config.yaml.

    Attributes:
        schedule: five fields of cron, in UTC: minute, hour, day of the month, month, day of the week.
        timeout: after which a run fails.
        partition: name of a parameter of type date. Runs for different days may overlap, and `workflow backfill` starts
            one for each day of a range.
    """

    description: Description
    owner: Owner
    schedule: Annotated[str, Meta(description="Five fields of cron, in UTC, such as `30 3 * * *`.")] | None = None
    trigger: Trigger | None = None
    retries: Retries = Retries()
    timeout: Duration = "1h"
    parameters: dict[str, Parameter] = msgspec.field(default_factory=dict)
    partition: str | None = None
    tags: tuple[Tag, ...] = ()

    @property
    def timeout_s(self) -> int:
        """The time-out in seconds."""
        return seconds(self.timeout)


def seconds(duration: str) -> int:
    """Seconds of a duration such as 15m."""
    return int(duration[:-1]) * _UNITS[duration[-1]]


def load(path: Path) -> tuple[Config, Document]:
    """Read a config.yaml.

    Returns:
        The values, and the document, for the position of a key.

    Raises:
        WorkflowError: it cannot be read, or a key or a value is not valid. The message has file, line and key.
    """
    try:
        config, document = yaml_files.load(path, Config)
    except MapError as error:
        raise WorkflowError(error.message, fix=error.fix) from error
    if config.schedule is not None and (problem := _schedule_problem(config.schedule)):
        raise refusal(document, "schedule", problem, f"`{config.schedule}`")
    if config.trigger is not None and (config.trigger.after is None) == (config.trigger.when is None):
        both = "both" if config.trigger.when else "neither"
        raise refusal(document, "trigger", "either `after` or `when`", both)
    starts_itself = "schedule" if config.schedule else "trigger" if config.trigger else ""
    if starts_itself and (open_ones := [name for name, one in config.parameters.items() if one.default is None]):
        found = f"none for `{open_ones[0]}`"
        raise refusal(document, starts_itself, "a default for each parameter, because nobody gives a value", found)
    for name, parameter in config.parameters.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
            raise refusal(document, f"parameters.{name}", "a name in lower case, with _", f"`{name}`")
        relative = name == config.partition and parameter.default == YESTERDAY
        if parameter.default is not None and not relative and not _is(parameter.type, parameter.default):
            where = f"parameters.{name}.default"
            raise refusal(document, where, _WORDS[parameter.type], error_wording.found(parameter.default))
    dates = [name for name, one in config.parameters.items() if one.type == "date"]
    if config.partition is not None and config.partition not in dates:
        expected = f"a parameter of type date: {', '.join(dates)}" if dates else "a parameter of type date"
        raise refusal(document, "partition", expected, f"`{config.partition}`")
    return config, document


def refusal(document: Document, key: str, expected: str, found: str, near: str = "") -> WorkflowError:
    """An error at a key of a config.yaml, to raise."""
    error = document.error(key, expected, found, nearest=near, at_key=True)
    return WorkflowError(str(error), fix="correct the key that the message names")


def values(
    workflow: str,
    parameters: Mapping[str, Parameter],
    given: Mapping[str, str],
    before: Mapping[str, Value] = MappingProxyType({}),
) -> dict[str, Value]:
    """The value of each parameter of a run.

    Args:
        workflow: its name, for messages.
        parameters: as declared.
        given: name -> text, as on the command line.
        before: values of the run that is resumed, which come before the defaults.

    Raises:
        UnknownName: there is no such parameter.
        UsageError: a value does not have the type of its parameter, or is missing.
    """
    for name in given:
        if name not in parameters:
            near = nearest(name, parameters)
            known = f"it has {', '.join(parameters)}" if parameters else "it has none"
            raise UnknownName(
                f"workflow {workflow} has no parameter '{name}'; {known}",
                fix=f"did you mean {near}?" if near else f"`shoplake workflow show {workflow}` shows each",
            )
    found: dict[str, Value] = {}
    for name, parameter in parameters.items():
        if name in given:
            found[name] = _parsed(workflow, name, parameter.type, given[name])
        elif name in before:
            found[name] = before[name]
        elif parameter.default is not None:
            found[name] = day_before(dt.datetime.now(dt.UTC)) if _is_yesterday(parameter) else plain(parameter.default)
        else:
            raise UsageError(
                f"workflow {workflow} needs the parameter '{name}': {parameter.description}",
                fix=f"add --config {name}=VALUE, with {_WORDS[parameter.type]}",
            )
    return found


def json_schema() -> dict[str, Any]:
    """The JSON Schema of config.yaml, for editors."""
    schema = msgspec.json.schema(Config)
    for part in schema["$defs"].values():
        part["description"] = part["description"].partition("\n")[0]  # editors show it; the rest is for Python
    title = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "config.yaml of a workflow"}
    plain_schema: dict[str, Any] = msgspec.json.decode(msgspec.json.encode({**title, **schema}))
    return plain_schema


def day_before(moment: dt.datetime) -> str:
    """The day before a moment, in UTC, as in ISO 8601."""
    return (moment.astimezone(dt.UTC).date() - dt.timedelta(days=1)).isoformat()


def _is_yesterday(parameter: Parameter) -> bool:
    return parameter.type == "date" and parameter.default == YESTERDAY


def _is(kind: ParameterType, value: object) -> bool:
    if isinstance(value, bool | dt.datetime):
        return kind == "boolean" and isinstance(value, bool)
    return isinstance(value, _PYTHON[kind])


def plain(value: Any) -> Value:  # noqa: ANN401 - a default that was checked
    """A default as a step gets it: dates as in ISO 8601."""
    return value.isoformat() if isinstance(value, dt.date) else value


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _date(text: str) -> str:
    return dt.date.fromisoformat(text).isoformat()


_PARSERS: Mapping[str, Callable[[str], Value]] = {
    "text": str,
    "integer": int,
    "number": float,
    "boolean": _boolean,
    "date": _date,
}


def _parsed(workflow: str, name: str, kind: ParameterType, text: str) -> Value:
    try:
        return _PARSERS[kind](text)
    except (ValueError, KeyError) as error:
        raise UsageError(
            f"parameter '{name}' of workflow {workflow}: expected {_WORDS[kind]}, found {error_wording.found(text)}",
            fix=f"`shoplake workflow show {workflow}` shows each parameter with its type",
        ) from error


_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    ("day of the week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
_PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/([1-9][0-9]*))?")


def _schedule_problem(schedule: str) -> str:
    """Description of a valid schedule, for the error; empty if it is valid."""
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        return "five fields of cron: minute, hour, day of the month, month, day of the week"
    for field, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
        if not all(_in_range(part, low, high, words) for part in field.split(",")):
            return f"as {name}: *, a number from {low} to {high}, a range or a step"
    return ""


def _in_range(part: str, low: int, high: int, words: Iterable[str]) -> bool:
    match = _PART.fullmatch(part.lower())
    if match is None:
        return False
    names = {word: number for number, word in enumerate(words, low)}
    ends = [names.get(end, int(end) if end.isdecimal() else -1) for end in match.groups()[:2] if end]
    return all(low <= end <= high for end in ends) and ends == sorted(ends)
