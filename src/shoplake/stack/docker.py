"""Run `docker`, and convert its failures to one clear error."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from shoplake import environ
from shoplake.errors import PortTaken, ServerFailed, StackError

SHORT_TIMEOUT_S = 60
UNITS = {"kB": 1000, "KiB": 1024, "MB": 1000**2, "MiB": 1024**2, "GB": 1000**3, "GiB": 1024**3}
LEAST_MEMORY_BYTES = 3 * 1024**3
LEAST_COMPOSE = (2, 20)  # `depends_on.required`

PORT = re.compile(
    r"(?:Bind for |listen tcp4? |failed to bind host port for )\S*?:(\d+)\S*.*?(?:already|in use)", re.DOTALL
)
IMAGE = re.compile(
    r"(pull access denied|manifest (?:for \S+ not found|unknown)|failed to resolve reference|no such host"
    r"|registry\S* .*(?:timeout|refused|reset)|Client\.Timeout|net/http: TLS)[^\n]*"
)


def run(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = SHORT_TIMEOUT_S,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """`docker ARGUMENTS`, to its end.

    Raises:
        StackError: docker is missing, the daemon does not answer, a timeout, or (with `check`) it failed.
    """
    program = shutil.which("docker")
    if program is None:
        raise StackError(
            "docker is not installed",
            fix="install Docker with Compose v2, or use `--stack embedded`, which needs no Docker",
        )
    try:
        done = subprocess.run(
            [program, *arguments],
            env=environ.for_subprocess(environment or {}, "SHOPLAKE_*", *environ.DOCKER, *environ.PROXIES),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(
            f"`docker {arguments[0]}` did not finish within {timeout_s:.0f} s", fix="check whether the daemon is busy"
        ) from error
    if check and done.returncode:
        raise explained(done.stderr or done.stdout, f"docker {' '.join(arguments[:2])}")
    return done


def refuse_unable() -> None:
    """Ask the daemon and Compose whether they can run the stack at all.

    Raises:
        StackError: no daemon, no Compose v2 that is recent enough, or too little memory.
    """
    info = json.loads(run("info", "--format", "{{json .}}").stdout)
    if errors := info.get("ServerErrors"):
        raise explained("\n".join(errors), "docker info")
    memory = int(info.get("MemTotal", 0))
    if memory < LEAST_MEMORY_BYTES:
        raise StackError(
            f"Docker has {memory / 1024**3:.1f} GB of memory, but the stack needs {LEAST_MEMORY_BYTES / 1024**3:.0f}",
            fix="give it more memory, or use `--stack embedded`, which needs 1.5 GB",
        )
    output = run("compose", "version", "--short", check=False).stdout.strip()
    version = tuple(int(part) for part in re.findall(r"\d+", output)[:2])
    if version < LEAST_COMPOSE:
        wanted = ".".join(map(str, LEAST_COMPOSE))
        raise StackError(
            f"Compose {wanted} or later is needed, found {output or 'none'}", fix="install docker-compose-plugin"
        )


def explained(output: str, command: str) -> StackError:
    """Convert the output of docker to an error. Pure."""
    if "Cannot connect to the Docker daemon" in output or "permission denied while trying to connect" in output:
        return StackError(
            f"the Docker daemon does not answer: {_last(output)}",
            fix="start it, or join the group `docker`; or use `--stack embedded`, which needs no Docker",
        )
    if port := PORT.search(output):
        return PortTaken(
            f"another program uses port {port[1]}", fix="`shoplake down --purge` and `up` choose other ports"
        )
    if image := IMAGE.search(output):
        return StackError(
            f"an image could not be pulled: {image[0].strip()}",
            fix="check the connection to its registry; `docker pull` shows more",
        )
    return ServerFailed(f"`{command}` failed:\n{output.strip()[-2000:]}")


def lines_of_json(text: str) -> list[dict[str, Any]]:
    """Objects, one per line or in one list: Compose has printed both."""
    text = text.strip()
    if text.startswith("["):
        found: list[dict[str, Any]] = json.loads(text)
        return found
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def bytes_of(text: str) -> int:
    """`12.5MiB / 1GiB`, as `docker stats` prints it, in bytes: its first part."""
    match = re.match(r"([\d.]+)\s*([KMGT]?i?B)", text)
    if match is None:
        return 0
    return int(float(match[1]) * UNITS.get(match[2], 1))


def _last(output: str) -> str:
    lines: Sequence[str] = output.strip().splitlines() or [""]
    return lines[-1]
