"""Silver and gold: the models of the dbt project, from its YAML and SQL. dbt is not needed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import yaml

from shoplake.contract.data_classes import DataClass
from shoplake.errors import MapError
from shoplake.map import sql_lineage, yaml_files
from shoplake.map.graph import Dataset, Edge, Field, Freshness
from shoplake.map.metadata import FreshnessObjective, Override
from shoplake.map.readers import Part
from shoplake.map.readers.dbt_templates import Templates
from shopsim.scenario.type_checks import nearest

JOB = "jobs.warehouse"
MODEL_META = ("owner", "grain", "units", "freshness")
COLUMN_META = ("data_class",)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times as fast
_DOCS = re.compile(r"\{% docs (\w+) %\}(.*?)\{% enddocs %\}", re.DOTALL)
_DOC = re.compile(r"\{\{\s*doc\(\s*['\"](\w+)['\"]\s*\)\s*\}\}")
_STRUCTS = re.compile(r"struct\((.*)\)\[\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Model:
    """A model: its entry in the YAML, the file of it, and what the project says of its folder."""

    name: str
    entry: Mapping[str, Any]
    file: Path
    folder: Mapping[str, Any]

    @property
    def system(self) -> str:
        """The schema that it is built in: silver or gold."""
        return str(self.folder.get("schema", ""))

    @property
    def meta(self) -> Mapping[str, Any]:
        """Meta of the model over that of its folder."""
        return {**self.folder.get("meta", {}), **_meta(self.entry)}

    @property
    def columns(self) -> Sequence[Mapping[str, Any]]:
        """The columns of the YAML, which dbt enforces."""
        return self.entry.get("columns") or ()


class Project:
    """The files of a dbt project.

    Args:
        root: the folder with `dbt_project.yml`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def _contents(self) -> dict[Path, Mapping[str, Any]]:
        files = [*self.root.glob("models/**/*.yml"), *self.root.glob("models/**/*.yaml")]
        return {path: _load(path) for path in sorted(files)}

    @cached_property
    def models(self) -> dict[str, Model]:
        """All models by name.

        Raises:
            MapError: a file is not YAML, or a model has no entry.
        """
        settings = _load(self.root / "dbt_project.yml")
        configured = settings.get("models", {}).get(settings["name"], {})
        found = {}
        for path, content in self._contents.items():
            folder = _of_folder(configured, path.parent.relative_to(self.root / "models").parts)
            for entry in content.get("models") or ():
                found[entry["name"]] = Model(entry["name"], entry, path, folder)
        for path in sorted(self.root.glob("models/**/*.sql")):
            if path.stem not in found:
                raise MapError(
                    f"{path}: expected an entry of the model in a YAML file beside it, found none",
                    fix="add one with a description, an owner, the grain and the columns",
                )
        return found

    @cached_property
    def _docs(self) -> dict[str, str]:
        """The texts of the `docs` blocks."""
        files = sorted(self.root.glob("models/**/*.md"))
        return {name: _text(text) for path in files for name, text in _DOCS.findall(path.read_text(encoding="utf-8"))}

    def source_descriptions(self, source: str) -> dict[str, str]:
        """Descriptions of the tables of a source."""
        return {
            table["name"]: self._described(table)
            for content in self._contents.values()
            for one in content.get("sources") or ()
            if one["name"] == source
            for table in one.get("tables") or ()
        }

    def overrides(self) -> dict[str, tuple[DataClass, str]]:
        """Full name of a column -> its data class and why.

        Raises:
            MapError: an override is not valid.
        """
        found: dict[str, tuple[DataClass, str]] = {}
        for model in self.models.values():
            for column in model.columns:
                meta = _meta(column)
                _only(model.file, meta, COLUMN_META, f"the column {column['name']} of {model.name}")
                if override := meta.get("data_class"):
                    one = _converted(model, override, Override, f"the data class of {column['name']}")
                    found[f"{model.system}.{model.name}.{column['name']}"] = (one.to, one.because)
        return found

    def read(self, bronze: Sequence[Dataset]) -> Part:
        """The models as datasets, and the edges from bronze and between them.

        Raises:
            MapError: a model cannot be read, or its SQL has other columns than its YAML.
            MissingExtra: the parser is not installed.
        """
        templates = Templates(self.root)
        rendered = {name: templates.render(self._sql(name)) for name in self.models}
        keys = {name: settings.get("key", ()) for name, (_, settings) in rendered.items()}
        datasets = {name: self._dataset(model, keys[name]) for name, model in self.models.items()}
        inputs = {f"bronze.{one.name}": one for one in bronze}
        inputs |= {f"model.{name}": one for name, one in datasets.items()}
        schema: dict[str, dict[str, dict[str, str]]] = {}
        for name, one in inputs.items():
            kind, table = name.split(".")
            schema.setdefault(kind, {})[table] = {
                field.name: _sql_type(one, field) for field in one.fields if "." not in field.name
            }
        edges = [
            edge for name, (sql, _) in rendered.items() for edge in self._edges(datasets[name], sql, inputs, schema)
        ]
        return Part(list(datasets.values()), edges)

    def _dataset(self, model: Model, key: Sequence[str]) -> Dataset:
        meta = model.meta
        _only(model.file, meta, MODEL_META, f"the model {model.name}")
        objective = meta.get("freshness")
        freshness = _converted(model, objective, FreshnessObjective, "freshness").in_seconds() if objective else None
        materialized = model.entry.get("config", {}).get("materialized")
        return Dataset(
            system=model.system,
            name=model.name,
            kind=str(materialized or "model"),
            description=self._described(model.entry),
            owner=str(meta.get("owner", "")),
            tags=tuple(dict.fromkeys((*model.folder.get("tags", ()), *_tags(model.entry)))),
            fields=tuple(field for column in model.columns for field in self._fields(column, key)),
            freshness=freshness or Freshness(),
            source=str(self._sql(model.name).relative_to(self.root.parent)),
            grain=str(meta.get("grain", "")),
        )

    def _fields(self, column: Mapping[str, Any], key: Sequence[str]) -> Iterator[Field]:
        name, kind = column["name"], str(column.get("data_type", ""))
        yield Field(name, kind, self._described(column), key=name in key)
        if structs := _STRUCTS.fullmatch(kind):
            for part in structs[1].split(","):
                inside, _, inner = part.strip().partition(" ")
                yield Field(f"{name}[].{inside}", inner)

    def _edges(
        self,
        model: Dataset,
        sql: str,
        inputs: Mapping[str, Dataset],
        schema: Mapping[str, Mapping[str, Mapping[str, str]]],
    ) -> Iterator[Edge]:
        path = self._sql(model.name)
        try:
            lineage = sql_lineage.of_statement(sql, schema)
        except ValueError as error:
            raise MapError(
                f"{path}: expected SQL whose columns can be followed to its inputs, found: {error}",
                fix="`shoplake warehouse build` has the message of DuckDB, if the SQL is wrong",
            ) from error
        declared = [field.name for field in model.fields if "." not in field.name]
        if sorted(declared) != sorted(lineage.columns):
            other = ", ".join(sorted(set(declared) ^ set(lineage.columns)))
            raise MapError(
                f"{path}: its columns are not those of its YAML: {other}", fix="correct one of the two files"
            )
        for table in lineage.tables:
            yield Edge(inputs[table].id, model.id, JOB)
        for name, origins in lineage.columns.items():
            for origin in origins:
                yield from _column_edges(inputs[origin.table], origin, model, name)

    def _sql(self, name: str) -> Path:
        found = sorted(self.root.glob(f"models/**/{name}.sql"))
        if not found:
            raise MapError(
                f"{self.models[name].file}: the model {name} has no SQL file", fix="add it, or remove the entry"
            )
        return found[0]

    def _described(self, entry: Mapping[str, Any]) -> str:
        return _text(_DOC.sub(lambda found: self._docs.get(found[1], ""), str(entry.get("description", ""))))


