"""Everything that the platform holds about one customer, from every store that has rows of people."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from shoplake.errors import UnknownName, UsageError
from shoplake.map import project
from shoplake.positions import Positions
from shoplake.privacy import data_map, log_search
from shoplake.privacy.data_map import CUSTOMER, SESSION
from shoplake.quality import run, workspace

if TYPE_CHECKING:
    from shoplake.privacy.log_search import Record
    from shoplake.quality.workspace import Workspace
    from shoplake.settings import Settings

MOST_ROWS = 100_000
"""Of one dataset. More are an error: they are not those of one person."""


@dataclass(frozen=True, slots=True)
class Held:
    """Rows and records about a customer.

    Attributes:
        sessions: ids of the sessions in which the customer was logged in.
        rows: dataset -> its rows about the customer. A dataset without any is there, too.
        positions: dataset -> its positions in the log.
        records: in the topics of events and of dead letters.
    """

    customer: str
    sessions: Sequence[str]
    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    positions: Mapping[str, Positions]
    records: Sequence[Record]

    def as_json(self) -> bytes:
        """The document to hand over. Times are ISO 8601, UTC."""
        document = {
            "customer": self.customer,
            "sessions": list(self.sessions),
            "datasets": self.rows,
            "positions": {
                name: {str(place): offset for place, offset in sorted(at.next_offsets.items())}
                for name, at in self.positions.items()
            },
            "records": [one.as_json() for one in self.records],
        }
        return msgspec.json.format(msgspec.json.encode(document, enc_hook=str), indent=1)

    def counts(self) -> Iterator[tuple[str, int]]:
        """Dataset or topic, and its number of rows or records."""
        for name, rows in self.rows.items():
            yield name, len(rows)
        topics: dict[str, int] = {}
        for record in self.records:
            topics[record.topic] = topics.get(record.topic, 0) + 1
        yield from ((f"kafka.{topic}", count) for topic, count in topics.items())


def held(settings: Settings, environment: str, customer: str, progress: Callable[[str], None] = lambda _: None) -> Held:
    """Collect everything about a customer. The stores are only read.

    The map says which columns name a customer or a session, so a new table is read without a change here.

    Raises:
        UnknownName: nothing is held about this id.
        MissingExtra: the extra `catalog` is not installed.
        StoreUnavailable, StackError, LogUnavailable: a store does not answer; what is left out would not be seen.
    """
    keys = data_map.keys(project.graph())
    wanted = {name: columns for name, columns in keys.items() if run.is_made(name.partition(".")[0], environment)}
    rows: dict[str, list[dict[str, Any]]] = {}
    positions = {}
    with workspace.opened(settings, environment, progress) as opened:
        sessions = sorted(_sessions(opened, wanted, customer))
        for name, columns in wanted.items():
            rows[name] = _rows(opened, name, columns, customer, sessions)
            positions[name] = opened.table(name).positions
    records = asyncio.run(log_search.containing(settings.kafka, [customer, *sessions], whole=True))
    progress(f"kafka: {len(records):,} records")
    if not records and not any(rows.values()):
        raise UnknownName(
            f"nothing is held about a customer '{customer}'",
            fix="give the id of a customer, as in postgres.customers.customer_id",
        )
    return Held(customer, sessions, rows, positions, records)


def _sessions(opened: Workspace, wanted: Mapping[str, Mapping[str, str]], customer: str) -> set[str]:
    """The sessions that any dataset says are the customer's: a store that is behind may not have the newest yet."""
    found: set[str] = set()
    for name, columns in wanted.items():
        by = {field: column for column, field in columns.items()}
        if {CUSTOMER, SESSION} <= by.keys():
            table = opened.table(name)
            statement = f'SELECT DISTINCT "{by[SESSION]}" FROM {table.sql} WHERE "{by[CUSTOMER]}" = ?'  # noqa: S608
            found |= {row[0] for row in opened.connection.execute(statement, [customer]).fetchall() if row[0]}
    return found


def _rows(
    opened: Workspace, name: str, columns: Mapping[str, str], customer: str, sessions: Sequence[str]
) -> list[dict[str, Any]]:
    table = opened.table(name)
    conditions, values = [], []
    for column, field in columns.items():
        conditions.append(f'"{column}" = ?' if field == CUSTOMER else f'list_contains(?, "{column}")')
        values.append(customer if field == CUSTOMER else list(sessions))
    statement = f"SELECT * FROM {table.sql} WHERE {' OR '.join(conditions)} LIMIT {MOST_ROWS + 1}"  # noqa: S608
    fetched = opened.connection.execute(statement, values).fetchall()
    if len(fetched) > MOST_ROWS:
        raise UsageError(f"{name} has more than {MOST_ROWS:,} rows of '{customer}'", fix="give the id of one customer")
    return [dict(zip(table.columns, row, strict=True)) for row in fetched]
