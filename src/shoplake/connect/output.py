"""Accesses as lines: text for people, variables, URLs, and JSON. Pure: prints nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, get_args

from shoplake.connect import clients
from shoplake.connect.access import Access
from shoplake.errors import UsageError
from shoplake.known_names import require_known

Format = Literal["env", "dotenv", "jdbc", "url"]
FORMATS: tuple[Format, ...] = get_args(Format)
HIDDEN = "not shown; add --show-secrets"


def format_named(name: str) -> Format:
    """A format by its name.

    Raises:
        UnknownName: there is none of that name.
    """
    require_known("format", name, FORMATS)
    return FORMATS[FORMATS.index(name)]


def described(access: Access, program: str, show_secrets: bool) -> Iterator[str]:
    """All about one store: where it is, and what to type into each client.

    Args:
        access: the store's.
        program: what the user types for this program.
        show_secrets: whether passwords are among the lines.
    """
    yield f"{access.store}: {access.holds}"
    yield ""
    for name, value in _fields(access, show_secrets):
        yield f"  {name:<9} {value}"
    yield ""
    yield "Set the variables in your shell first; the passwords are among them:"
    yield ""
    yield f'  eval "$({program} env)"'
    for client in clients.of(access):
        yield ""
        yield client.name
        yield from (f"  {line.replace('`shoplake ', f'`{program} ')}" for line in client.lines)
    if any(client.opens for client in clients.of(access)):
        yield ""
        yield f"`{program} connect {access.store} --open` starts the first client that is installed."


def rows(accesses: Iterable[Access]) -> list[tuple[str, str, str, str, str]]:
    """Store, address, user, client and content of each, for a table."""
    return [(one.store, one.address, one.user, clients.of(one)[0].name, one.holds) for one in accesses]


def formatted(accesses: Iterable[Access], how: Format, show_secrets: bool) -> list[str]:
    """One line for each value; secrets only if they are asked for.

    Raises:
        UsageError: none of the stores can be said in this format.
    """
    found = list(accesses)
    if how == "url":
        return [_url(access, show_secrets) for access in found]
    if how == "jdbc":
        return _jdbc(found, show_secrets)
    values = _variables(found, show_secrets)
    if how == "env":
        return [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    return [f"{name}={shlex.quote(value)}" for name, value in values.items()]


def left_out(accesses: Iterable[Access]) -> list[str]:
    """Names of the variables that are only there if secrets are asked for."""
    return [name for access in accesses for name in access.secrets]


def as_json(accesses: Iterable[Access], show_secrets: bool) -> dict[str, Any]:
    """Each store by its name; `password` is null if there is none, or if secrets are not asked for."""
    return {access.store: _object(access, show_secrets) for access in accesses}


def _object(access: Access, show_secrets: bool) -> dict[str, Any]:
    return {
        "holds": access.holds,
        "address": access.address,
        "database": access.database,
        "user": access.user,
        "password": access.password.get_secret_value() if access.password and show_secrets else None,
        "url": _url(access, show_secrets),
        "jdbc": _jdbc([access], show_secrets)[0] if access.jdbc else None,
        "variables": _variables([access], show_secrets),
        "clients": {client.name: {"kind": client.kind, "lines": client.lines} for client in clients.of(access)},
    }


def _fields(access: Access, show_secrets: bool) -> Iterator[tuple[str, str]]:
    yield "address", access.address
    if access.database:
        yield {"dynamodb": "table"}.get(access.store, "database"), access.database
    if access.user:
        yield {"dynamodb": "key id", "lake": "key id"}.get(access.store, "user"), access.user
    if access.password:
        yield "password", access.password.get_secret_value() if show_secrets else HIDDEN
    yield "url", _url(access, show_secrets)
    if access.jdbc:
        yield "jdbc", _jdbc([access], show_secrets)[0]


def _url(access: Access, show_secrets: bool) -> str:
    return access.secret_url.get_secret_value() if access.secret_url and show_secrets else access.url


def _jdbc(accesses: Iterable[Access], show_secrets: bool) -> list[str]:
    from urllib.parse import quote

    lines = [
        f"{one.jdbc}&password={quote(one.password.get_secret_value(), safe='')}"
        if one.password and show_secrets
        else one.jdbc
        for one in accesses
        if one.jdbc
    ]
    if not lines:
        raise UsageError("expected a store with a JDBC URL, which postgres is", fix="choose --format url")
    return lines


def _variables(accesses: Iterable[Access], show_secrets: bool) -> Mapping[str, str]:
    values: dict[str, str] = {}
    for access in accesses:
        values |= access.in_the_clear() if show_secrets else access.variables
    return values
