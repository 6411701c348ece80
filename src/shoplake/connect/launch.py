"""Replaces this process by a client of a store. Passwords are in its environment, never on its command line."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import NoReturn

from shoplake import environ
from shoplake.connect import clients
from shoplake.connect.access import Access
from shoplake.connect.clients import Client
from shoplake.errors import UsageError


def start(access: Access) -> NoReturn:
    """Become the first client of the store that is installed.

    Raises:
        UsageError: none is.
    """
    caller = environ.caller()
    client = chosen(access, caller.get("PATH"))
    command = [shutil.which(client.opens[0], path=caller.get("PATH")) or client.opens[0], *client.opens[1:]]
    os.execve(command[0], command, environment(access, caller))  # noqa: S606 - a list, no shell


def chosen(access: Access, path: str | None) -> Client:
    """The first client that is on PATH.

    Raises:
        UsageError: none is; the message names where to get one, and what to use instead.
    """
    known = [client for client in clients.of(access) if client.opens]
    for client in known:
        if shutil.which(client.opens[0], path=path):
            return client
    names = " or ".join(client.opens[0] for client in known) or "a client that takes its password from a variable"
    packages = " or ".join(f"`{client.package}`" for client in known)
    others = ", ".join(client.name for client in clients.of(access) if client not in known)
    raise UsageError(
        f"expected {names} on PATH to open {access.store}, found none",
        fix=f"install it ({packages}), or use {others}: `shoplake connect {access.store}` shows how",
    )


def environment(access: Access, caller: Mapping[str, str]) -> dict[str, str]:
    """The variables of the client: the caller's, without those that lead elsewhere, and those of the store."""
    given = access.in_the_clear()
    hidden = set(environ.conflicting(caller, given))
    return {**{name: value for name, value in caller.items() if name not in hidden}, **given}
