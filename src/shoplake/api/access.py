"""Who may do what: one table of the routes with the role that each needs, and one function that gives the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from fastapi import Depends, Query, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from shoplake.errors import Forbidden, Unauthenticated

if TYPE_CHECKING:
    from shoplake.api.keys import KeyCheck

Role: TypeAlias = Literal["viewer", "analyst", "operator", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "analyst", "operator", "admin")
"""From the least to the most permitted. Each may do what those before it may."""

PUBLIC = frozenset({"/healthz", "/readyz"})
"""Routes without a key. They tell nothing but whether the API and each dependency work."""

ROUTES: dict[str, Role] = {
    "/v1/customers": "viewer",
    "/v1/customers/{customer_id}": "viewer",
    "/v1/customers/{customer_id}/orders": "viewer",
    "/v1/orders": "viewer",
    "/v1/orders/{order_id}": "viewer",
    "/v1/sessions/{session_id}": "viewer",
    "/v1/products": "viewer",
    "/v1/products/{product_id}": "viewer",
    "/v1/board": "viewer",
    "/v1/metrics/{name}": "analyst",
    "/v1/datasets": "viewer",
    "/v1/datasets/{name}": "viewer",
    "/v1/lineage/{name}": "viewer",
    "/v1/stack": "operator",
    "/openapi.json": "viewer",
}
"""Route -> the lowest role that may read it. A route that is missing here is refused to everyone."""

PERSONAL: Role = "operator"
"""The lowest role that may read personal columns in clear (`mask=false`)."""

_BEARER = HTTPBearer(auto_error=False, description="The API key.")
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="The API key.")


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller.

    Attributes:
        name: for logs; never a secret.
        role: what the caller may do.
    """

    name: str
    role: Role

    def has(self, role: Role) -> bool:
        """Whether the caller may do what `role` may."""
        return ROLES.index(self.role) >= ROLES.index(role)


async def principal(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)] = None,
    header: Annotated[str | None, Security(_HEADER)] = None,
) -> Principal:
    """The caller of a request.

    Raises:
        Unauthenticated: the request has no key, or a wrong one.
    """
    key = bearer.credentials if bearer else header
    check: KeyCheck = request.app.state.keys
    found = check.principal(key) if key else None
    if found is None:
        raise Unauthenticated(
            "the API key is wrong" if key else "expected an API key, found none",
            fix="send `Authorization: Bearer KEY` or `X-API-Key: KEY`; `shoplake api status` names the file with it",
        )
    return found


Caller = Annotated[Principal, Depends(principal)]
Mask = Annotated[bool, Query(description="Show `***` in place of personal values. `false` needs the role operator.")]


async def authorised(request: Request, caller: Caller) -> Principal:
    """Check that the caller's role may read the route. Every router but that of health depends on it.

    Raises:
        Forbidden: it may not.
    """
    path = request.scope["route"].path
    needed = ROUTES.get(path)
    if needed is None or not caller.has(needed):
        raise Forbidden(
            f"{path} needs the role {needed or 'that no one has'}, and {caller.name} has {caller.role}",
            fix="ask for the role",
        )
    return caller


async def masked(caller: Caller, mask: Mask = True) -> bool:
    """Whether personal columns are masked in the answer.

    Raises:
        Forbidden: the caller asks for them in clear and may not read them.
    """
    if not mask and not caller.has(PERSONAL):
        raise Forbidden(f"personal columns in clear need the role {PERSONAL}", fix="leave out `mask=false`")
    return mask


Masked = Annotated[bool, Depends(masked)]
