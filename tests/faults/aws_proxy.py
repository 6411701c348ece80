"""An HTTP proxy before the AWS emulator that answers as AWS does on a bad day, which no emulator does by itself.

Errors of 5xx, throttling, `UnprocessedKeys` and `UnprocessedItems`, conflicts of transactions, answers that are lost
after the work was done.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import urlsplit

TIMEOUT_S = 120
OF_ONE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}
DYNAMODB_ERROR = "com.amazonaws.dynamodb.v20120810#{}"


@dataclass(frozen=True)
class Request:
    """What a client asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        """`TransactWriteItems`, `UpdateTable`; for S3, whose requests carry no name, `PUT object` and the like."""
        target = self.headers.get("x-amz-target", "")
        return target.rpartition(".")[2] or f"{self.method} object"


@dataclass(frozen=True)
class Answer:
    """What it gets."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Forward: TypeAlias = Callable[[Request], Answer]
Trick: TypeAlias = Callable[[Request, Forward], Answer | None]
"""How a request is answered instead; None closes the connection without a word."""


@dataclass
class Rule:
    """What happens to which requests.

    Attributes:
        operations: names as `Request.operation` gives them.
        trick: what happens to them.
        share: of these requests it happens to so many.
        most: and to no more than these; None for no bound.
        done: to how many it has happened.
    """

    operations: frozenset[str]
    trick: Trick
    share: float = 1.0
    most: int | None = None
    done: int = 0


@dataclass
class AwsProxy:
    """The proxy's address, and its rules, which may be changed while it runs."""

    url: str
    chance: random.Random
    rules: list[Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, trick: Trick, *operations: str, share: float = 1.0, most: int | None = None) -> Rule:
        """From now on, play the trick on these operations."""
        rule = Rule(frozenset(operations), trick, share, most)
        with self._lock:
            self.rules.append(rule)
        return rule

    def heal(self) -> None:
        """Answer as the emulator does."""
        with self._lock:
            self.rules.clear()

    def choose(self, request: Request) -> Trick | None:
        """The trick for this request, if it is its turn."""
        with self._lock:
            for rule in self.rules:
                due = rule.most is None or rule.done < rule.most
                if request.operation in rule.operations and due and self.chance.random() < rule.share:
                    rule.done += 1
                    return rule.trick
        return None


def unavailable(request: Request, forward: Forward) -> Answer:
    """503, and nothing was done."""
    return _error(503, "ServiceUnavailable", "try again")


def failed_after_the_work(request: Request, forward: Forward) -> Answer:
    """500, and all was done."""
    forward(request)
    return _error(500, "InternalFailure", "nobody knows")


def unanswered(request: Request, forward: Forward) -> None:
    """The connection breaks after the work was done."""
    forward(request)


def throttled(request: Request, forward: Forward) -> Answer:
    """DynamoDB has no capacity for this."""
    return _error(400, DYNAMODB_ERROR.format("ProvisionedThroughputExceededException"), "too fast")


def conflicted(request: Request, forward: Forward) -> Answer:
    """DynamoDB cancels the transaction, since another one touches an item of it."""
    writes = json.loads(request.body)["TransactItems"]
    reasons = [{"Code": "TransactionConflict"}, *({"Code": "None"} for _ in writes[1:])]
    kind = DYNAMODB_ERROR.format("TransactionCanceledException")
    return _json(400, {"__type": kind, "Message": "cancelled", "CancellationReasons": reasons})


def partly(share: float, chance: random.Random) -> Trick:
    """A batch read or write that leaves some of its keys or items unprocessed."""

    def trick(request: Request, forward: Forward) -> Answer:
        asked = json.loads(request.body)
        kept, left = _split(asked["RequestItems"], share, chance)
        if not kept:
            return throttled(request, forward)
        body = json.dumps(asked | {"RequestItems": kept}).encode()
        answer = forward(Request(request.method, request.path, request.headers, body))
        name = "UnprocessedKeys" if request.operation == "BatchGetItem" else "UnprocessedItems"
        return _json(answer.status, json.loads(answer.body) | ({name: left} if left else {}))

    return trick


def _split(tables: Mapping[str, object], share: float, chance: random.Random) -> tuple[dict, dict]:
    """Requests of a batch that are passed on, and those that are not; both shaped as the batch is."""
    kept, left = {}, {}
    for table, asked in tables.items():
        wanted = asked["Keys"] if isinstance(asked, dict) else asked
        dropped = [chance.random() < share for _ in wanted]
        for part, choice in ((kept, False), (left, True)):
            some = [one for one, drop in zip(wanted, dropped, strict=True) if drop is choice]
            if some:
                part[table] = asked | {"Keys": some} if isinstance(asked, dict) else some
    return kept, left


def _error(status: int, kind: str, message: str) -> Answer:
    return _json(status, {"__type": kind, "message": message})


def _json(status: int, document: object) -> Answer:
    return Answer(status, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(document).encode())


@contextlib.contextmanager
def aws_proxy(upstream_url: str, seed: object) -> Iterator[AwsProxy]:
    """A proxy before the emulator, on a port of 127.0.0.1; gone afterwards."""
    upstream = urlsplit(upstream_url)
    assert upstream.hostname is not None
    made = AwsProxy("", random.Random(str(seed)))

    def forward(request: Request) -> Answer:
        connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port, timeout=TIMEOUT_S)
        try:
            connection.request(request.method, request.path, request.body, dict(request.headers))
            answer = connection.getresponse()
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in OF_ONE_CONNECTION}
            if request.method == "HEAD" and (length := answer.getheader("Content-Length")):
                headers["Content-Length"] = length
            return Answer(answer.status, headers, answer.read())
        finally:
            connection.close()

    handler = type("Handler", (_Handler,), {"proxy": made, "forward": staticmethod(forward)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, name="aws-proxy", daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT_S
    proxy: AwsProxy
    forward: Forward

    def _handle(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self._body(headers)
        passed = {name: value for name, value in headers.items() if name not in OF_ONE_CONNECTION}
        request = Request(self.command, self.path, passed, body)
        trick = self.proxy.choose(request)
        try:
            answer = trick(request, self.forward) if trick else self.forward(request)
        except (OSError, http.client.HTTPException):
            answer = None  # the emulator is away, and so are we
        if answer is None:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _handle  # noqa: N815 - as http.server names them

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if "chunked" not in headers.get("transfer-encoding", ""):
            return self.rfile.read(int(headers.get("content-length", 0)))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""
