"""Defaults of options from a file `shoplake.toml`, for options that are the same in each call.

    environment = "staging"          # for every command that has this option

    [generate]
    scenario = "black-friday"

    [profiles.ci.generate]           # with --profile ci, or SHOPLAKE_PROFILE=ci
    events = 20_000

The command line and environment variables override the file, and a profile overrides what stands outside of profiles.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

FILE = "shoplake.toml"
PROFILES = "profiles"
NO_DEFAULTS = frozenset({"help", "version", "debug", "profile", "install_completion", "show_completion"})
CONFIRMATIONS = frozenset({"yes", "purge"})
"""Options that allow to delete data. The file must not set them."""


def load(root: Any, profile: str | None) -> dict[str, Any]:  # noqa: ANN401 - typer keeps the class of its commands
    """Read the defaults: name of a parameter -> value, name of a command -> its defaults.

    Args:
        root: the command with all commands.
        profile: name of a profile in the file.

    Raises:
        UsageError: the file cannot be read, or names what does not exist.
    """
    path = Path(os.environ.get("SHOPLAKE_CONFIG") or FILE)
    document = _read(path)
    profiles = document.pop(PROFILES, {})
    if not isinstance(profiles, dict) or not all(isinstance(one, dict) for one in profiles.values()):
        raise _refused(path, f"expected tables [{PROFILES}.NAME]")
    layers = [_checked(path, root, document, "")]
    for name, values in profiles.items():
        checked = _checked(path, root, values, f"{PROFILES}.{name}.")
        if name == profile:
            layers.append(checked)
    if profile and profile not in profiles:
        known = f"choose from {', '.join(profiles)}" if profiles else f"{path} has no profiles"
        from shoplake.errors import UnknownName

        raise UnknownName(f"there is no profile '{profile}'", fix=known)
    found: dict[str, Any] = {}
    for layer in layers:
        _merge(found, layer)
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        if os.environ.get("SHOPLAKE_CONFIG"):
            raise _refused(path, "there is no such file") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(path, str(error)) from error
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _refused(path, str(error)) from error


def _checked(path: Path, command: Any, values: Mapping[str, Any], place: str) -> dict[str, Any]:  # noqa: ANN401
    """The values under the names of parameters, with those for every command in each command that has them."""
    commands = getattr(command, "commands", {})
    options = {option: parameter for parameter in _options(command) for option in _names(parameter)}
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            if name not in commands:
                raise _unknown(path, "command", name, place, commands)
            _merge(found, {name: _checked(path, commands[name], value, f"{place}{name}.")})
        elif name in options:
            found[options[name].name] = _value(path, options[name], value, f"{place}{name}")
        elif having := [one for one, part in commands.items() if _has(part, name)]:
            for one in having:
                below = _checked(path, commands[one], {name: value}, place)
                _merge(below, found.get(one, {}))
                found[one] = below
        else:
            known = {option for option in options if option not in CONFIRMATIONS}
            raise _unknown(path, "option", name, place, known | _below(command))
    return found


def _options(command: Any) -> list[Any]:  # noqa: ANN401
    return [one for one in command.params if one.param_type_name == "option" and one.name not in NO_DEFAULTS]


def _names(parameter: Any) -> set[str]:  # noqa: ANN401
    return {option.lstrip("-") for option in parameter.opts if option.startswith("--")} | {parameter.name}


def _has(command: Any, name: str) -> bool:  # noqa: ANN401
    return name in _below(command) | {option for one in _options(command) for option in _names(one)}


def _below(command: Any) -> set[str]:  # noqa: ANN401
    """Names of the options of all commands below a group."""
    parts = getattr(command, "commands", {}).values()
    return {option for part in parts for one in _options(part) for option in _names(one)}.union(*map(_below, parts))


def _value(path: Path, parameter: Any, value: object, place: str) -> object:  # noqa: ANN401
    if parameter.name in CONFIRMATIONS:
        raise _refused(path, f"{place}: an option that allows to delete data has to be typed")
    if isinstance(value, bool) == parameter.is_flag and isinstance(value, bool | int | float | str):
        return value if isinstance(value, bool) else str(value)
    expected = "true or false" if parameter.is_flag else "a text or a number"
    raise _refused(path, f"{place}: expected {expected}, found {value!r}")


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


def _unknown(path: Path, kind: str, name: str, place: str, known: Iterable[str]) -> Exception:
    import difflib

    from shoplake.errors import UnknownName

    near = difflib.get_close_matches(name, sorted(known), 1)
    where = f" in [{place.rstrip('.')}]" if place else ""
    return UnknownName(
        f"{path}: there is no {kind} '{name}'{where}",
        fix=f"did you mean '{near[0]}'?"
        if near
        else "`shoplake --help` lists commands, `shoplake COMMAND --help` options",
    )


def _refused(path: Path, why: str) -> Exception:
    from shoplake.errors import UsageError

    return UsageError(f"{path}: {why}", fix="correct the file; docs/reference/settings.md shows one")
