"""Reads the files of checks, one per dataset: `<system>.<name>.yaml`. A mistake is named with file, line and key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from shoplake.errors import InvalidCheck
from shoplake.map.graph import SYSTEMS
from shoplake.quality.rules.declaration import KINDS, Check, Declared, RowCount, Sql, default_name
from shopsim.error_wording import found
from shopsim.errors import ScenarioError
from shopsim.scenario.type_checks import nearest, type_errors
from shopsim.scenario.yaml_positions import Document, read

FIX = "correct the file; docs/quality.md lists the kinds of checks and their keys"
FILE_KEYS = ("key", "checks")


@dataclass(frozen=True, slots=True)
class Declarations:
    """The checks of the files, and for each dataset the key that its file says.

    Attributes:
        keys: dataset -> columns that identify a row, shown for failing rows.
    """

    checks: tuple[Check, ...]
    keys: Mapping[str, tuple[str, ...]]


def shipped_folder() -> Path:
    """The folder with the files of this package."""
    return Path(str(resources.files("shoplake.quality"))) / "checks"


def load(folders: Iterable[Path]) -> Declarations:
    """Read every file of the folders.

    Raises:
        InvalidCheck: a folder has no such file, or a file is not valid. The message names every mistake.
    """
    checks: list[Check] = []
    keys: dict[str, tuple[str, ...]] = {}
    mistakes: list[str] = []
    for folder in folders:
        files = sorted(folder.glob("*.yaml"))
        if not files:
            raise InvalidCheck(
                f"expected files <system>.<name>.yaml in {folder}, found none", fix="name another folder"
            )
        for file in files:
            of_file = _File.read(file)
            mistakes += of_file.mistakes
            checks += of_file.checks
            if of_file.key:
                keys[of_file.dataset] = of_file.key
    mistakes += _repeated(checks)
    if mistakes:
        raise InvalidCheck("\n".join(mistakes), fix=FIX)
    return Declarations(tuple(checks), keys)


@dataclass(frozen=True, slots=True)
class _File:
    dataset: str
    key: tuple[str, ...]
    checks: tuple[Check, ...]
    mistakes: tuple[str, ...]

    @classmethod
    def read(cls, file: Path) -> _File:
        dataset = file.stem
        system, _, short = dataset.partition(".")
        if system not in SYSTEMS or not short:
            near = nearest(system, SYSTEMS)
            hint = f" (did you mean `{near}`?)" if near else ""
            mistake = f"{file}: expected the name <system>.<name>.yaml, found {file.name}{hint}"
            return cls(dataset, (), (), (mistake,))
        try:
            document = read(file.read_text("utf-8"), str(file))
        except (ScenarioError, UnicodeDecodeError) as error:
            return cls(dataset, (), (), (str(error),))
        values = document.values
        if not isinstance(values, Mapping):
            return cls(dataset, (), (), (str(document.error("", "a mapping with `checks`", found(values))),))
        mistakes = [str(error) for error in _of_file(document, values)]
        made: list[Check] = []
        listed = values.get("checks")
        for number, value in enumerate(listed if isinstance(listed, list) else []):
            one = _check(document, dataset, number, value)
            if isinstance(one, Check):
                made.append(one)
            else:
                mistakes += one
        key = values.get("key", ())
        return cls(dataset, tuple(key) if _are_texts(key) else (), tuple(made), tuple(mistakes))


def _of_file(document: Document, values: Mapping[Any, Any]) -> Iterator[ScenarioError]:
    for key in values:
        if key not in FILE_KEYS:
            expected = f"one of the keys {', '.join(FILE_KEYS)}"
            yield document.error(str(key), expected, f"`{key}`", nearest=nearest(str(key), FILE_KEYS), at_key=True)
    if not _are_texts(values.get("key", [])):
        yield document.error("key", "a list of columns", found(values["key"]))
    if not isinstance(values.get("checks"), list):
        yield document.error("checks", "a list of checks", found(values.get("checks")))


def _are_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)


def _check(document: Document, dataset: str, number: int, value: object) -> Check | list[str]:
    path = f"checks[{number}]"
    if not isinstance(value, Mapping):
        return [str(document.error(path, "a mapping with `check`", found(value)))]
    kind = value.get("check")
    if kind not in KINDS:
        expected = f"one of {', '.join(KINDS)}"
        near = nearest(str(kind), KINDS)
        return [str(document.error(f"{path}.check", expected, found(kind), nearest=near))]
    rest = {name: one for name, one in value.items() if name != "check"}
    rule_type = KINDS[kind]
    inside = _inside(document, path, rest)
    errors = [str(_outside(document, path, error)) for error in type_errors(inside, rule_type)]
    if errors:
        return errors
    rule = msgspec.convert(rest, rule_type)
    if problem := _contradiction(rule):
        return [str(document.error(path, *problem))]
    return Check(dataset, rule.name or default_name(kind, rule), rule, rule.owner, "declared")


def _inside(document: Document, path: str, values: Mapping[str, object]) -> Document:
    """The part of a document as one of its own, so that its values are checked like a file's."""
    cut = len(path) + 1

    def below(places: Mapping[str, Any]) -> dict[str, Any]:
        return {key[cut:]: place for key, place in places.items() if key.startswith(path + ".")}

    return Document(values, document.file, below(document.keys), below(document.contents))


def _outside(document: Document, path: str, error: ScenarioError) -> ScenarioError:
    """The same error with the path from the beginning of the file; without a place of its own, at the check."""
    if error.line is None:
        return document.error(f"{path}.{error.key}", error.expected, error.found, nearest=error.nearest)
    return ScenarioError(
        file=error.file,
        line=error.line,
        column=error.column,
        key=f"{path}.{error.key}",
        expected=error.expected,
        found=error.found,
        nearest=error.nearest,
    )


def _contradiction(rule: Declared) -> tuple[str, str] | None:
    """What a rule needs besides the types of its values: (expected, found)."""
    if isinstance(rule, RowCount):
        if rule.min is None and rule.max is None and not rule.dataset:
            return "`min`, `max` or `dataset`", "none of them"
        if rule.dataset and not rule.keys:
            return "`keys`, the columns of `dataset` that identify a row", "none"
    if isinstance(rule, Sql) and bool(rule.expression) == bool(rule.query):
        return "either `expression` or `query`", "both" if rule.query else "none of them"
    columns, keys = getattr(rule, "columns", ()), getattr(rule, "keys", ())
    if columns and keys and len(columns) != len(keys):
        return f"as many `keys` as `columns` ({len(columns)})", str(len(keys))
    return None


def _repeated(checks: Iterable[Check]) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for check in checks:
        if (check.dataset, check.name) in seen:
            yield f"{check.dataset}: expected a different name for each check, found '{check.name}' twice; set `name`"
        seen.add((check.dataset, check.name))


def with_owner(check: Check, owner: str) -> Check:
    """The check with the owner of its dataset, if it names none itself."""
    return check if check.owner else replace(check, owner=owner)
