"""The statements that dbt sends for each model, recorded once, so that a test runs a build without dbt's start-up.

dbt renders the models and the materialization `keyed`; nothing of it is written here a second time. `keyed` has two
branches, and a model of dbt sends the same statements whenever it takes the same one: no statement holds a value of
the build. So two runs of the project, one that builds everything and one after it, record all there is. Which branch a
run takes is not recorded: `run` decides it as `builds_everything` does, by whether the table is there and by the
statement that `keyed` sends to ask.

Left out are statements that only read: dbt's list of tables, and the contract of a model (names and types of columns);
and views, which hold no rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from shoplake.contract import TOPICS
from shoplake.positions import Positions
from shoplake.warehouse import bronze, dbt_project, state
from shoplake.warehouse.state import Build

ENVIRONMENT = "recorded"
_COMMENT = re.compile(r'/\* \{.*?"node_id": "model\.shoplake\.(\w+)".*?\} \*/\s*', re.DOTALL)
_OTHER_COMMENT = re.compile(r"/\* \{.*?\} \*/\s*", re.DOTALL)


class Connection(Protocol):
    """What executes the statements: DuckDB's connection, or one that a test ends before its time."""

    def execute(self, statement: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the dbt project.

    Attributes:
        name: of the model and its table.
        asks: the statement whose answer is 0 if all rows are built.
        building_everything: the statements of that branch, from BEGIN to COMMIT.
        by_key: the statements of the other branch.
    """

    name: str
    asks: str
    building_everything: tuple[str, ...]
    by_key: tuple[str, ...]

    def run(self, connection: Connection, *, has_table: bool) -> None:
        """Build the model, in one transaction."""
        by_key = has_table and connection.execute(self.asks).fetchall()[0][0]
        for statement in self.by_key if by_key else self.building_everything:
            connection.execute(statement)


def record() -> tuple[Model, ...]:
    """Run the dbt project twice on empty events in the state folder; return its models in the order of the runs."""
    everything, by_key = _statements_of_a_run(1), _statements_of_a_run(2)
    return tuple(
        _model(name, statements, by_key[name]) for name, statements in everything.items() if not _is_view(statements)
    )


def _is_view(statements: Sequence[str]) -> bool:
    return any(re.match(r"(?i)create (or replace )?view\b", statement) for statement in statements)


def _model(name: str, everything: Sequence[str], by_key: Sequence[str]) -> Model:
    (asks,) = {statement for statement in by_key if "from build.models as own" in statement}
    model = Model(name, asks, _writing(everything), _writing(by_key))
    for transaction in (model.building_everything, model.by_key):
        assert (transaction[0], transaction[-1]) == ("BEGIN", "COMMIT")
        assert {"BEGIN", "COMMIT"}.isdisjoint(transaction[1:-1])
        assert transaction[-2].startswith("insert or replace into build.models")
    assert model.building_everything != model.by_key
    return model


def _writing(statements: Sequence[str]) -> tuple[str, ...]:
    return tuple(one for one in statements if not re.match(r"(?i)(select|describe)\b", one))


def _statements_of_a_run(build: int) -> Mapping[str, list[str]]:
    """Model -> the statements that dbt sent for it."""
    with state.opened(ENVIRONMENT) as connection:
        for topic in TOPICS:
            connection.execute(f'CREATE OR REPLACE TABLE bronze."{topic}" ({bronze._columns(topic)})')
        state.begin(connection, Build(build, Positions({}), "{}", "", state.now()))
    sent: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        _record_cursor(patch, sent)
        dbt_project.run(ENVIRONMENT, [], lambda text: None)
    found: dict[str, list[str]] = {}
    model = ""
    for statement in sent:
        if named := _COMMENT.match(statement):
            model = named[1]
        elif _OTHER_COMMENT.match(statement):
            model = ""
        if model:  # BEGIN and COMMIT have no comment: they are of the model of the statement before them
            found.setdefault(model, []).append(_COMMENT.sub("", statement).strip())
        if statement == "COMMIT":
            model = ""
    return found


def _record_cursor(patch: pytest.MonkeyPatch, sent: list[str]) -> None:
    from dbt.adapters.duckdb.environments import local

    execute = local.DuckDBCursorWrapper.execute

    def recording(cursor: Any, statement: str, bindings: Any = None) -> Any:
        sent.append(statement)
        assert bindings is None, f"expected statements without parameters, found {statement}"
        return execute(cursor, statement, bindings)

    patch.setattr(local.DuckDBCursorWrapper, "execute", recording)
