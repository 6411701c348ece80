"""Values of arguments and options for the completion of the shell (`shoplake --install-completion`).

The definition of each value is read when the user presses Tab.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from shoplake.cli import option_values

Values = Callable[[], Iterable[str]]


def _scenarios() -> Iterable[str]:
    from shopsim.loading import files

    return files.scenarios()


def _sinks() -> Iterable[str]:
    from shoplake.sinks import SINKS

    return SINKS


def _stores() -> Iterable[str]:
    from shoplake.verify.report import STORES

    return STORES


def _stores_to_connect() -> Iterable[str]:
    from shoplake.connect import access

    return access.BY_STORE


def _servers() -> Iterable[str]:
    from shoplake import background, stack

    return (*(server.name for server in stack.SERVERS), *background.COMMANDS, stack.LIBRARIES)


def _rebuildable() -> Iterable[str]:
    from shoplake.streaming.rebuild import REBUILDABLE

    return REBUILDABLE


def _topics() -> Iterable[str]:
    from shoplake.contract import TOPICS

    return TOPICS


def _commands_in_background() -> Iterable[str]:
    from shoplake import background

    return background.COMMANDS


def _metrics() -> Iterable[str]:
    from shoplake.warehouse import dbt_project
    from shoplake.warehouse.metrics import definitions

    return definitions.load(dbt_project.project_folder() / "models").metrics


def _stages() -> Iterable[str]:
    from shoplake.bench.stages import STAGES

    return (stage.name for stage in STAGES)


def _time_zones() -> Iterable[str]:
    import zoneinfo

    return sorted(zoneinfo.available_timezones())


def _written(metavar: str) -> Values:
    return lambda: metavar.split("|")


# Name of the parameter in the command's function -> its values. A command with other values has its own entry.
VALUES: Mapping[str, Values] = {
    "environment": _written(option_values.SHOWN["environment"]),
    "like": _scenarios,
    "metric": _metrics,
    "scenario": _scenarios,
    "service": _servers,
    "sinks": _sinks,
    "stores": _stores,
    "time_zone": _time_zones,
    "through": _written("api"),
    "topic": _topics,
    "topics": _topics,
    "bench only": _stages,
    "connect store": _stores_to_connect,
    "rebuild store": _rebuildable,
    "stop names": _commands_in_background,
}


def add(command: Any, path: str = "") -> None:  # noqa: ANN401 - typer keeps the class of its commands to itself
    """Give the parameters of a command and of its subcommands their values."""
    for parameter in command.params:
        values = VALUES.get(f"{path or command.name} {parameter.name}") or VALUES.get(parameter.name)
        if values is None and "|" in (parameter.metavar or ""):
            values = _written(parameter.metavar)
        if values is not None:
            parameter._custom_shell_complete = _completer(values)  # what typer's own `autocompletion` sets
    for name, part in getattr(command, "commands", {}).items():
        add(part, f"{path or command.name} {name}")


def _completer(values: Values) -> Callable[[Any, Any, str], list[str]]:
    def complete(_: object, __: object, typed: str) -> list[str]:
        before, comma, last = typed.rpartition(",")  # of a list such as `lake,postgres`
        return [f"{before}{comma}{value}" for value in values() if value.startswith(last)]

    return complete
