"""Renders the SQL of dbt's models without dbt: references become names, and a condition on touched keys becomes `true`.

The macros of the project are used as they are. Everything that depends on a run of dbt has the value of a build of all
rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from shoplake.errors import MapError, MissingExtra

_MATERIALIZATION = re.compile(r"\{%-?\s*materialization\b.*?endmaterialization\s*-?%\}", re.DOTALL)
_MACRO = re.compile(r"\{%-?\s*macro\s+(\w+)")
# Of a build from nothing: all rows are built, and none is kept.
_FIXED = {"touched": "true", "builds_everything": True}


class Templates:
    """The templates of a dbt project.

    Args:
        root: the folder with `dbt_project.yml`.

    Raises:
        MissingExtra: jinja2 is not installed.
    """

    def __init__(self, root: Path) -> None:
        try:
            import jinja2
        except ImportError as error:
            raise missing_extra() from error
        self._environment = jinja2.Environment(  # noqa: S701 - it writes SQL, not HTML
            extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined
        )
        self._error = jinja2.TemplateError
        self._macros = _Macros()
        self._environment.globals |= {
            "shoplake": self._macros,
            "ref": _ref,
            "source": _source,
            "this": "this",
            "execute": False,
        }
        for path in sorted((root / "macros").glob("**/*.sql")):
            self._add_macros(path)

    def render(self, path: Path) -> tuple[str, Mapping[str, Any]]:
        """The SQL of a model, and the settings that it gives to `config`.

        Raises:
            MapError: the template cannot be rendered; the message has the file and jinja's own words.
        """
        settings: dict[str, Any] = {}

        def config(**given: object) -> str:
            settings.update(given)
            return ""

        try:
            return self._environment.from_string(path.read_text(encoding="utf-8")).render(config=config), settings
        except (self._error, TypeError) as error:
            self._refuse(path, error)

    def _add_macros(self, path: Path) -> None:
        text = _MATERIALIZATION.sub("", path.read_text(encoding="utf-8"))
        try:
            module: Any = self._environment.from_string(text).make_module()
        except self._error as error:
            self._refuse(path, error)
        for name in _MACRO.findall(text):
            setattr(self._macros, name, getattr(module, name))
        for name, value in _FIXED.items():
            setattr(self._macros, name, _constant(value))

    def _refuse(self, path: Path, error: Exception) -> NoReturn:
        line = getattr(error, "lineno", None)
        place = f"{path}:{line}" if line else f"{path}"
        raise MapError(
            f"{place}: expected a template that the map can render, found: {error}",
            fix="the map knows ref, source, config, this, and the macros of the project as shoplake.NAME",
        ) from error


def missing_extra() -> MissingExtra:
    """The error for a parser that is not installed."""
    return MissingExtra(
        "the catalogue needs sqlglot and jinja2, which are not installed",
        fix="in a checkout, start with ./shoplake; else `pip install 'shoplake[catalog]'`",
    )


class _Macros:
    """The macros of the project, as attributes."""


def _ref(name: str) -> str:
    return f"model.{name}"


def _source(name: str, table: str) -> str:
    return f"{name}.{table}"


def _constant(value: Any) -> Any:  # noqa: ANN401 - a function of any arguments
    def constant(*_: object, **__: object) -> Any:  # noqa: ANN401 - of the type of the value
        return value

    return constant
