"""The API as a store of `verify`: customers, products and orders over HTTP, against the fold of the log.

It knows the API only from outside: it sends requests, with a key, as any other client.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import msgspec
import urllib3

from shoplake.errors import StoreUnavailable
from shoplake.settings import Settings
from shoplake.verify.comparison import Comparison
from shoplake.verify.database import columns, run_sql
from shoplake.verify.key_ranges import fold_in_shares
from shoplake.verify.report import Finding
from shoplake.verify.stores.documents import create_found, flattened, insert_documents
from shoplake.verify.structure_diff import differing

NAME = "api"
PAGE_ROWS = 1000
SAMPLE_EVERY = 100
"""Of so many rows of a page one is also read by its own route, and must be the same."""
AVERAGE = "ratings.average"
DOTS = re.compile(r"/\.\.?(?:$|[?])")
"""An id that HTTP clients take for a folder. The page has it."""
TIMEOUT_S = 30.0

FOLDED_FROM: Mapping[Comparison, Mapping[str, str]] = {
    Comparison(NAME, "customers", ("customer_id",)): dict.fromkeys(("customers", "orders", "reviews"), "customer_id"),
    Comparison(NAME, "products", ("product_id",)): dict.fromkeys(("products", "reviews"), "product_id"),
    Comparison(NAME, "orders", ("order_id", "customer_id")): {"orders": "order_id"},
    Comparison(NAME, "items", ("order_id", "customer_id", "line_no")): {"orders": "order_id"},
    Comparison(NAME, "payments", ("payment_id", "customer_id")): {"orders": "payment_id"},
    Comparison(NAME, "shipments", ("shipment_id", "customer_id")): {"orders": "shipment_id"},
}
"""Compared table -> source topic -> column that the fold groups by."""
_ROUTES = {"customers": "/v1/customers?mask=false", "products": "/v1/products?", "orders": "/v1/orders?details=true"}
_PARTS = ("items", "payments", "shipments")
"""Lists in an order, each a table of its own here."""


@dataclass(frozen=True)
class ApiSource:
    """The interface `Store` of `verify`.

    Attributes:
        url: of the API, `http://127.0.0.1:8080`.
        key: the API key.
    """

    url: str
    key: str

    @property
    def COMPARISONS(self) -> tuple[Comparison, ...]:  # noqa: N802 - as in the interface
        """The tables to compare."""
        return tuple(FOLDED_FROM)

    def fold(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Create the expected tables: those of MongoDB and Postgres, in the form of the answers."""
        run_sql(cursor, "mongo")
        run_sql(cursor, "postgres")
        cursor.execute(resources.files("shoplake.api").joinpath("verify_source.sql").read_text("utf-8"))
        for comparison, keys in FOLDED_FROM.items():
            fold_in_shares(cursor, comparison, keys)

    def load(self, cursor: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> list[Finding]:
        """Read all pages of all routes, one page at a time.

        Raises:
            StoreUnavailable: the API does not answer, or refuses a request.
        """
        del settings, folder
        tables = {comparison.table: comparison for comparison in FOLDED_FROM}
        for comparison in tables.values():
            create_found(cursor, comparison)
        findings: list[Finding] = []
        with urllib3.PoolManager(
            headers={"Authorization": f"Bearer {self.key}"}, timeout=TIMEOUT_S, retries=urllib3.Retry(2)
        ) as client:
            for table, route in _ROUTES.items():
                positions: set[str] = set()
                for page in self._pages(client, route):
                    positions.add(str(page["positions"]))
                    findings += self._sampled(client, table, page["data"][::SAMPLE_EVERY])
                    _insert(cursor, tables, table, page["data"])
                if len(positions) > 1:
                    findings.append(differing(f"positions of {table}", "the same in all answers", str(len(positions))))
        return findings

    def settle(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Do nothing: this store needs no adjustment."""
        del cursor

    def repair(self, cursor: duckdb.DuckDBPyConnection, folder: Path) -> list[Finding]:
        """Do nothing: `load` has read everything."""
        del cursor, folder
        return []

    def _pages(self, client: urllib3.PoolManager, route: str) -> Iterator[Mapping[str, Any]]:
        following: str | None = ""
        while following is not None:
            after = f"&cursor={following}" if following else ""
            page = self._read(*self._request(client, f"{self.url}{route}&limit={PAGE_ROWS}{after}"))
            yield page
            following = page["next"]

    def _sampled(self, client: urllib3.PoolManager, table: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
        """Compare rows of a page with what their own routes answer."""
        for row in rows:
            route = _own_route(table, row)
            if DOTS.search(route):
                continue
            status, answer = self._request(client, self.url + route)
            if status in {404, 409}:
                yield differing(f"answer of {route}", "the same as in the page", f"status {status}")
                continue
            found = self._read(status, answer)["data"]
            if differs := sorted(name for name in row if found.get(name) != row[name]):
                yield differing(f"answer of {route}", "the same as in the page", f"other {', '.join(differs)}")

    def _request(self, client: urllib3.PoolManager, url: str) -> tuple[int, bytes]:
        try:
            answer = client.request("GET", url)
        except urllib3.exceptions.HTTPError as error:
            raise StoreUnavailable(
                f"the API at {self.url} does not answer: {error}", fix="start it with `shoplake api up`"
            ) from error
        return answer.status, answer.data

    def _read(self, status: int, answer: bytes) -> Mapping[str, Any]:
        if status != 200:
            problem = answer.decode("utf-8", "replace")[:500]
            raise StoreUnavailable(
                f"the API at {self.url}: expected status 200, found {status}: {problem}",
                fix="`shoplake logs api` has its log; `shoplake status` shows which stores run",
            )
        page: Mapping[str, Any] = msgspec.json.decode(answer)
        return page


def _insert(
    cursor: duckdb.DuckDBPyConnection,
    tables: Mapping[str, Comparison],
    table: str,
    rows: Iterable[dict[str, Any]],
) -> None:
    """Append the rows of a page; what is null in an answer is absent in a row."""
    parts: dict[str, list[dict[str, Any]]] = {table: []}
    for row in rows:
        for part in _PARTS if table == "orders" else ():
            owner = {"order_id": row["order_id"], "customer_id": row["customer_id"]}
            parts.setdefault(part, []).extend({**owner, **one} for one in row.pop(part) or ())
        parts[table].append(row)
    for name, found in parts.items():
        kinds = columns(cursor, tables[name].expected)
        insert_documents(cursor, tables[name], map(_without_nulls, found), kinds)


def _without_nulls(row: Mapping[str, Any]) -> dict[str, Any]:
    """A flat row without nulls. An average becomes a whole number of thousandths, so that it is compared exactly."""
    flat = {name: value for name, value in flattened(row).items() if value is not None}
    if isinstance(average := flat.get(AVERAGE), float):
        flat[AVERAGE] = round(average * 1000)
    return flat


def _own_route(table: str, row: Mapping[str, Any]) -> str:
    """The route of one row."""
    if table == "orders":
        return f"/v1/orders/{_quoted(row['order_id'])}?customer_id={_quoted(row['customer_id'])}"
    if table == "products":
        return f"/v1/products/{_quoted(row['product_id'])}"
    return f"/v1/customers/{_quoted(row['customer_id'])}?mask=false"


def _quoted(text: object) -> str:
    return quote(str(text), safe="")