def _column_edges(origin_of: Dataset, origin: sql_lineage.Origin, model: Dataset, name: str) -> Iterator[Edge]:
    """The edge of a column; a list that is copied has an edge for each field of its structs too."""
    inside = f"{origin.column}[].{'.'.join(origin.path)}" if origin.path else origin.column
    column = inside if origin_of.field(inside) else origin.column
    yield Edge(origin_of.column(column), model.column(name), JOB, origin.condition)
    prefix = f"{name}[]."
    for field in model.fields:
        if field.name.startswith(prefix):
            part = f"{column}[].{field.name.removeprefix(prefix)}"
            if origin_of.field(part):
                yield Edge(origin_of.column(part), model.column(field.name), JOB, origin.condition)


def _sql_type(dataset: Dataset, field: Field) -> str:
    """The type for the parser. Those of the lake matter only if they have structs."""
    if dataset.system != "lake":
        return field.type
    parts = [one for one in dataset.fields if one.name.startswith(f"{field.name}[].")]
    if not parts:
        return "varchar"
    names = [one.name.rpartition(".")[2] for one in parts]
    return f"struct({', '.join(f'{name} varchar' for name in names)})[]"


def _of_folder(configured: Mapping[str, Any], parts: Sequence[str]) -> dict[str, Any]:
    """The settings `+schema`, `+meta` and `+tags` of a folder, over those of the folders above."""
    found: dict[str, Any] = {}
    level: Mapping[str, Any] = configured
    for step in (None, *parts):
        level = level if step is None else level.get(step, {})
        for key, value in level.items():
            if key == "+meta":
                found["meta"] = {**found.get("meta", {}), **value}
            elif key == "+tags":
                found["tags"] = (*found.get("tags", ()), *_listed(value))
            elif key.startswith("+"):
                found[key[1:]] = value
    return found


def _meta(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**entry.get("meta", {}), **entry.get("config", {}).get("meta", {})}


def _tags(entry: Mapping[str, Any]) -> Sequence[str]:
    return (*_listed(entry.get("tags", ())), *_listed(entry.get("config", {}).get("tags", ())))


def _listed(value: str | Sequence[str]) -> Sequence[str]:
    return (value,) if isinstance(value, str) else value


def _text(text: str) -> str:
    return " ".join(text.split())


def _load(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _LOADER) or {}  # noqa: S506 - a safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise MapError(f"{path}: expected YAML, found: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise MapError(f"{path}: expected a mapping of keys to values, found {type(content).__name__}")
    return content


def _only(path: Path, meta: Mapping[str, Any], known: Sequence[str], what: str) -> None:
    for key in meta:
        if key not in known:
            near = nearest(key, known)
            hint = f" (did you mean `{near}`?)" if near else ""
            line = yaml_files.line_of(path, key)
            raise MapError(f"{path}:{line}: meta of {what}: expected one of {', '.join(known)}, found `{key}`{hint}")


def _converted(model: Model, value: Any, shape: Any, what: str) -> Any:  # noqa: ANN401 - as `shape` says
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        _refuse(model, what, error)


def _refuse(model: Model, what: str, error: msgspec.ValidationError) -> NoReturn:
    raise MapError(f"{model.file}: {what} of the model {model.name}: {error}") from error
