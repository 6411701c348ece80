"""What a probe is, and how it waits and judges."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from typing import TypeVar

from shoplake.stack import Support
from tests.emulators import Running

Probe = Callable[[Running, str], Support]
Found = TypeVar("Found")

POLL_S = 0.2
PROTOCOL_TIMEOUT_S = 2.0


def real_if(it_does_its_work: bool) -> Support:
    """The API has answered, so the service is there; the question is whether anything is behind it."""
    return Support.REAL if it_does_its_work else Support.CONTROL_PLANE


def awaited(look: Callable[[], Found], timeout_s: float) -> Found:
    """What a look finds as soon as it finds something, or at the end of the time."""
    deadline = time.monotonic() + timeout_s
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return seen


def said(host: str, port: int, request: bytes) -> bytes:
    """What a server answers to the first request; empty when none is there.

    That a connection opens says nothing: a proxy on the way may accept it.
    """
    with contextlib.suppress(OSError), socket.create_connection((host, port), PROTOCOL_TIMEOUT_S) as connection:
        connection.sendall(request)
        return connection.recv(64)
    return b""
