"""The API on a loaded stack: every route, pages under writes, a store that is down, `at_least`, and `verify --through`.

What a test writes into a store it takes away again: other files share the stack.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec
import psycopg
import pytest
import urllib3

pytest.importorskip("fastapi")

import uvicorn

from shoplake.api import access, shapes
from shoplake.api.app import create
from shoplake.api.keys import KeyCheck
from shoplake.api.server import bind
from shoplake.api.stores import postgres
from shoplake.api.verify_source import NAME, ApiSource
from shoplake.settings import MongoSettings, Settings
from shoplake.verify import verify

pytestmark = pytest.mark.stack

KEY = "the-key-of-this-test"
FIRST, LAST = "!first", "~last"  # ids before and after all others


class Client:
    """Sends requests with the key."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._pool = urllib3.PoolManager(headers={"X-API-Key": KEY}, timeout=30, retries=False)

    def get(self, path: str, **headers: str) -> tuple[int, Any, dict[str, str]]:
        answer = self._pool.request("GET", self.url + path, headers={"X-API-Key": KEY, **headers})
        body = msgspec.json.decode(answer.data) if answer.data else None
        return answer.status, body, {name.lower(): value for name, value in answer.headers.items()}

    def data(self, path: str) -> Any:
        status, body, _ = self.get(path)
        assert status == 200, body
        return body["data"]

    def pages(self, path: str) -> Iterator[list[dict[str, Any]]]:
        following = ""
        while following is not None:
            status, body, _ = self.get(path + (f"&cursor={following}" if following else ""))
            assert status == 200, body
            yield body["data"]
            following = body["next"]


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[Client]:
    """The real server, in a thread."""
    taken = bind(0)
    app = create(settings, KeyCheck.of(KEY))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, http="httptools"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.02)
        yield Client(f"http://127.0.0.1:{taken.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def api(loaded_stack: Settings) -> Iterator[Client]:
    with serving(loaded_stack) as client:
        yield client


@pytest.fixture
def shop(loaded_stack: Settings) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(loaded_stack.postgres.conninfo(), autocommit=True) as connection:
        yield connection
        connection.execute("DELETE FROM shop.orders WHERE session_id = 'of this test'")
        connection.execute("DELETE FROM shop.checkpoints WHERE partition = 999")


def insert_order(shop: psycopg.Connection[Any], order_id: str, customer_id: str = "c") -> None:
    shop.execute(
        "INSERT INTO shop.orders (order_id, customer_id, session_id, status) VALUES (%s, %s, 'of this test', 'placed')",
        [order_id, customer_id],
    )


def test_every_route_answers_as_it_is_documented(api: Client) -> None:
    orders = api.data("/v1/orders?limit=1000&details=true")
    order = next(one for one in orders if one["items"] and one["payments"] and one["session_id"])
    ids = {
        "order_id": order["order_id"],
        "customer_id": order["customer_id"],
        "session_id": order["session_id"],
        "product_id": order["items"][0]["product_id"],
        "name": "fct_orders",
    }
    models = {route.path: route.response_model for route in _routes()}
    for path in sorted(set(access.ROUTES) - {"/openapi.json", "/v1/metrics/{name}"}):
        target = path.format(**{name: quote(value, safe="") for name, value in ids.items()})
        status, body, headers = api.get(target)
        assert status == 200, (path, body)
        models[path].model_validate(body, strict=False)
        assert msgspec.json.decode(headers["shoplake-positions"]) == body["positions"], path
        is_of_stores = path not in {"/v1/datasets", "/v1/datasets/{name}", "/v1/lineage/{name}"}
        assert bool(body["positions"]) is is_of_stores, path
        if path == "/v1/stack":  # it shows what changes all the time
            continue
        again, nothing, headers_again = api.get(target, **{"If-None-Match": headers["etag"]})
        assert (again, nothing, headers_again["etag"]) == (304, None, headers["etag"]), path
    assert api.data(f"/v1/orders/{quote(ids['order_id'])}")["timeline"][0]["what"] == "placed"
    assert api.get("/readyz")[:2] == (
        200,
        {"status": "ok", "dependencies": dict.fromkeys(("postgres", "mongo", "dynamodb", "redis"), "ok")},
    )


def _routes() -> Iterator[Any]:
    from shoplake.api.routes import board, catalogue, customers, metrics, orders, platform, products, sessions

    for module in (board, catalogue, customers, metrics, orders, platform, products, sessions):
        yield from module.router.routes


def test_a_metric_without_a_warehouse_says_what_to_build(api: Client) -> None:
    status, problem, headers = api.get("/v1/metrics/revenue")
    if status == 200:  # another file of the session has built one
        assert problem["data"]["columns"][-1] == "revenue"
        return
    assert (status, problem["code"]) == (503, "SL1000")
    assert "warehouse build" in problem["fix"]
    assert "retry-after" in headers


def test_pages_have_each_row_once_while_rows_come_and_change(api: Client, shop: psycopg.Connection[Any]) -> None:
    before = [tuple(row) for row in shop.execute("SELECT order_id, customer_id FROM shop.orders").fetchall()]
    seen: list[tuple[str, str]] = []
    for number, page in enumerate(api.pages("/v1/orders?limit=40")):
        seen += [(row["order_id"], row["customer_id"]) for row in page]
        insert_order(shop, f"{FIRST}{number}")
        insert_order(shop, f"{LAST}{number}")
        shop.execute("UPDATE shop.orders SET updated_at = updated_at WHERE ctid = (SELECT min(ctid) FROM shop.orders)")
        if number == 30:
            break
    walked = [row for row in seen if not row[0].startswith((FIRST, LAST))]
    assert len(walked) == len(set(walked))
    assert set(walked) == {row for row in before if row <= max(walked)} or set(walked) == set(before)


def test_a_filter_gives_the_rows_that_the_store_has(api: Client, shop: psycopg.Connection[Any]) -> None:
    customer, count = shop.execute(
        "SELECT customer_id, count(*) FROM shop.orders GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
    ).fetchall()[0]
    rows = [row for page in api.pages(f"/v1/customers/{quote(customer, safe='')}/orders?limit=2") for row in page]
    assert len(rows) == count
    assert {row["customer_id"] for row in rows} == {customer}
    delivered = api.data("/v1/orders?status=delivered&placed_from=2000-01-01T00:00:00Z&limit=5")
    assert {row["status"] for row in delivered} == {"delivered"}


def test_an_order_id_of_two_customers_needs_the_customer(api: Client, shop: psycopg.Connection[Any]) -> None:
    insert_order(shop, "two/customers", "c1")
    insert_order(shop, "two/customers", "c2")
    status, problem, _ = api.get("/v1/orders/two%2Fcustomers")
    assert (status, problem["code"], problem["customers"]) == (409, "SL1405", ["c1", "c2"])
    assert api.data("/v1/orders/two%2Fcustomers?customer_id=c2")["customer_id"] == "c2"
    assert api.get("/v1/orders/two%2Fcustomers?customer_id=c3")[0] == 404


def test_at_least_waits_until_the_store_has_applied_it(api: Client, shop: psycopg.Connection[Any]) -> None:
    positions = api.get("/v1/orders?limit=1")[1]["positions"]
    text = quote(msgspec.json.encode(positions))
    assert api.get(f"/v1/orders?limit=1&wait_s=0&at_least={text}")[0] == 200
    assert api.get("/v1/orders?limit=1&wait_s=0&at_least=inventory-0:999999999")[0] == 200  # orders do not depend on it

    status, problem, _ = api.get("/v1/orders?limit=1&wait_s=0.1&at_least=orders-999:4")
    assert (status, problem["code"]) == (504, "SL1406")
    assert problem["missing"] == {"orders-999": {"wanted": 5, "found": 0}}

    def apply() -> None:
        shop.execute("INSERT INTO shop.checkpoints VALUES ('orders', 999, 5, 0)")

    timer = threading.Timer(0.3, apply)
    timer.start()
    status, body, _ = api.get("/v1/orders?limit=1&wait_s=20&at_least=orders-999:4")
    timer.join()
    assert (status, body["positions"]["orders"]["999"]) == (200, 5)


@pytest.mark.parametrize("path", ["/v1/customers/c", "/v1/products/p", "/v1/sessions/s", "/v1/board"])
def test_at_least_of_every_store_says_that_it_is_not_there_yet(api: Client, path: str) -> None:
    wanted = {"/v1/products/p": "products", "/v1/sessions/s": "clicks"}.get(path, "orders")
    status, problem, _ = api.get(f"{path}?wait_s=0&at_least={wanted}-0:999999999999")
    assert (status, problem["code"]) == (504, "SL1406")


def test_a_store_that_is_down_takes_only_its_own_routes_down(loaded_stack: Settings) -> None:
    gone = MongoSettings(uri="mongodb://127.0.0.1:1/?directConnection=true", database="shoplake")
    with serving(loaded_stack.model_copy(update={"mongo": gone})) as api:
        for path in ("/v1/customers", "/v1/customers/c1", "/v1/products", "/v1/products/p1"):
            status, problem, headers = api.get(path)
            assert (status, problem["code"], problem["store"]) == (503, "SL1408", "mongo"), path
            assert int(headers["retry-after"]) >= 1
            assert "127.0.0.1:1" not in str(problem)
        for path in ("/v1/orders", "/v1/customers/c1/orders", "/v1/board", "/healthz"):
            assert api.get(path)[0] == 200, path
        status, body, _ = api.get("/readyz")
        assert (status, body["dependencies"]["mongo"], body["dependencies"]["postgres"]) == (503, "down", "ok")
        started = time.monotonic()
        assert all(api.get("/v1/products")[0] == 503 for _ in range(20))
        assert time.monotonic() - started < 20  # each would wait 2 s for the server, if the breaker were closed


def test_everything_that_the_api_answers_is_the_fold_of_the_log(api: Client, loaded_stack: Settings) -> None:
    (store,) = asyncio.run(verify(loaded_stack, through={NAME: ApiSource(api.url, KEY)})).stores
    assert [str(finding) for finding in store.findings] == []
    assert (store.name, store.ok) == (NAME, True)
    assert store.found > 1000


def test_verify_finds_what_the_api_changes_on_the_way(
    api: Client, loaded_stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = api.data("/v1/orders?limit=1&details=true")[0]
    customer = api.data("/v1/customers?limit=1")[0]["customer_id"]
    product = api.data("/v1/products?limit=1")[0]["product_id"]
    decoded, shown = postgres._decoded, shapes.customer

    def one_cent_more(fetched: Any) -> Any:
        rows, positions = decoded(fetched)
        for row in rows:
            if row["order_id"] == order["order_id"] and row["customer_id"] == order["customer_id"]:
                row["total_cents"] = (row["total_cents"] or 0) + 1
                row["items"] = (row.get("items") or [])[1:]
        return rows, positions

    def another_name(document: Any, *, mask: bool) -> Any:
        found = shown(document, mask=mask)
        return found | {"orders": {"placed": 99}} if document["_id"] == customer else found

    real_product = shapes.product
    monkeypatch.setattr(postgres, "_decoded", one_cent_more)
    monkeypatch.setattr(shapes, "customer", another_name)
    monkeypatch.setattr(
        shapes,
        "product",
        lambda document: real_product(document) | ({"product_id": "p-new"} if document["_id"] == product else {}),
    )
    (store,) = asyncio.run(verify(loaded_stack, through={NAME: ApiSource(api.url, KEY)})).stores
    found = {(one.kind, one.table, one.key) for one in store.findings if one.table != "structure"}
    line = (order["order_id"], order["customer_id"], str(order["items"][0]["line_no"]))
    assert found == {
        ("differing", "orders", f"{order['order_id']}/{order['customer_id']}"),
        ("lost", "items", "/".join(line)),
        ("differing", "customers", customer),
        ("lost", "products", product),
        ("duplicated", "products", "p-new"),
    }
