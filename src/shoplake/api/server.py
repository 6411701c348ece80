"""Runs the application on 127.0.0.1, and notes its address for other commands."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from shoplake import private_files
from shoplake.api import key_file
from shoplake.errors import MissingExtra, PortTaken, StackNotRunning

if TYPE_CHECKING:
    from fastapi import FastAPI

    from shoplake.settings import Settings

HOST = "127.0.0.1"
GRACE_S = 5
IDLE_S = 30
BACKLOG = 512
NAME = "api"


def require_extra() -> None:
    """Check that the extra is installed.

    Raises:
        MissingExtra: it is not.
    """
    if importlib.util.find_spec("fastapi") is None or importlib.util.find_spec("uvicorn") is None:
        raise MissingExtra(
            "the API needs FastAPI and uvicorn, which are not installed",
            fix="in a checkout, start with ./shoplake; else `pip install 'shoplake[api,catalog]'`",
        )


def bind(port: int) -> socket.socket:
    """Take a port of 127.0.0.1; 0 is any free one.

    Raises:
        PortTaken: another program has it.
    """
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((HOST, port))
    except OSError as error:
        taken.close()
        raise PortTaken(
            f"port {port} of {HOST} could not be taken: {error.strerror}", fix="choose another port with --port"
        ) from error
    return taken


def run(
    settings: Settings,
    taken: socket.socket,
    started: Callable[[str], None],
    extend: Callable[[FastAPI], None] = lambda _: None,
    noted_in: Path | None = None,
) -> None:
    """Serve until Ctrl-C or SIGTERM; requests that run get five seconds to end.

    Args:
        settings: of the environment.
        taken: the socket to serve on.
        started: called with the address when requests are accepted.
        extend: adds routes to the application.
        noted_in: the file that has the address while it serves.
    """
    import uvicorn

    from shoplake.api.app import create
    from shoplake.api.keys import KeyCheck

    url = f"http://{HOST}:{taken.getsockname()[1]}"

    class Server(uvicorn.Server):
        """Says when it accepts requests."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if not self.should_exit:
                if noted_in is not None:
                    private_files.write(noted_in, json.dumps({"url": url}).encode("ascii"))
                started(url)

    app = create(settings, KeyCheck.of(key_file.load()))
    extend(app)
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=GRACE_S,
        ws="none",
        http="httptools",
        loop="uvloop",
    )
    try:
        Server(config).run(sockets=[taken])
    finally:
        if noted_in is not None:
            with contextlib.suppress(OSError):
                noted_in.unlink(missing_ok=True)


def address() -> str:
    """The address of the API that runs in the background or in another terminal.

    Raises:
        StackNotRunning: none runs.
    """
    try:
        url = json.loads(address_file().read_text(encoding="ascii"))["url"]
        host, port = str(url).removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=2):
            return str(url)
    except (OSError, ValueError, KeyError) as error:
        raise StackNotRunning("the API does not run", fix="`shoplake api up` starts it") from error


def address_file() -> Path:
    """The file with the address of the API while it runs."""
    return key_file.folder() / "address.json"
