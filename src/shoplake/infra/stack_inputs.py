"""What Terraform is given: a stack's connections and endpoint, or the caller's AWS variables and the commit."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from shoplake import environ, paths
from shoplake.infra import aws_caller, environments
from shoplake.infra.tfvars import ConnectionsLike, variables_from

GIT_TIMEOUT_S = 10


class StackLike(Protocol):
    """The running stack, of which only emulated environments know."""

    def connections(self, services: Collection[Literal["aws"]]) -> ConnectionsLike:
        """How its servers are reached; only these have to be running."""
        ...

    def environment(self) -> Mapping[str, str]:
        """What points AWS's tools at its emulator."""
        ...

    def missing(self) -> frozenset[str]:
        """Services that the emulator does not have, by boto3's names."""
        ...

    def switches(self) -> Mapping[str, bool]:
        """By service what to make on that emulator, of what not every emulator has."""
        ...


@dataclass(frozen=True, slots=True)
class Inputs:
    """Terraform's variables by name, and AWS's environment variables; both may hold secrets in the clear.

    `missing` are services that are not there, since an emulator answers that does not have them.
    """

    variables: Mapping[str, str]
    environment: Mapping[str, str]
    missing: frozenset[str] = frozenset()


def of(name: str, stack: StackLike) -> Inputs:
    """What the environment of that name is given; for an emulated one, this process works on its stack from here on.

    Raises:
        UsageError: there is none of that name.
        StackNotRunning: it is emulated, and the stack is down.
        StackError: it is emulated, and what answers for AWS is no emulator that we know.
    """
    if environments.named(name).on_aws:
        return Inputs(variables={"commit": commit()}, environment=aws_caller.environment())
    aws = stack.environment()
    environ.use_stack(aws)
    variables = variables_from(stack.connections({"aws"})) | {"capabilities": json.dumps(dict(stack.switches()))}
    return Inputs(variables=variables, environment=aws, missing=stack.missing())


def commit() -> str:
    """The checkout's commit, with `-dirty` where it was changed; `unknown` outside git."""
    found = _git("rev-parse", "HEAD")
    if not found:
        return "unknown"
    return f"{found}-dirty" if _git("status", "--porcelain", "--untracked-files=no") else found


def _git(*arguments: str) -> str:
    try:
        answer = subprocess.run(
            ["git", "-C", str(paths.project_root()), *arguments],
            capture_output=True,
            text=True,
            env=environ.bare(),
            timeout=GIT_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()
