"""Identify the emulator at an address, and read the address of an external emulator."""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from shoplake.errors import StackError, StackNotRunning, UsageError
from shoplake.stack.capabilities import MEASURED, TITLES, Emulator

VARIABLE = "SHOPLAKE_AWS_ENDPOINT"
# MiniStack answers for LocalStack's page as well, so its own comes first.
HEALTH_PAGES: tuple[tuple[Emulator, str], ...] = (
    ("ministack", "/_ministack/health"),
    ("localstack", "/_localstack/health"),
)
TIMEOUT_S = 30  # an emulator that has just started may be busy with much else
MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answering:
    """An emulator that answers, by what it says of itself."""

    emulator: Emulator
    version: str

    def __str__(self) -> str:
        return f"{TITLES[self.emulator]} {self.version}"

    @property
    def measured(self) -> bool:
        """Whether the capability table was held to this version."""
        return self.version == MEASURED[self.emulator]


def identify(url: str) -> Answering:
    """Ask who answers.

    Raises:
        StackNotRunning: nobody does.
        StackError: somebody does who is neither MiniStack nor LocalStack.
    """
    for emulator, page in HEALTH_PAGES:
        health = _json_of(url, page)
        if isinstance(health.get("services"), dict) and isinstance(health.get("version"), str):
            return Answering(emulator, health["version"])
    pages = " nor ".join(page for _, page in HEALTH_PAGES)
    raise StackError(
        f"expected MiniStack or LocalStack at {url}, found neither: neither {pages} returns services and a version",
        fix=f"set {VARIABLE} to one of them, or unset it so that the stack starts its own",
    )


def outside() -> str | None:
    """The address of an emulator that somebody else runs, from SHOPLAKE_AWS_ENDPOINT; None when it is not set.

    Raises:
        UsageError: it is no address of this machine.
    """
    given = os.environ.get(VARIABLE, "").strip().rstrip("/")
    if not given:
        return None
    if not _is_local(given):
        raise UsageError(
            f"{VARIABLE}: expected an emulator on this machine, such as http://127.0.0.1:4566, found {given!r}",
            fix="publish the emulator's port on 127.0.0.1, or unset the variable so that the stack starts its own",
        )
    return given


def _is_local(url: str) -> bool:
    """Whether the address is one of this machine: whoever reaches an emulator may do all in it."""
    try:
        parts = urlsplit(url)
        complete = parts.scheme in ("http", "https") and parts.port is not None and not (parts.path or parts.query)
        host = parts.hostname or ""
        return complete and (host == "localhost" or ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False


def _json_of(url: str, page: str) -> dict[str, Any]:
    """The page's object, empty when it is another thing."""
    # No proxy stands before this machine, whatever the environment says of one.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}{page}", timeout=TIMEOUT_S) as answer:
            found = json.loads(answer.read(MOST_BYTES))
    except (urllib.error.HTTPError, http.client.HTTPException, ValueError):
        return {}
    except OSError as error:
        raise StackNotRunning(
            f"no AWS emulator answers at {url}: {error}",
            fix="start it; `shoplake up` starts the emulator of the stack",
        ) from error
    return found if isinstance(found, dict) else {}
