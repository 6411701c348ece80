"""Inputs of Terraform: connections and endpoint of a stack, or the caller's AWS variables and the commit."""

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
    """The running stack. Only emulated environments use it."""

    def connections(self, services: Collection[Literal["aws"]]) -> ConnectionsLike:
        """Return addresses and passwords. Only these services must be running."""
        ...

    def environment(self) -> Mapping[str, str]:
        """Return the variables that direct AWS tools to the emulator."""
        ...

    def missing(self) -> frozenset[str]:
        """Return the services that the emulator lacks, by boto3 name."""
        ...

    def switches(self) -> Mapping[str, bool]:
        """Return, for each service that not every emulator has, whether to create it."""
        ...


@dataclass(frozen=True, slots=True)
class Inputs:
    """Terraform variables and AWS environment variables. Both may contain secrets in plain text.

    `missing` lists the services that the emulator lacks.
    """

    variables: Mapping[str, str]
    environment: Mapping[str, str]
    missing: frozenset[str] = frozenset()


def of(name: str, stack: StackLike) -> Inputs:
    """Return the inputs of an environment. For an emulated one, this process uses its stack from now on.

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
    """Return the commit of the checkout, with `-dirty` if it was changed; `unknown` outside git."""
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
            env=environ.for_subprocess(),
            timeout=GIT_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()
