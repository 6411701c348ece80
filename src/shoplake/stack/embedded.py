"""Start, stop and delete the five servers of the embedded stack."""

from __future__ import annotations

import shutil
import subprocess
import textwrap
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from pydantic import SecretStr

from shoplake import paths, private_files
from shoplake.errors import ServerFailed, StackError
from shoplake.stack import aws_endpoint, downloads, process
from shoplake.stack.connections import SERVICES, Connections, Service
from shoplake.stack.download_progress import download_progress
from shoplake.stack.mongo import DATABASE as MONGO_DATABASE
from shoplake.stack.ports import refuse_taken
from shoplake.stack.postgres import DATABASE as POSTGRES_DATABASE
from shoplake.stack.postgres import USER as POSTGRES_USER
from shoplake.stack.servers import LOOPBACK, Place, Server
from shoplake.stack.state import OURS, Say, State, load, load_or_create, lock, silent
from shoplake.stack.status import SERVERS, Status, crashed, note_ready, require_running, servers, status

START_ATTEMPTS = 5
START_PAUSE_S = 1.0
POLL_S = 0.05
START_LINES = 10
LEAST_FREE_BYTES = 500 * 1024 * 1024


def up(say: Say = silent) -> Status:
    """Start the servers that are not running, and wait until all are ready. `down` also stops an interrupted start.

    Args:
        say: told what happens, a line at a time.

    Raises:
        DownloadFailed: Kafka's files could not be fetched.
        PortTaken: another program holds a port of this stack.
        UsageError: SHOPLAKE_AWS_ENDPOINT is no address of this machine.
        ServerFailed: a server died or did not answer; the message ends with its log.
        StackError: the disk is almost full, the home cannot be written, or SHOPLAKE_AWS_ENDPOINT is no emulator, or
            not the one that this stack has.
    """
    home = paths.home()
    endpoint = aws_endpoint.outside()
    with lock(home, say):
        _refuse_full_disk(home)
        _settle_endpoint(home, endpoint, say)
        with download_progress(f"Apache Kafka {downloads.KAFKA_VERSION}", say) as progress:
            downloads.fetch_all(downloads.kafka_jars(), downloads.kafka_folder(), progress)
        _start_missing(home, load_or_create(home, endpoint), say)
    return status()


def down(say: Say = silent) -> None:
    """Stop every server, in parallel. Data is kept."""
    home = paths.home()
    if not home.exists():
        _stop_strays(home, say)
        return
    with lock(home, say):
        _stop_all(home, say)


def purge(say: Say = silent) -> None:
    """Stop every server and delete all files of the stack, with its home.

    Files that were in the home before the stack are kept and reported.
    """
    home = paths.home()
    if not home.exists():
        _stop_strays(home, say)
        return
    with lock(home, say):
        state = _stop_all(home, say)
        if state is not None and state.alone:
            shutil.rmtree(home)
            return
        others = sorted(entry.name for entry in home.iterdir() if entry.name not in OURS)
        for name in OURS:
            _remove(home / name)
        if others:
            say(f"{home} is kept, because it contains other files: {', '.join(others[:5])}")
        else:
            home.rmdir()


def _settle_endpoint(home: Path, wanted: str | None, say: Say) -> None:
    """Check the emulator of another's before anything is written; a stack stays with the one it began with."""
    state = load(home)
    if state is not None and wanted not in (None, state.aws_endpoint):
        raise StackError(
            f"this stack uses AWS at {state.aws_url}, but {aws_endpoint.VARIABLE} is {wanted}",
            fix=f"unset {aws_endpoint.VARIABLE}, or start over: `shoplake down --purge`, then `shoplake up`",
        )
    kept = state.aws_endpoint if state is not None else wanted
    if kept is not None:
        say(f"{aws_endpoint.identify(kept)} answers at {kept}, so the stack starts no emulator of its own")


def _start_missing(home: Path, state: State, say: Say) -> None:
    places = {server: Place(home, server.name, state) for server in servers(state)}
    _stop_strays(home, say, known=[place.pid_file for place in places.values()])
    stopped = [server for server, place in places.items() if process.find(place.pid_file) is None]
    for server in stopped:
        refuse_taken(server.name, server.ports(places[server]))
        if crashed(places[server]):
            say(f"{server.name} had died; restarting it")
    begun = time.monotonic()
    _in_parallel(list(places), lambda server, cancel: _bring_up(server, places[server], say, cancel))
    if stopped:
        note_ready(home / "run", time.monotonic() - begun)


def _in_parallel(wanted: Sequence[Server], work: Callable[[Server, threading.Event], None]) -> None:
    """Do the work for each server at once; the first error, or Ctrl-C, ends the waiting of the others."""
    cancel = threading.Event()
    with ThreadPoolExecutor(len(wanted)) as pool:
        pending = [pool.submit(work, server, cancel) for server in wanted]
        try:
            for done in as_completed(pending):
                done.result()
        except BaseException:
            cancel.set()
            raise


