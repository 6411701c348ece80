"""Finds what looks like a secret anywhere in a plan's JSON. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shoplake.infra.plan_json import Json, Plan
from shoplake.infra.policy_iam import Found

# Attributes whose value is a secret, whatever it looks like.
SECRET_NAMES = re.compile(
    r"(^|_)(password|passwords|auth_token|secret_string|secret_binary|private_key|secret_key|access_token)$"
)
# Values that are a secret, wherever they stand.
SECRET_VALUES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b(AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|://[^/@\s:]+:[^/@\s]+@"
    r"|\bgh[pousr]_[A-Za-z0-9]{36}\b"
)


def no_secret(plan: Plan) -> Iterator[Found]:
    """No planned value, variable or output is a secret."""
    for resource in plan.changes:
        for path in _secrets(resource.values, ""):
            yield resource.address, f"{path} is a secret in the clear"
    for name, variable in plan.content.get("variables", {}).items():
        for path in _secrets({name: variable.get("value")}, ""):
            yield f"var.{path}", "is a secret in the clear"
    for name, output in plan.content.get("output_changes", {}).items():
        for path in _secrets({name: output.get("after")}, ""):
            yield f"output.{path}", "is a secret in the clear"


def _secrets(value: Json, path: str) -> Iterator[str]:
    """Paths of what looks like a secret."""
    if isinstance(value, dict):
        for key, inner in value.items():
            where = f"{path}.{key}" if path else key
            if SECRET_NAMES.search(key) and isinstance(inner, str | list) and inner:
                yield where
            else:
                yield from _secrets(inner, where)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _secrets(inner, f"{path}[{index}]")
    elif isinstance(value, str) and SECRET_VALUES.search(value):
        yield path
