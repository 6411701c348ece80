"""An HTTP source of the tests: a real server whose pages, faults and pauses the test decides."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Fault = Callable[["Handler"], None]


@dataclass
class PagedSource:
    """Rows in the order of `updated_at`, in pages of `size`.

    Attributes:
        faults: what answers the next requests in place of a page, in order.
        documents: path -> content. Other paths below /documents are not found.
        hang_at: part of a path that is not answered until `released`.
        requests: paths with queries, as they came.
        posts: bodies of POST requests.
    """

    rows: list[dict[str, Any]]
    size: int = 10
    faults: list[Fault] = field(default_factory=list)
    documents: dict[str, bytes] = field(default_factory=dict)
    hang_at: str = ""
    requests: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    posts: list[dict[str, Any]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    hangs: threading.Event = field(default_factory=threading.Event)
    address: str = ""

    def page(self, path: str) -> dict[str, Any]:
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        found = [row for row in self.rows if row["updated_at"] >= query.get("since", "")]
        start = int(query.get("cursor", "0"))
        stop = start + self.size
        return {"data": {"orders": found[start:stop]}, "next": str(stop) if stop < len(found) else None}


class Handler(BaseHTTPRequestHandler):
    """Answers for the source of its server."""

    protocol_version = "HTTP/1.1"
    source: PagedSource

    def do_GET(self) -> None:
        source = self.source
        source.requests.append(self.path)
        source.headers.append(dict(self.headers))
        if source.hang_at and source.hang_at in self.path:
            source.hangs.set()
            source.released.wait()
            self.close_connection = True
        elif source.faults:
            source.faults.pop(0)(self)
        elif self.path.startswith("/documents"):
            found = source.documents.get(self.path)
            self.answer(404 if found is None else 200, found or b"")
        else:
            self.answer(200, json.dumps(source.page(self.path)).encode())

    def do_POST(self) -> None:
        if self.source.faults:
            self.source.faults.pop(0)(self)
            return
        self.source.posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.source.headers.append(dict(self.headers))
        self.answer(200, b"ok")

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        del format, arguments


def orders(number: int) -> list[dict[str, Any]]:
    """Rows of a source."""
    return [{"id": one, "updated_at": f"2026-09-01T{one:06}", "cents": one * 7} for one in range(number)]


def fails(status: int, **headers: str) -> Fault:
    """An answer with an error."""
    return lambda handler: handler.answer(status, b"an error", **headers)


def dies(handler: Handler) -> None:
    """Half an answer, then the connection is closed."""
    body = json.dumps(handler.source.page(handler.path)).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def drops(handler: Handler) -> None:
    """The connection is closed without an answer."""
    handler.close_connection = True


@contextmanager
def served(source: PagedSource) -> Iterator[PagedSource]:
    """The source on a port of 127.0.0.1."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OfThisSource", (Handler,), {"source": source}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    source.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield source
    finally:
        source.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