def _bring_up(server: Server, place: Place, say: Say, cancel: threading.Event) -> None:
    begun = time.monotonic()
    after_crash = place.wanted_file.exists()
    started: subprocess.Popen[bytes] | None = None
    attempts = 0
    while process.find(place.pid_file) is None or not server.ready(place):
        if started is None and process.find(place.pid_file) is None:  # also one that was dying when we came
            started, attempts = _start(server, place), attempts + 1
        elif started is not None and started.poll() is not None:
            if not after_crash or attempts == START_ATTEMPTS:
                raise _failed(server, place, f"died while it started (exit code {started.returncode})")
            started = None  # what was killed holds its lock, its memory or its port for a moment longer
            cancel.wait(START_PAUSE_S)
        if time.monotonic() - begun > server.ready_timeout_s:
            raise _failed(server, place, f"did not answer within {server.ready_timeout_s:.0f} s")
        if cancel.wait(POLL_S):
            return
    place.wanted_file.touch(mode=private_files.FILE_MODE)
    if started is not None:
        ready_s = time.monotonic() - begun
        note_ready(place.run, ready_s)
        say(f"{server.name} is ready on port {place.port} after {ready_s:.1f} s")


def _start(server: Server, place: Place) -> subprocess.Popen[bytes]:
    place.pid_file.unlink(missing_ok=True)
    try:
        server.prepare(place)
        launch = server.launch(place, server.command(place))
        return process.spawn(launch, pid_file=place.pid_file, log_file=place.log_file)
    except OSError as error:
        raise ServerFailed(
            f"{server.name} could not be started: {error}", fix="`shoplake doctor` shows what is missing"
        ) from error


def _failed(server: Server, place: Place, what: str) -> ServerFailed:
    return ServerFailed(
        f"{server.name} {what}",
        fix=f"`shoplake logs {server.name}` shows its log; `shoplake up` tries again, `shoplake down` stops the rest",
        details=f"the end of its log:\n{textwrap.indent(process.telling(place.log_file, START_LINES), '  ')}",
    )


def _stop_all(home: Path, say: Say) -> State | None:
    try:
        state = load(home)
    except StackError as error:
        say(error.message)
        state = None
    if state is not None:
        known = state
        with ThreadPoolExecutor(len(SERVERS)) as pool:
            list(pool.map(lambda server: _stop(server, Place(home, server.name, known), say), SERVERS))
    _stop_strays(home, say)
    return state


def _stop(server: Server, place: Place, say: Say) -> None:
    place.wanted_file.unlink(missing_ok=True)
    running = process.find(place.pid_file)
    if running is not None:
        process.stop(running, number=server.stop_signal, wait_s=server.stop_wait_s)
        say(f"{server.name} stopped")
    place.pid_file.unlink(missing_ok=True)


def _stop_strays(home: Path, say: Say, known: Iterable[Path] = ()) -> None:
    """Stop processes of this stack without a pid file: from an interrupted start, or if the home was deleted."""
    kept = {pid for path in known if (running := process.find(path)) for pid in process.family(running.pid)}
    for stray in [found for found in process.strays(home) if found.pid not in kept]:
        process.stop(stray, wait_s=process.KILL_WAIT_S)
        say(f"stopped a left-over process of this stack (pid {stray.pid})")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _refuse_full_disk(home: Path) -> None:
    free = shutil.disk_usage(home).free
    if free < LEAST_FREE_BYTES:
        raise StackError(
            f"the disk of {home} has {free >> 20} MB free, but the stack needs at least {LEAST_FREE_BYTES >> 20} MB",
            fix="free some space, or set SHOPLAKE_HOME to a folder on another disk",
        )


def connections(services: Collection[Service] = SERVICES) -> Connections:
    """Addresses and credentials of all servers.

    Args:
        services: which have to be running.

    Raises:
        StackNotRunning: one of those is not.
    """
    state = require_running(services)
    return Connections(
        kafka_bootstrap_servers=f"{LOOPBACK}:{state.ports['kafka']}",
        postgres_host=LOOPBACK,
        postgres_port=state.ports["postgres"],
        postgres_database=POSTGRES_DATABASE,
        postgres_user=POSTGRES_USER,
        postgres_password=SecretStr(state.passwords["postgres"]),
        redis_host=LOOPBACK,
        redis_port=state.ports["valkey"],
        redis_password=SecretStr(state.passwords["valkey"]),
        mongo_uri=f"mongodb://{LOOPBACK}:{state.ports['mongo']}",
        mongo_database=MONGO_DATABASE,
        aws_endpoint_url=state.aws_url,
    )
