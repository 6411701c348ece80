"""Runs of jobs arrive in Postgres and at an OpenLineage endpoint: each once, none left out, and no job waits."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from shoplake import run_log
from shoplake.errors import LineageError, UsageError
from shoplake.invocation import OPENLINEAGE_URL
from shoplake.lineage import history, sending
from shoplake.settings import Settings

pytestmark = pytest.mark.stack


@dataclass
class Endpoint:
    """An OpenLineage endpoint that keeps what it is sent."""

    url: str = ""
    status: int = 201
    events: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)

    def states(self, job: str) -> list[str]:
        return [one["eventType"] for one in self.events if one["job"]["name"] == job]


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    found = Endpoint()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if found.status == 201:
                assert self.path == "/api/v1/lineage"
                found.events.append(event)
                found.keys.add(self.headers["Authorization"])
            self.send_response(found.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv(OPENLINEAGE_URL, found.url)
        yield found
        server.shutdown()


def run_of(job: str) -> None:
    with run_log.recording(job, environment="local") as results:
        results[job].counts = {"events": 3}


def run_live(job: str) -> list[str]:
    """Run a job as a command does that sends its lineage, and return the warnings."""
    warnings: list[str] = []
    sender = sending.LiveSender(warnings.append)
    run_log.listeners.append(sender)
    try:
        run_of(job)
    finally:
        run_log.listeners.remove(sender)
        sender.finish()
    return warnings


def test_a_run_arrives_once_and_a_refusal_is_made_up_for(
    platform: Settings, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(sending.API_KEY, "a-key")
    sending.synchronise("local")  # the runs of files before this one, of which some were killed
    run_of("sink-redis")
    assert sending.synchronise("local") == sending.Synchronised(2, 2)
    assert endpoint.states("sink-redis")[-2:] == ["START", "COMPLETE"]
    assert endpoint.keys == {"Bearer a-key"}
    assert sending.synchronise("local") == sending.Synchronised(0, 0)

    endpoint.status = 503
    run_of("generate")
    with pytest.raises(LineageError, match="503"):
        sending.synchronise("local")
    with history.opened(platform) as kept:
        assert [state for _, state, _ in kept.unsent(10)] == ["START", "COMPLETE"]
        newest = kept.runs("generate", limit=1)[0]
    assert (newest.state, newest.counts) == ("COMPLETE", {"events": 3})

    endpoint.status = 201
    assert sending.synchronise("local") == sending.Synchronised(0, 2)
    assert endpoint.states("generate")[-2:] == ["START", "COMPLETE"]


def test_events_are_sent_while_the_job_runs(platform: Settings, endpoint: Endpoint) -> None:
    del platform
    warnings = run_live("warehouse")
    assert endpoint.states("warehouse") == ["START", "COMPLETE"]
    assert warnings == []


def test_an_endpoint_that_is_away_stops_no_job(
    platform: Settings, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    del platform
    monkeypatch.setenv(OPENLINEAGE_URL, "http://user:secret@127.0.0.1:1")
    warnings = run_live("sink-mongo")
    assert warnings
    assert "secret" not in warnings[0]
    monkeypatch.setenv(OPENLINEAGE_URL, endpoint.url)
    sending.synchronise("local")
    assert endpoint.states("sink-mongo") == ["START", "COMPLETE"]


@pytest.mark.parametrize("url", ["localhost:5000", "ftp://127.0.0.1", "http://"])
def test_an_address_that_is_none_is_refused(platform: Settings, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    del platform
    run_of("generate")
    monkeypatch.setenv(OPENLINEAGE_URL, url)
    with pytest.raises(UsageError, match=r"http://127\.0\.0\.1:5000"):
        sending.synchronise("local")
