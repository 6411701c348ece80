"""A Valkey of a test's own, without the rest of the stack: its memory may run out and its accounts may be anything."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from shoplake.settings import RedisSettings
from shoplake.stack.valkey import binary

PASSWORD = "only-for-this-test"
STARTS_WITHIN_S = 20


@contextmanager
def own_valkey(folder: Path) -> Iterator[RedisSettings]:
    """A running server, which is gone afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {"bind": "127.0.0.1", "port": port, "dir": folder, "requirepass": PASSWORD, "save": ""}
    command = [str(binary()), *(part for name, value in options.items() for part in (f"--{name}", str(value)))]
    with (folder / "valkey.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            settings = RedisSettings(host="127.0.0.1", port=port, password=PASSWORD)
            _await(settings)
            yield settings
        finally:
            server.kill()


def _await(settings: RedisSettings) -> None:
    ends_at = time.monotonic() + STARTS_WITHIN_S
    with redis.Redis(**settings.options()) as client:
        while True:
            try:
                client.ping()
            except redis.ConnectionError:
                if time.monotonic() > ends_at:
                    raise
                time.sleep(0.05)
            else:
                return
