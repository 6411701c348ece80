"""Pages of a real HTTP server become rows of a table, each once. The catalogue is a file, so no stack is needed."""

from __future__ import annotations

import datetime as dt
import email.utils
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from tests.paged_source import PagedSource, dies, drops, fails, orders, served

from shoplake.errors import SourceUnavailable, UsageError
from shoplake.orchestration.shared_steps import http_client, pages
from shoplake.orchestration.shared_steps.pages import Source

SETTINGS: Any = SimpleNamespace(lake=SimpleNamespace(database="lake"))


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqlCatalog:
    made = SqlCatalog("test", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}/lake")
    monkeypatch.setattr(pages, "open_catalog", lambda settings: made)
    return made


@pytest.fixture
def api() -> Iterator[PagedSource]:
    with served(PagedSource(orders(35))) as source:
        yield source


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that the client asks for, which then do not take place."""
    made: list[float] = []
    monkeypatch.setattr(http_client.time, "sleep", made.append)
    return made


def source(api: PagedSource, **changed: Any) -> Source:
    given = {"key": "id", "items": "data.orders", "watermark": "updated_at", "per_second": 1e6}
    return Source(f"{api.address}/orders", "orders", **(given | changed))


def land(api: PagedSource, **changed: Any) -> pages.Landed:
    return pages.land(SETTINGS, source(api, **changed), lambda text: None)


def rows_of(catalog: SqlCatalog) -> list[dict[str, Any]]:
    found = catalog.load_table(("lake_uploads", "orders")).scan().to_arrow().to_pylist()
    return sorted(found, key=lambda row: row["id"])


def ids_of(catalog: SqlCatalog) -> list[int]:
    return [row["id"] for row in rows_of(catalog)]


def test_all_pages_land_and_a_run_after_it_reads_from_the_watermark(catalog: SqlCatalog, api: PagedSource) -> None:
    first = land(api)
    assert (first.pages, first.received, first.rows) == (4, 35, 35)
    assert ids_of(catalog) == list(range(35))

    api.rows += orders(38)[35:]
    api.requests.clear()
    again = land(api)
    assert (again.pages, again.received, again.rows) == (1, 4, 38)  # the row at the watermark comes again
    assert api.requests == ["/orders?since=2026-09-01T000034"]
    assert ids_of(catalog) == list(range(38))


def test_nothing_new_is_no_snapshot_of_other_rows(catalog: SqlCatalog, api: PagedSource) -> None:
    land(api)
    before = rows_of(catalog)

    assert land(api).rows == 35
    assert rows_of(catalog) == before


def test_a_changed_row_replaces_the_one_with_its_key(catalog: SqlCatalog, api: PagedSource) -> None:
    land(api)
    api.rows.append({"id": 3, "updated_at": "2026-09-02", "cents": 1})

    assert land(api).rows == 35
    assert rows_of(catalog)[3]["cents"] == 1


def test_errors_that_pass_are_tried_again_and_each_row_is_once(
    catalog: SqlCatalog, api: PagedSource, pauses: list[float]
) -> None:
    api.faults = [fails(500), fails(429, Retry_After="17"), dies, drops, fails(503)]

    assert land(api).rows == 35
    assert ids_of(catalog) == list(range(35))
    assert max(pauses) == 17.0


def test_retry_after_can_be_a_date(api: PagedSource, catalog: SqlCatalog, pauses: list[float]) -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=120)
    api.faults = [fails(429, Retry_After=email.utils.format_datetime(later, usegmt=True))]

    assert land(api).rows == 35
    assert 60 < max(pauses) <= 120


def test_a_source_that_stays_away_is_an_error_and_its_pages_before_it_stay(
    catalog: SqlCatalog, api: PagedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client.Client.__init__, "__defaults__", (0.0,))
    api.faults = [lambda handler: handler.answer(200, _page(api, handler.path)), fails(503)]

    with pytest.raises(SourceUnavailable, match="HTTP 503"):
        land(api)
    assert ids_of(catalog) == list(range(10))

    api.requests.clear()
    assert land(api).pages == 3
    assert api.requests[0] == "/orders?cursor=10"
    assert ids_of(catalog) == list(range(35))


def test_a_source_that_asks_to_wait_too_long_is_an_error(api: PagedSource, catalog: SqlCatalog) -> None:
    api.faults = [fails(429, Retry_After="86400")]

    with pytest.raises(SourceUnavailable, match="asks to wait 86400 s"):
        land(api)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_run_that_ends_at_a_commit_goes_on_there(
    catalog: SqlCatalog, api: PagedSource, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    commit = SqlCatalog.commit_table
    commits: list[int] = []

    def killed(*arguments: Any) -> Any:
        commits.append(1)
        if len(commits) == 2 and moment == "before":
            raise KeyboardInterrupt
        done = commit(*arguments)
        if len(commits) == 2:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(SqlCatalog, "commit_table", killed)
    with pytest.raises(KeyboardInterrupt):
        land(api)
    assert ids_of(catalog) == list(range(10 if moment == "before" else 20))

    assert land(api).rows == 35
    assert ids_of(catalog) == list(range(35))


def test_a_page_that_the_source_has_forgotten_is_read_again_from_the_watermark(
    catalog: SqlCatalog, api: PagedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client.Client.__init__, "__defaults__", (0.0,))
    api.faults = [lambda handler: handler.answer(200, _page(api, handler.path)), fails(500)]
    with pytest.raises(SourceUnavailable):
        land(api)

    api.faults = [fails(410)]
    assert land(api).rows == 35
    assert ids_of(catalog) == list(range(35))


def test_a_link_header_is_followed_and_another_server_is_not(catalog: SqlCatalog, api: PagedSource) -> None:
    one = b'[{"id": 1}]'
    api.faults = [
        lambda handler: handler.answer(200, one, Link='</orders?page=2>; rel="next"'),
        lambda handler: handler.answer(200, b'[{"id": 2}]'),
    ]
    assert land(api, items="", watermark="").rows == 2
    assert api.requests == ["/orders", "/orders?page=2"]

    api.faults = [lambda handler: handler.answer(200, one, Link='<http://127.0.0.1:1/orders>; rel="next"')]
    with pytest.raises(UsageError, match="expected an address at"):
        land(api, items="", watermark="")
    api.faults = [fails(302, Location="http://127.0.0.1:1/orders")]
    with pytest.raises(UsageError, match="expected an address at"):
        land(api, items="", watermark="", token="secret")


def test_the_rate_is_limited(api: PagedSource, catalog: SqlCatalog, pauses: list[float]) -> None:
    land(api, per_second=0.001)
    assert [round(pause, -2) for pause in pauses] == [1000, 2000, 3000]  # the clock goes on as if none had been


def test_a_token_is_sent(api: PagedSource, catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPLAKE_ORDERS_TOKEN", "abc")
    land(api, token=http_client.token_of("SHOPLAKE_ORDERS_TOKEN"))
    assert {one["Authorization"] for one in api.headers} == {"Bearer abc"}

    with pytest.raises(UsageError, match="SHOPLAKE_MISSING"):
        http_client.token_of("SHOPLAKE_MISSING")
    with pytest.raises(UsageError, match="begins with SHOPLAKE_"):
        http_client.token_of("HOME")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"key": "number"}, "key `number` of each row, found nothing"),
        ({"key": ""}, "as `key`"),
        ({"items": "orders"}, "array of objects as field `orders`, found nothing"),
        ({"watermark": "changed"}, "found nothing"),
        ({"per_second": 0.0}, "above 0"),
    ],
)
def test_an_option_that_does_not_fit_is_an_error(
    api: PagedSource, catalog: SqlCatalog, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        land(api, **changed)


@pytest.mark.parametrize("url", ["orders", "ftp://127.0.0.1/orders", "http://user:word@127.0.0.1/orders"])
def test_an_address_that_is_not_valid_is_an_error(catalog: SqlCatalog, url: str) -> None:
    with pytest.raises(UsageError, match="expected an address such as") as error:
        pages.land(SETTINGS, Source(url, "orders", "id"), lambda text: None)
    assert "word" not in error.value.message


def test_a_request_that_is_refused_is_not_tried_again(api: PagedSource, catalog: SqlCatalog) -> None:
    api.faults = [fails(401)]

    with pytest.raises(UsageError, match="HTTP 401"):
        land(api)
    assert len(api.requests) == 1


def test_a_page_to_sign_in_is_not_read_again(api: PagedSource, catalog: SqlCatalog) -> None:
    api.faults = [lambda handler: handler.answer(200, b"<html>sign in</html>", Content_Type="text/html; charset=utf-8")]

    with pytest.raises(UsageError, match="expected JSON, found an HTML page"):
        land(api)
    assert len(api.requests) == 1


def test_a_table_of_another_source_is_refused(api: PagedSource, catalog: SqlCatalog) -> None:
    land(api)

    other = Source(f"{api.address}/returns", "orders", "id")
    with pytest.raises(UsageError, match=r"has the rows of .*/orders"):
        pages.land(SETTINGS, other, lambda text: None)


def test_a_column_that_a_page_lacks_is_empty_and_a_new_one_is_refused(api: PagedSource, catalog: SqlCatalog) -> None:
    land(api)
    api.rows.append({"id": 90, "updated_at": "2026-09-03"})
    api.rows = [row for row in api.rows if row["id"] == 90]
    land(api)
    assert rows_of(catalog)[-1]["cents"] is None

    api.rows.append({"id": 91, "updated_at": "2026-09-04", "note": "x"})
    with pytest.raises(UsageError, match="note"):
        land(api)


def _page(api: PagedSource, path: str) -> bytes:
    return json.dumps(api.page(path)).encode()
