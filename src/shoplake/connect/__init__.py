"""How other programs connect to the stores of a stack: addresses, variables, and the commands of well-known clients."""

from __future__ import annotations

from shoplake.connect import access, platform
from shoplake.connect.access import Access
from shoplake.connect.launch import start
from shoplake.errors import UnknownName
from shoplake.stack import SERVICES

__all__ = ["Access", "all_stores", "one", "start"]


def one(store: str) -> Access:
    """How a store of the local stack is reached; its server has to run, the others may be down.

    Raises:
        UsageError: there is no such store.
        StackNotRunning: its server is down.
        InfraError: the store is DynamoDB or the lake, and the environment has not been applied.
    """
    name = access.OTHER_NAMES.get(store, store)
    if name not in access.BY_STORE:
        raise UnknownName(f"there is no store '{store}'", fix=f"choose from {', '.join(access.BY_STORE)}")
    find = platform.applied if name in access.ON_EMULATOR else platform.of_servers
    return access.BY_STORE[name](find({access.SERVICES[name]}))


def all_stores() -> list[Access]:
    """How each store of the local stack is reached; DynamoDB and the lake are missing until they are made.

    Raises:
        StackNotRunning: a server is down.
    """
    return access.each(platform.as_far_as_applied(SERVICES))
