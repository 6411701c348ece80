"""Pages of an HTTP source become a table of the lake: each row once, by its key.

The rows of a page and the position after it (next page, watermark) are one commit of Iceberg. So a run that was killed
continues after the last page that is in the table. A row that comes again replaces the one with its key.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import msgspec
import pyarrow as pa
from pyiceberg.expressions import And, BooleanExpression, GreaterThanOrEqual, In, LessThanOrEqual
from pyiceberg.io.pyarrow import schema_to_pyarrow

from shoplake.errors import SourceRefused, StoreUnavailable, UsageError
from shoplake.orchestration.shared_steps import http_client, landing
from shoplake.orchestration.shared_steps.landing import Say, database
from shoplake.sinks.lake.tables import open_catalog

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

    from shoplake.orchestration.workflow import Context
    from shoplake.settings import Settings

POSITION = "shoplake.source-position"
"""Property of the table with the position in the source."""

EXPIRED = frozenset({400, 404, 410})
"""States with which sources refuse the address of a page that they have forgotten."""

_NEXT_LINK = re.compile(r"""<([^<>]*)>\s*(?:;[^,<>]*)?;\s*rel="?next"?""")
Item: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """An HTTP source with pages.

    Attributes:
        url: address of the first page.
        table: in the database of uploads; made with the columns of the first page.
        key: field that identifies a row.
        items: field of an answer with the rows, with dots for nested ones; empty if the answer is an array.
        following: field of an answer with the address or the cursor of the next page. A header `Link` with rel=next is
            followed, too.
        cursor: query parameter for a cursor.
        watermark: field that grows with each change of a row, such as updated_at; empty if there is none.
        since: query parameter for the highest watermark of the last run.
        per_second: most requests in a second.
        token: sent as bearer token, if it is not empty.
    """

    url: str
    table: str
    key: str
    items: str = ""
    following: str = "next"
    cursor: str = "cursor"
    watermark: str = ""
    since: str = "since"
    per_second: float = 5.0
    token: str = ""


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a table stands in its source.

    Attributes:
        url: address of the first page, without query. A position of another source does not count.
        following: address of the page that was not read yet; empty after the last one.
        watermark: highest one of the rows before the run that is not complete, or of all rows.
        highest: highest one of all rows.
    """

    url: str
    following: str = ""
    watermark: str | int | float | None = None
    highest: str | int | float | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one answer, and the address of the next page, if there is one."""

    items: Sequence[Item]
    following: str


@dataclass(frozen=True, slots=True)
class Landed:
    """Result of one call.

    Attributes:
        table: `<database>.<table>`.
        pages: number of pages that were read.
        received: number of rows on them.
        rows: number of rows in the table.
        watermark: highest one, as the source has sent it; None if there is none.
    """

    table: str
    pages: int
    received: int
    rows: int
    watermark: str | int | float | None


def ingest(context: Context, source: Source) -> Landed:
    """The step of a source: bring all pages since the last run into the table, and note the table.

    Raises:
        UsageError, SourceUnavailable, StoreUnavailable: as `land`.
    """
    done = land(context.settings("lake"), source, context.say)
    context.changed(f"uploads.{source.table}", rows=done.rows)
    return done


def land(settings: Settings, source: Source, say: Say) -> Landed:
    """Bring all pages after the position of the table into it, one commit per page.

    Raises:
        UsageError: an option is not valid, the source has refused a request, or its rows do not fit to the table.
        SourceUnavailable: the source does not answer.
        StoreUnavailable: the lake does not answer.
    """
    landing.check_name(source.table)
    if not source.key:
        raise UsageError("expected the name of the field that identifies a row as `key`")
    client = http_client.Client(source.url, source.per_second, source.token, say)
    target = _Target(settings, source)
    pages = received = 0
    with landing.answering(settings):
        target.refresh()
        for page in _pages(client, source, target, say):
            new = landing.committed(lambda page=page: target.land(page), target.refresh_unmoved)  # type: ignore[misc]
            pages, received = pages + 1, received + len(page.items)
            say(f"page {pages}: {len(page.items):,} rows, {new:,} of them new")
        target.refresh()
        rows = target.held.scan(selected_fields=(source.key,)).count() if target.held else 0
    name = f"{database(settings)}.{source.table}"
    return Landed(name, pages, received, rows, target.position.highest)


def _pages(client: http_client.Client, source: Source, target: _Target, say: Say) -> Iterator[Page]:
    """The pages after the position, which the caller moves with each one."""
    url = target.position.following or _first(source, target.position)
    resumed = bool(target.position.following)
    if resumed:
        say("continues after the last page in the table")
    seen: set[str] = set()
    while url:
        if url in seen:
            raise UsageError(f"{http_client.shown(url)}: the source names a page again that was read before")
        seen.add(url)
        try:
            page = client.get(url, lambda answer, url=url: _parsed(answer, source, url))  # type: ignore[misc]
        except SourceRefused as error:
            if not resumed or error.status not in EXPIRED:
                raise
            say(f"the source has forgotten its next page (HTTP {error.status}); reads again from the watermark")
            url, resumed = _first(source, target.position), False
            seen.clear()
            continue
        resumed = False
        if page.following:
            client.check(page.following)
        yield page
        url = page.following


class _Target:
    """The table of a source, and its position as it was read last."""

    def __init__(self, settings: Settings, source: Source) -> None:
        self._catalog: Catalog = open_catalog(settings)
        self._name = (database(settings), source.table)
        self._source = source
        self._url = _without_query(source.url)
        self.held: Table | None = None
        self.position = Position(self._url)

    def refresh(self) -> None:
        """Read both again.

        Raises:
            UsageError: the table was not made from this source.
        """
        self.held = landing.opened(self._catalog, self._name)
        if self.held is None:
            return
        text = self.held.properties.get(POSITION)
        if text is None:
            if self.held.current_snapshot() is not None:
                raise UsageError(f"the table {'.'.join(self._name)} was not made from pages", fix="name another table")
            return  # a run was killed before its first commit
        position = msgspec.json.decode(text, type=Position)
        if position.url != self._url:
            raise UsageError(
                f"the table {'.'.join(self._name)} has the rows of {http_client.shown(position.url)}, not of"
                f" {http_client.shown(self._url)}",
                fix="name another table",
            )
        self.position = position

    def refresh_unmoved(self) -> None:
        """Read both again after a refused commit.

        Raises:
            StoreUnavailable: another run has moved the position: this one would set it back.
        """
        before = self.position
        self.refresh()
        if self.position != before:
            raise StoreUnavailable(f"another run has written the table {'.'.join(self._name)}", fix="run it again")

    def land(self, page: Page) -> int:
        """Write the rows of a page and the position after it in one commit; returns how many keys are new."""
        source = self._source
        highest = _highest(source, page.items, self.position.highest)
        watermark = self.position.watermark if page.following else highest
        position = Position(self._url, page.following, watermark, highest)
        rows = _rows(source, page.items, self.held) if page.items else None
        if rows is not None and self.held is None:
            self.held = landing.created(self._catalog, self._name, rows.schema)
            rows = rows.cast(schema_to_pyarrow(self.held.schema(), include_field_ids=False))
        if self.held is None:  # an empty source has no columns yet
            return 0
        known = 0
        with self.held.transaction() as transaction:
            if rows is not None:
                same = _with_keys(source.key, rows[source.key].to_pylist())
                known = self.held.scan(row_filter=same, selected_fields=(source.key,)).count()
                if known:
                    transaction.overwrite(rows, same)
                else:
                    transaction.append(rows)
            if self.held.properties.get(POSITION) != (text := msgspec.json.encode(position).decode()):
                transaction.set_properties({POSITION: text})
        self.position = position
        return len(rows) - known if rows is not None else 0


def _parsed(answer: http_client.Answer, source: Source, url: str) -> Page:
    """The page of an answer.

    Raises:
        ValueError: it is not JSON: it was cut off.
        UsageError: it is a page for a browser, or does not have the rows where they should be.
    """
    if answer.headers.get("content-type", "").startswith("text/html"):
        raise UsageError(
            f"{http_client.shown(url)}: expected JSON, found an HTML page",
            fix="check the address and the token: many sources answer with a page to sign in",
        )
    document = json.loads(answer.body)
    items = _field(document, source.items) if source.items else document
    if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
        what = f"field `{source.items}`" if source.items else "answer"
        raise UsageError(
            f"{http_client.shown(url)}: expected an array of objects as {what}, found {_kind(items)}",
            fix="`items` names the field of the answer that has the rows",
        )
    link = _NEXT_LINK.search(answer.headers.get("link", ""))
    following = link[1] if link else _field(document, source.following)
    if following is None or following == "":
        return Page(items, "")
    text = str(following)
    if link or re.match(r"https?://|[/?]", text):
        return Page(items, urljoin(url, text))
    return Page(items, _with_query(url, {source.cursor: text}))


def _rows(source: Source, items: Sequence[Item], held: Table | None) -> pa.Table:
    """The rows of a page, one per key: the last one. Columns that the page lacks are empty.

    Raises:
        UsageError: a row has no key, or the rows do not have the columns and types of the table.
    """
    by_key: dict[Any, Item] = {}
    for item in items:
        key = item.get(source.key)
        if not isinstance(key, str | int) or isinstance(key, bool):
            raise UsageError(
                f"expected a text or a whole number as key `{source.key}` of each row, found {_kind(key)}",
                fix=f"the fields of the row are {', '.join(item)}",
            )
        by_key[key] = item
    names = held.schema().column_names if held is not None else []
    with tempfile.TemporaryDirectory(prefix="shoplake-") as folder:
        file = Path(folder) / "page.jsonl"
        file.write_text("".join(f"{json.dumps(item)}\n" for item in by_key.values()), encoding="utf-8")
        rows, _ = landing.read(file, "a page of the source")
    if held is None:
        return rows
    for name in names:
        if name not in rows.column_names:
            rows = rows.append_column(name, pa.nulls(len(rows)))
    return landing.fitted("a page of the source", rows, held)


def _with_keys(name: str, keys: Sequence[Any]) -> BooleanExpression:
    """Rows with one of these keys. Of a list of more than 200 Iceberg reads no statistics, of a range it does."""
    return And(GreaterThanOrEqual(name, min(keys)), LessThanOrEqual(name, max(keys)), In(name, keys))


def _highest(source: Source, items: Sequence[Item], before: str | int | float | None) -> str | int | float | None:
    """The highest watermark so far.

    Raises:
        UsageError: a row has none, or they have different types.
    """
    if not source.watermark:
        return None
    found = [item.get(source.watermark) for item in items]
    known = [*found, *([] if before is None else [before])]
    same = all(isinstance(one, str) for one in known) or all(
        isinstance(one, int | float) and not isinstance(one, bool) for one in known
    )
    if not same:
        kinds = sorted({_kind(one) for one in known})
        raise UsageError(f"watermark `{source.watermark}`: expected texts or numbers only, found {', '.join(kinds)}")
    return max(known, default=None)  # type: ignore[type-var]


def _first(source: Source, position: Position) -> str:
    """Address of the first page of a run."""
    return source.url if position.watermark is None else _with_query(source.url, {source.since: position.watermark})


def _field(document: Any, path: str) -> Any:  # noqa: ANN401 - any JSON
    for name in path.split("."):
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _with_query(url: str, added: Mapping[str, str | int | float]) -> str:
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in added]
    return urlunsplit(parts._replace(query=urlencode([*kept, *added.items()])))


def _without_query(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(query="", fragment=""))


def _kind(value: object) -> str:
    names = {dict: "an object", list: "an array", str: "a text", type(None): "nothing", bool: "true or false"}
    return names.get(type(value), "a number")
