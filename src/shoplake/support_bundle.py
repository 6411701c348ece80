"""A file for a bug report: versions, settings, state, lag, runs and logs, without a secret.

Every text goes through `Secrets.hide`, so that a password is not in it even if a server has logged it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import io
import json
import os
import platform
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import msgspec
from pydantic import BaseModel, SecretStr

from shoplake import background, environ, paths, private_files, run_log, stack
from shoplake.environments import connect
from shoplake.errors import FileInTheWay, ShoplakeError
from shoplake.stack import process

LINES = 500
RUNS = 200
HIDDEN = "(hidden)"
SHORTEST = 8
"""Characters of a secret. A shorter one, such as the `test` of an emulator, would hide ordinary words."""
SECRET_NAMES = ("SECRET", "PASSWORD", "TOKEN", "KEY", "CREDENTIAL")


class Secrets:
    """All secrets that this machine's stack and shell have."""

    def __init__(self, values: Iterable[str]) -> None:
        found = {text for value in values if len(value) >= SHORTEST for text in (value, quote(value, safe=""))}
        self._values = sorted(found, key=len, reverse=True)

    def hide(self, text: str) -> str:
        """A text with `(hidden)` in place of each secret."""
        for value in self._values:
            text = text.replace(value, HIDDEN)
        return text


def write(out: Path, environment: str, version: str) -> list[str]:
    """Write the file. A part that cannot be read is left out, with the reason in `problems.json`.

    Args:
        out: a ZIP archive, which only its owner can read.
        environment: whose settings and lag are in it.
        version: description of the program and its build.

    Returns:
        The names in the archive.

    Raises:
        FileInTheWay: there is such a file.
    """
    if out.exists():
        raise FileInTheWay(f"{out} is there already", fix="choose another file with --out")
    problems: dict[str, str] = {}

    def read(name: str, part: Callable[[], Any]) -> Any:  # noqa: ANN401 - anything that JSON has
        try:
            return part()
        except (ShoplakeError, OSError, ValueError) as error:
            problems[name] = getattr(error, "message", str(error))
            return None

    settings = read("settings.json", lambda: connect(environment, ()))
    secrets = Secrets(_secrets(settings))
    parts: dict[str, Any] = {
        "about.json": read("about.json", lambda: _about(version)),
        "settings.json": settings and settings.model_dump(mode="json"),
        "status.json": read("status.json", _status),
        "lag.json": settings and read("lag.json", lambda: _lag(settings)),
        "runs.json": read("runs.json", lambda: msgspec.to_builtins(run_log.records()[-RUNS:])),
    }
    content = {name: json.dumps(part, indent=2, default=str) for name, part in parts.items() if part is not None}
    content |= read("logs", _logs) or {}
    content["problems.json"] = json.dumps(problems, indent=2)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            archive.writestr(name, secrets.hide(text))
    private_files.write(out, packed.getvalue())
    return list(content)


def _about(version: str) -> dict[str, Any]:
    usage = shutil.disk_usage(paths.home() if paths.home().exists() else Path.cwd())
    return {
        "version": version,
        "python": sys.version,
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "free_disk_bytes": usage.free,
        "variables": sorted(name for name in environ.caller() if name.startswith(("SHOPLAKE_", "AWS_", "TF_"))),
        "libraries": dict(sorted((one.name, one.version) for one in metadata.distributions())),
    }


def _status() -> dict[str, Any]:
    return {
        "background": [dataclasses.asdict(one) for one in background.all_of_them()],
        "servers": [dataclasses.asdict(one) for one in stack.status().servers],
    }


def _lag(settings: Any) -> dict[str, Any]:  # noqa: ANN401 - `Settings`, whose import takes a while
    from shoplake.sinks import SINKS
    from shoplake.streaming.lag import lags

    found = asyncio.run(lags(settings, SINKS))
    return {one.name: {"lag": None if one.problem else one.lag, "problem": one.problem} for one in found}


def _logs() -> dict[str, str]:
    folder = paths.home() / "logs"
    files = sorted(one for one in folder.iterdir() if one.is_file() and one.suffix == ".log")
    return {f"logs/{one.name}": process.tail(one, LINES) for one in files}


def _secrets(settings: BaseModel | None) -> list[str]:
    """Values that must not leave this machine."""
    found = [value for name, value in environ.caller().items() if any(part in name.upper() for part in SECRET_NAMES)]
    found += [file.read_text("ascii").strip() for file in (paths.home() / "run").glob("*/key")]
    if settings is not None:
        found += _in(settings)
    with contextlib.suppress(ShoplakeError):  # no stack: it has no passwords
        found += [value.get_secret_value() for value in _values(stack.connections()) if isinstance(value, SecretStr)]
    return found


def _in(model: BaseModel) -> list[str]:
    """The secrets of settings: their own type, and passwords in addresses."""
    found: list[str] = []
    for value in _values(model):
        if isinstance(value, BaseModel):
            found += _in(value)
        elif isinstance(value, SecretStr):
            found.append(value.get_secret_value())
        elif isinstance(value, str) and "://" in value and (password := urlsplit(value).password):
            found += [password, unquote(password)]
    return found


def _values(thing: object) -> list[Any]:
    """The values of the fields of a model or a data class."""
    if dataclasses.is_dataclass(thing):
        return [getattr(thing, field.name) for field in dataclasses.fields(thing)]
    return list(vars(thing).values())
