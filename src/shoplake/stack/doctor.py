"""Check the requirements of the embedded stack. Nothing is changed."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shoplake import environ, paths
from shoplake.errors import StackError, StackNotRunning, UsageError
from shoplake.stack import aws_endpoint, downloads, kafka, mongo, postgres, process, valkey
from shoplake.stack.capabilities import MEASURED
from shoplake.stack.embedded import LEAST_FREE_BYTES
from shoplake.stack.ports import holder_of
from shoplake.stack.servers import Place, wheel
from shoplake.stack.state import is_free, load
from shoplake.stack.status import servers, status

LEAST_PYTHON = (3, 11)
LEAST_MEMORY_BYTES = 1536 * 1024 * 1024
VERSION_TIMEOUT_S = 15
MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was found, whether it is sufficient, and whether it is required."""

    name: str
    found: str
    ok: bool
    required: bool = True


def checks() -> tuple[Check, ...]:
    """Return all checks, in the order in which a start would fail."""
    each: tuple[Callable[[], Check], ...] = (
        _platform,
        _python,
        _home,
        _disk,
        _memory,
        _java,
        _kafka_jars,
        _postgres,
        _valkey,
        _mongo,
        _ministack,
        _aws,
        _ports,
        _servers,
        _docker,
    )
    return tuple(check() for check in each)


def _platform() -> Check:
    found = f"{platform.system()} on {platform.machine()}"
    return Check("platform", found, sys.platform == "linux")


def _python() -> Check:
    return Check("python", f"{platform.python_version()} ({sys.executable})", sys.version_info >= LEAST_PYTHON)


def _home() -> Check:
    home = paths.home()
    try:
        state = load(home)
    except StackError as error:
        return Check("home", error.message, ok=False)
    return Check("home", f"{home} ({'holds a stack' if state else 'no stack yet'})", ok=True)


def _disk() -> Check:
    folder = next(path for path in (paths.home(), *paths.home().parents) if path.exists())
    free = shutil.disk_usage(folder).free
    return Check("disk", f"{free // MB} MB free at {folder}, {LEAST_FREE_BYTES // MB} needed", free >= LEAST_FREE_BYTES)


def _memory() -> Check:
    lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines() if ":" in line)
    available = int(lines["MemAvailable"].split()[0]) * 1024
    found = f"{available // MB} MB available, {LEAST_MEMORY_BYTES // MB} advised"
    return Check("memory", found, available >= LEAST_MEMORY_BYTES, required=False)


def _java() -> Check:
    return _program("java", lambda: [kafka.java(), "-version"])


def _kafka_jars() -> Check:
    jars, folder = downloads.kafka_jars(), downloads.kafka_folder()
    absent = len(downloads.missing(jars, folder))
    later = f"; {absent} are fetched at the next `shoplake up`" if absent else ""
    return Check("kafka jars", f"{len(jars) - absent} of {len(jars)} in {folder}{later}", not absent, required=False)


def _postgres() -> Check:
    return _program("postgres", lambda: [postgres.program("postgres"), "--version"])


def _valkey() -> Check:
    return _program("valkey", lambda: [valkey.binary(), "--version"])


def _mongo() -> Check:
    mongod = shutil.which("mongod")
    if mongod:
        return _program("mongo", lambda: [Path(mongod), "--version"])
    stand_in = f"NX-27017 on SQLite, database {mongo.DATABASE}; not a mongod: {mongo.NX_LACKS}. A mongod on PATH wins"
    return _wheel("mongo", "nx_27017", stand_in)


def _ministack() -> Check:
    return _wheel("ministack", "ministack", "MiniStack")


def _aws() -> Check:
    """Who answers for AWS now; the table of what it has was held to one version of each emulator."""
    try:
        state = load(paths.home())
        url = state.aws_url if state else aws_endpoint.outside()
        if url is None:
            return Check("aws", "MiniStack, after the first start", ok=True, required=False)
        found = aws_endpoint.identify(url)
    except StackNotRunning as error:
        return Check("aws", error.message, ok=True, required=False)
    except (StackError, UsageError) as error:
        return Check("aws", str(error), ok=False)
    held_to = "" if found.measured else f"; the table below was held to {MEASURED[found.emulator]}"
    return Check("aws", f"{found} at {url}{held_to}", found.measured, required=False)


def _ports() -> Check:
    try:
        state = load(paths.home())
    except StackError:
        state = None
    if state is None:
        return Check("ports", "chosen at the first start", ok=True)
    places = {server: Place(paths.home(), server.name, state) for server in servers(state)}
    down = [(server, place) for server, place in places.items() if process.find(place.pid_file) is None]
    taken = [port for server, place in down for port in server.ports(place) if not is_free(port)]
    if taken:
        held = ", ".join(f"{port} by {holder_of(port) or 'another program'}" for port in taken)
        return Check("ports", f"held: {held}", ok=False)
    return Check("ports", ", ".join(f"{name} {port}" for name, port in state.ports.items()), ok=True)


def _servers() -> Check:
    """Check which processes of the stack run."""
    try:
        found = status().servers
    except StackNotRunning:
        return Check("servers", "none; `shoplake up` starts them", ok=True)
    except StackError as error:
        return Check("servers", error.message, ok=False)
    wrong = [server for server in found if server.state in ("crashed", "silent")]
    said = ", ".join(f"{server.name} {server.state}" for server in found)
    return Check("servers", said, ok=not wrong)


def _docker() -> Check:
    found = shutil.which("docker")
    return Check("docker", found or "none; only the compose tier needs it", ok=True, required=False)


def _program(name: str, command: Callable[[], list[str | Path]]) -> Check:
    """Run a program to get its version, which also shows that it runs on this machine."""
    try:
        arguments = command()
        done = subprocess.run(
            arguments,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environ.for_subprocess(),
            timeout=VERSION_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError, StackError) as error:
        return Check(name, str(error), ok=False)
    first_line = done.stdout.decode(errors="replace").strip().partition("\n")[0]
    return Check(name, f"{first_line} ({arguments[0]})", done.returncode == 0)


def _wheel(name: str, package: str, what: str) -> Check:
    try:
        return Check(name, f"{what} ({wheel(package)})", ok=True)
    except StackError as error:
        return Check(name, str(error), ok=False)
