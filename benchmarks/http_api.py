"""Compare the speed of two routes of the API with a bare uvicorn route that does the same read with the same client.

`python -m benchmarks.http_api` needs a stack with a shop (`shoplake demo`). It serves both in a process of its own, one
after the other, and sends requests from this process over several connections, in rounds that take turns.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time

import msgspec
import urllib3
from starlette.types import ASGIApp, Receive, Scope, Send

from shoplake.api.app import create
from shoplake.api.keys import KeyCheck
from shoplake.api.server import bind
from shoplake.api.stores.mongo import MongoStore
from shoplake.api.stores.postgres import PostgresStore
from shoplake.environments import connect
from shoplake.settings import Settings

KEY = "benchmark"
ROUNDS = 3


def bare(settings: Settings) -> ASGIApp:
    """An ASGI application that reads the bytes of the same rows, without positions, keys, checks or routes."""
    postgres, mongo = PostgresStore(settings.postgres), MongoStore(settings.mongo)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await postgres.open()
            await mongo.open()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        key = scope["path"].rsplit("/", 1)[1]
        if "/orders/" in scope["path"]:
            async with postgres._pool.connection() as connection:
                cursor = await connection.execute(postgres._order, {"order_id": key, "customer_id": None, "rows": 20})
                body = str((await cursor.fetchone() or [""])[0]).encode()
        else:
            body = msgspec.json.encode(await mongo._database["customers"].find_one({"_id": key}), enc_hook=str)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def serve(kind: str, ports: multiprocessing.Queue[int]) -> None:
    """Serve one of the two applications until killed."""
    import uvicorn

    settings = connect("local", ("postgres", "mongo"))
    app = create(settings, KeyCheck.of(KEY)) if kind == "api" else bare(settings)
    taken = bind(0)
    ports.put(taken.getsockname()[1])
    uvicorn.run(app, fd=taken.fileno(), log_level="warning", access_log=False, loop="uvloop", http="httptools")


def measure(url: str, seconds: float, connections: int) -> tuple[float, list[float]]:
    """Requests per second, and the milliseconds of each request."""
    from concurrent.futures import ThreadPoolExecutor

    deadline = time.perf_counter() + seconds

    def one(_: int) -> list[float]:
        taken = []
        with urllib3.PoolManager(headers={"X-API-Key": KEY}) as client:
            while time.perf_counter() < deadline:
                begun = time.perf_counter()
                answer = client.request("GET", url)
                taken.append((time.perf_counter() - begun) * 1000)
                if answer.status != 200:
                    raise SystemExit(f"{url}: expected status 200, found {answer.status}: {answer.data!r}")
        return taken

    with ThreadPoolExecutor(connections) as pool:
        found = [ms for part in pool.map(one, range(connections)) for ms in part]
    return len(found) / seconds, found


def main() -> None:
    """Print requests per second and the median and 99th percentile of the time of a request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement")
    parser.add_argument("--connections", type=int, default=8)
    given = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ports: multiprocessing.Queue[int] = context.Queue()
    urls, servers = {}, []
    for kind in ("bare", "api"):
        servers.append(context.Process(target=serve, args=(kind, ports), daemon=True))
        servers[-1].start()
        urls[kind] = f"http://127.0.0.1:{ports.get(timeout=120)}"
    time.sleep(5)
    try:
        client = urllib3.PoolManager(headers={"X-API-Key": KEY})
        order = client.request("GET", f"{urls['api']}/v1/orders?limit=1").json()["data"][0]
        for route in (f"/v1/orders/{order['order_id']}", f"/v1/customers/{order['customer_id']}"):
            rates: dict[str, list[float]] = {"bare": [], "api": []}
            times: dict[str, list[float]] = {"bare": [], "api": []}
            for _ in range(ROUNDS):
                for kind, url in urls.items():
                    rate, taken = measure(url + route, given.seconds, given.connections)
                    rates[kind].append(rate)
                    times[kind] += taken
            print(route.rsplit("/", 1)[0])
            for kind, taken in times.items():
                p99 = statistics.quantiles(taken, n=100)[98]
                rate = statistics.median(rates[kind])
                print(
                    f"  {kind:<5} {rate:7.0f} requests/s   p50 {statistics.median(taken):6.2f} ms   p99 {p99:6.2f} ms"
                )
            ratio = statistics.median(a / b for a, b in zip(rates["api"], rates["bare"], strict=True))
            print(f"  ratio {ratio:.2f}")
    finally:
        for server in servers:
            server.kill()


if __name__ == "__main__":
    main()
