"""Datasets in memory, in place of the stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from shoplake.map.graph import Dataset, Field
from shoplake.positions import Place, Positions
from shoplake.quality.evaluation import Evaluation
from shoplake.quality.facts import Facts
from shoplake.quality.results import Result
from shoplake.quality.rules import loading
from shoplake.quality.workspace import Loaded, Workspace

FACTS = Facts(
    {
        "postgres.orders": Dataset(
            "postgres",
            "orders",
            "table",
            owner="commerce",
            fields=(Field("order_id", key=True), Field("email", data_class="personal"), Field("status")),
        ),
        "postgres.customers": Dataset(
            "postgres", "customers", "table", fields=(Field("email", key=True, data_class="personal"),)
        ),
    },
    personal_names=frozenset({"email"}),
)


def at(**topics: int) -> Positions:
    """Positions in partition 0 of topics."""
    return Positions({Place(topic, 0): offset for topic, offset in topics.items()})


@contextmanager
def datasets(
    tables: Mapping[str, str], positions: Mapping[str, Positions] | None = None, *, moved: bool = False
) -> Iterator[Workspace]:
    """A workspace with tables, each from a query, by full name."""
    with duckdb.connect() as connection:
        workspace = Workspace(connection, Path(), None, "test", lambda _: None)
        known = positions or {}
        for system in sorted({name.partition(".")[0] for name in tables}):
            workspace.connection.execute(f"CREATE SCHEMA {system}")
            of_system = {name.partition(".")[2]: at for name, at in known.items() if name.startswith(f"{system}.")}
            workspace.add(system, Loaded(of_system, moved=moved))
        for name, query in tables.items():
            system, _, short = name.partition(".")
            workspace.connection.execute(f'CREATE TABLE {system}."{short}" AS {query}')
        yield workspace


def checked(workspace: Workspace, folder: Path, dataset: str, checks: str, key: str = "") -> list[Result]:
    """Evaluate the checks of a file with this text below `checks:`."""
    lines = f"key: [{key}]\n" if key else ""
    (folder / f"{dataset}.yaml").write_text(f"{lines}checks:\n{checks}")
    declared = loading.load([folder])
    facts = Facts(FACTS.datasets, declared.keys, FACTS.personal_names)
    return Evaluation(workspace, facts).results(
        [loading.with_owner(check, facts.owner(dataset)) for check in declared.checks]
    )
