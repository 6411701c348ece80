"""Who answers for AWS, asked of a server that says what each emulator says; and which addresses are taken at all."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shoplake.errors import StackError, StackNotRunning, UsageError
from shoplake.stack import aws_endpoint

HEALTH = {"services": {"s3": "available"}, "edition": "light"}
MINISTACK = json.dumps(HEALTH | {"version": "1.5.33"})
LOCALSTACK = json.dumps(HEALTH | {"version": "4.14.0"})

Serve = Callable[[Mapping[str, str]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server of these pages (404 for all others) and returns its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(pages: Mapping[str, str]) -> str:
        class Pages(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if self.path in pages else 404)
                self.end_headers()
                self.wfile.write(pages.get(self.path, "<Error/>").encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Pages))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_localstack_is_identified_by_its_health_page(serve: Serve) -> None:
    found = aws_endpoint.identify(serve({"/_localstack/health": LOCALSTACK}))
    assert found == aws_endpoint.Answering("localstack", "4.14.0")
    assert str(found) == "LocalStack 4.14.0"


def test_ministack_is_not_identified_as_localstack(serve: Serve) -> None:
    both = {"/_ministack/health": MINISTACK, "/_localstack/health": MINISTACK}
    assert aws_endpoint.identify(serve(both)) == aws_endpoint.Answering("ministack", "1.5.33")


def test_an_untested_version_of_the_emulator_is_reported(serve: Serve) -> None:
    later = LOCALSTACK.replace("4.14.0", "2026.3.0")
    assert aws_endpoint.identify(serve({"/_localstack/health": LOCALSTACK})).measured
    assert not aws_endpoint.identify(serve({"/_localstack/health": later})).measured


@pytest.mark.parametrize(
    "page", ["", "<html>", "[]", '{"status": "ok"}', '{"services": [], "version": "4.14.0"}', '{"services": {}}']
)
def test_a_server_that_is_not_an_emulator_is_refused_by_name(serve: Serve, page: str) -> None:
    url = serve({"/_localstack/health": page})
    with pytest.raises(StackError, match=r"expected MiniStack or LocalStack at .* found neither") as error:
        aws_endpoint.identify(url)
    assert url in error.value.message
    assert "SHOPLAKE_AWS_ENDPOINT" in error.value.fix


def test_a_server_of_another_protocol_is_refused(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            for _ in aws_endpoint.HEALTH_PAGES:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1024)
                    connection.sendall(b"-ERR unknown command\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(StackError, match=r"expected MiniStack or LocalStack at .* found neither"):
            aws_endpoint.identify(f"http://127.0.0.1:{listener.getsockname()[1]}")


def test_an_address_without_an_answer_is_a_stopped_stack() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(StackNotRunning, match=f"no AWS emulator answers at {url}"):
            aws_endpoint.identify(url)


@pytest.mark.parametrize("value", ["", "  "])
def test_without_the_variable_the_stacks_own_emulator_is_used(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SHOPLAKE_AWS_ENDPOINT", value)
    assert aws_endpoint.outside() is None


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("http://127.0.0.1:4566", "http://127.0.0.1:4566"),
        ("http://localhost:4566/", "http://localhost:4566"),
        ("https://[::1]:4566", "https://[::1]:4566"),
    ],
)
def test_an_address_of_this_machine_is_accepted(monkeypatch: pytest.MonkeyPatch, value: str, url: str) -> None:
    monkeypatch.setenv("SHOPLAKE_AWS_ENDPOINT", value)
    assert aws_endpoint.outside() == url


@pytest.mark.parametrize(
    "value",
    [
        "https://s3.us-east-1.amazonaws.com:443",
        "http://192.168.1.7:4566",
        "http://127.0.0.1",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:4566/health",
        "127.0.0.1:4566",
        "localhost",
        "redis://127.0.0.1:4566",
    ],
)
def test_any_other_address_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SHOPLAKE_AWS_ENDPOINT", value)
    with pytest.raises(UsageError, match="an emulator on this machine") as error:
        aws_endpoint.outside()
    assert value in error.value.message
