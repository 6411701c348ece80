"""Finds out which columns of its inputs each column of a SELECT is made from, with the parser sqlglot.

A column gets its value from the columns in its expression. Columns in `filter (where ...)` and `case when ...` are
conditions: they choose the rows or the branch. So are the columns that a count counts. Columns that only order or group
rows are left out, unless there is nothing else: `count(*)` comes from the columns that it is grouped by. Conditions of
a whole query (`where`, `on`) are not followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

DIALECT = "duckdb"
Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """A column of an input.

    Attributes:
        table: with its schema, as in the statement.
        column: its name.
        path: names inside a struct, or inside the structs of a list.
        condition: whether it only decides which rows count.
    """

    table: str
    column: str
    path: Path = ()
    condition: bool = False


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where the columns of a statement come from, and all tables that it reads, also those that only filter."""

    columns: Mapping[str, tuple[Origin, ...]]
    tables: tuple[str, ...]


def of_statement(sql: str, schema: Mapping[str, Mapping[str, Mapping[str, str]]]) -> Lineage:
    """The lineage of a SELECT.

    Args:
        sql: one statement of DuckDB, whose tables have a schema.
        schema: schema -> table -> column -> type, of all tables that it may read.

    Raises:
        ValueError: it is not one SELECT, or it reads a table or a column that does not exist.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    try:
        parsed = sqlglot.parse_one(sql, dialect=DIALECT)
        for table in parsed.find_all(exp.Table):
            if table.db and table.name not in schema.get(table.db, {}):
                raise ValueError(f"there is no {_table(table)}")
        qualified = qualify(
            parsed,
            schema={name: dict(tables) for name, tables in schema.items()},
            dialect=DIALECT,
            quote_identifiers=False,
            validate_qualify_columns=False,
        )
    except SqlglotError as error:
        raise ValueError(str(error)) from error
    scope = build_scope(qualified)
    if scope is None or not isinstance(qualified, exp.Query):
        raise ValueError(f"expected one SELECT, found {type(parsed).__name__}")
    tables = dict.fromkeys(_table(one) for one in qualified.find_all(exp.Table) if one.db)
    reader = _Reader()
    names = qualified.named_selects
    return Lineage({name: tuple(reader.column(scope, name, ())) for name in names}, tuple(tables))


def of_expression(sql: str) -> list[str]:
    """The names of the columns in an expression, in order.

    Raises:
        ValueError: it is not an expression.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        parsed = sqlglot.parse_one(sql, dialect=DIALECT)
    except SqlglotError as error:
        raise ValueError(str(error)) from error
    return list(dict.fromkeys(one.name for one in parsed.find_all(exp.Column)))


def _table(table: exp.Table) -> str:
    return f"{table.db}.{table.name}"


