"""Brings the run log into Postgres, and sends what is new to an OpenLineage endpoint.

An event is noted as sent after the endpoint has accepted it. So it may be sent twice after a crash, which OpenLineage
allows, but none is left out.
"""

from __future__ import annotations

import http.client
import json
import os
import queue
import threading
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shoplake import environments
from shoplake.errors import LineageError, ShoplakeError, UsageError
from shoplake.invocation import OPENLINEAGE_URL
from shoplake.lineage import history

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shoplake.run_log import RunRecord

API_KEY = "SHOPLAKE_OPENLINEAGE_API_KEY"
PATH = "api/v1/lineage"
"""Where an endpoint takes events, if the URL has no path of its own."""

TIMEOUT_S = 5.0
AT_ONCE = 1_000
"""Events sent by one call; more follow with the next."""
FINISH_S = 10.0


@dataclass(frozen=True, slots=True)
class Synchronised:
    """Result of one call: events added to Postgres, and events sent."""

    added: int
    sent: int


def synchronise(environment: str) -> Synchronised:
    """Add what is new in the run log to Postgres, and send it if `SHOPLAKE_OPENLINEAGE_URL` is set.

    Raises:
        MissingExtra: the extra `catalog` is not installed.
        StoreUnavailable: Postgres does not answer.
        LineageError: the endpoint does not answer or refuses an event. The events before it are noted as sent.
        UsageError: the URL is not a URL.
    """
    from shoplake.lineage.events import Events
    from shoplake.map import project

    settings = environments.connect(environment, {"postgres"})
    events = Events(project.graph(), settings)
    with history.opened(settings) as kept:
        added = kept.add(history.log_of(environment, time.time_ns() // 1_000_000), events)
        url = os.environ.get(OPENLINEAGE_URL, "")
        return Synchronised(added, _send(kept, url) if url else 0)


class LiveSender:
    """Synchronises in a thread whenever a run starts or ends, so that the job itself never waits."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._environments: queue.Queue[str | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="lineage", daemon=True)
        self._thread.start()

    def __call__(self, records: Sequence[RunRecord]) -> None:
        """Take note that the run log has new records."""
        for environment in {record.environment for record in records}:
            self._environments.put(environment)

    def finish(self) -> None:
        """Wait for the last events, for at most ten seconds; the next command sends what is left."""
        self._environments.put(None)
        self._thread.join(FINISH_S)

    def _run(self) -> None:
        while (environment := self._environments.get()) is not None:
            try:
                synchronise(environment)
            except ShoplakeError as error:
                self._warn(f"lineage is not sent yet: {error.message.splitlines()[0]}")


def _send(kept: history.History, url: str) -> int:
    address = _endpoint(url)
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get(API_KEY):
        headers["Authorization"] = f"Bearer {key}"
    sent = 0
    for run, state, event in kept.unsent(AT_ONCE):
        request = urllib.request.Request(address, json.dumps(event).encode(), headers, method="POST")  # noqa: S310 - checked
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310 - as above
                pass
        except (OSError, http.client.HTTPException) as error:
            raise LineageError(
                f"{_without_password(url)} did not accept an event: {error}",
                fix="check the address and the endpoint; `shoplake catalog runs` sends what is not sent yet",
            ) from error
        kept.note_sent(run, state)
        sent += 1
    return sent


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"{OPENLINEAGE_URL}: expected an address such as http://127.0.0.1:5000, found {_without_password(url)!r}",
            fix=f"correct or unset {OPENLINEAGE_URL}",
        )
    return url if parts.path.strip("/") else f"{url.rstrip('/')}/{PATH}"


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