class _Reader:
    """Walks from a column to the columns of tables. Each column of a subquery is read once."""

    def __init__(self) -> None:
        from sqlglot import exp
        from sqlglot.optimizer.scope import Scope

        self._exp, self._scope = exp, Scope
        self._known: dict[tuple[int, str, Path], list[Origin]] = {}

    def column(self, scope: Scope, name: str, path: Path) -> list[Origin]:
        """The origins of a column that a query returns."""
        key = (id(scope), name, path)
        if key not in self._known:
            self._known[key] = []  # of a recursive query
            self._known[key] = list(dict.fromkeys(self._of_query(scope, name, path)))
        return self._known[key]

    def _of_query(self, scope: Scope, name: str, path: Path) -> Iterator[Origin]:
        query: Any = scope.expression
        if scope.set_operation_scopes:
            for part in scope.set_operation_scopes:
                inside: Any = part.expression
                yield from self.column(part, inside.named_selects[query.named_selects.index(name)], path)
            return
        for projection in query.selects:
            if projection.alias_or_name == name:
                found = list(self._value(projection, path, scope))
                yield from found or self._fallback(projection, scope)

    def _fallback(self, projection: exp.Expression, scope: Scope) -> Iterator[Origin]:
        """For a value without columns: the windows that it counts in, else the groups that it counts."""
        exp = self._exp
        for window in projection.find_all(exp.Window):
            yield from self._conditions(self._parts_of(window, scope), scope)
            return
        if projection.find(exp.AggFunc):
            yield from self._conditions(self._group(scope), scope)

    def _parts_of(self, window: exp.Window, scope: Scope) -> list[Any]:
        """The columns that a window partitions and orders by. Its definition may be at the end of the query."""
        named = {one.name: one for one in scope.expression.args.get("windows") or ()}
        found = named.get(window.alias, window) if window.alias else window
        return [*(found.args.get("partition_by") or ()), found.args.get("order")]

    def _group(self, scope: Scope) -> list[Any]:
        query: Any = scope.expression
        group = query.args.get("group")
        if group is None:
            return []
        if group.args.get("all"):
            return [one for one in query.selects if not one.find(self._exp.AggFunc)]
        return list(group.expressions)

    def _conditions(self, nodes: Iterable[Any], scope: Scope) -> Iterator[Origin]:
        for node in nodes:
            if node is not None:
                for origin in self._value(node, (), scope):
                    yield replace(origin, condition=True)

    def _value(self, node: exp.Expression, path: Path, scope: Scope) -> Iterator[Origin]:
        """The columns that give an expression its value."""
        exp = self._exp
        if isinstance(node, exp.Column):
            yield from self._column(node, path, scope)
        elif isinstance(node, exp.Dot):
            yield from self._value(node.this, (node.expression.name, *path), scope)
        elif isinstance(node, exp.Filter):
            yield from self._value(node.this, path, scope)
            yield from self._conditions([node.expression], scope)
        elif isinstance(node, exp.Window):
            yield from self._value(node.this, path, scope)
        elif isinstance(node, exp.Case | exp.If):
            yield from self._case(node, path, scope)
        elif isinstance(node, exp.ArgMax | exp.ArgMin):
            yield from self._value(node.this, path, scope)
        elif isinstance(node, exp.Count | exp.CountIf):
            yield from self._conditions(node.iter_expressions(), scope)
        elif isinstance(node, exp.Transform):
            for inside in self._lambda_paths(node.expression):
                yield from self._value(node.this, (*inside, *path), scope)
        elif not isinstance(node, exp.Query | exp.Lambda):
            for child in node.iter_expressions():
                yield from self._value(child, path, scope)

    def _case(self, node: exp.Expression, path: Path, scope: Scope) -> Iterator[Origin]:
        """The values of the branches, and what is compared. Where the branches are constants, that is the value."""
        branches = node.args.get("ifs") or [node]
        results = [*(one.args.get("true") for one in branches), node.args.get("default"), node.args.get("false")]
        found = [origin for one in results if one is not None for origin in self._value(one, path, scope)]
        compared = [one.this for one in branches]
        if isinstance(node, self._exp.Case) and node.this is not None:
            compared.append(node.this)
        conditions = [origin for one in compared for origin in self._value(one, (), scope)]
        yield from found
        yield from (replace(one, condition=True) for one in conditions) if found else conditions

    def _lambda_paths(self, function: exp.Expression) -> list[Path]:
        """The fields of its argument that a function reads; an empty path for the argument itself."""
        exp = self._exp
        names = {one.name for one in function.expressions}
        found = []
        for dot in function.this.find_all(exp.Dot):
            if isinstance(dot.this, exp.Identifier) and dot.this.name in names:
                found.append((dot.expression.name,))
        for column in function.this.find_all(exp.Column):
            if column.table in names:
                found.append((column.name,))
        return list(dict.fromkeys(found)) or [()]

    def _column(self, node: exp.Column, path: Path, scope: Scope) -> Iterator[Origin]:
        exp = self._exp
        source = scope.sources.get(node.table)
        if isinstance(source, exp.Table):
            if source.db:
                yield Origin(_table(source), node.name, path)
        elif isinstance(source, self._scope):
            yield from self.column(source, node.name, path)
        else:
            raise ValueError(f"no input has the column {node.sql(DIALECT)}")
