"""Plan, apply and destroy an environment with Terraform. The resources are defined in `terraform/`."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from shoplake.infra import aws_clients, environments, guards, pre_destroy, terraform, terraform_session, workspace
from shoplake.infra.plan_json import Plan
from shoplake.infra.terraform_output import Change, Report, Transcript

PLAN_TIMEOUT_S = 300
APPLY_TIMEOUT_S = 1200
DESTROY_ATTEMPTS = 3
# Only RDS's control plane is behind this one, and a fixed wait of the AWS provider makes it take 80 s; what
# programs read is there after 5 s. https://github.com/hashicorp/terraform-provider-aws/pull/45480
SLOW_AND_UNREAD = "module.relational"
AWS_TIMEOUT_S = 7200  # MSK and a replica of RDS take most of an hour


def to_stderr(line: str) -> None:
    """Print a progress line to stderr, separate from the output of the command."""
    print(f"  terraform: {line}", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Planned:
    """The changes of an apply. `differs` is also true if only an output would change."""

    changes: tuple[Change, ...]
    differs: bool
    add: int
    change: int
    remove: int


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of an apply: counts and outputs."""

    add: int
    change: int
    remove: int
    outputs: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class Destroyed:
    """The result of a destroy: number of resources and seconds."""

    remove: int
    seconds: float


def plan(
    name: str, *, variables: Mapping[str, str], environment: Mapping[str, str], report: Report = to_stderr
) -> Planned:
    """Return what `apply` would change. Nothing is changed.

    `variables` are Terraform's, by name without `TF_VAR_`; `environment` holds AWS_ENDPOINT_URL, region and
    credentials.

    Raises:
        UsageError: there is no environment of that name.
        InfraError: Terraform failed; the message holds its diagnostics in full.
    """
    with terraform_session.opened(name, variables, environment, report) as opened:
        code, transcript = opened.run("plan", "-detailed-exitcode", timeout_s=PLAN_TIMEOUT_S)
        if code not in (0, 2):
            raise opened.failure("plan", code, transcript)
    return Planned(changes=tuple(transcript.changes), differs=code == 2, **_counts(transcript))


def apply(
    name: str,
    *,
    variables: Mapping[str, str],
    environment: Mapping[str, str],
    report: Report = to_stderr,
    ready: threading.Event | None = None,
    outstanding: Callable[[Collection[str]], None] | None = None,
    cancel: threading.Event | None = None,
    allow_destroy: Collection[str] = (),
    typed: str | None = None,
) -> Applied:
    """Build the environment from its root module. It is safe to repeat, also after an interruption or a kill.

    On AWS, a resource with data is destroyed only if `allow_destroy` contains its address, and prod changes only if its
    name was `typed`.

    `ready` is set as soon as every resource that programs use exists, up to 80 s before the end. It is not set if the
    apply fails before. `outstanding` is called with the addresses of the resources that are not complete. To stop the
    apply like Ctrl-C, set `cancel` from another thread.

    Raises:
        UsageError: there is no environment of that name.
        InfraError: a guard refused, Terraform failed, or was stopped by `cancel`; the message says why, in full.
        KeyboardInterrupt: Ctrl-C; Terraform has stopped and its state is whole.
    """
    started = time.monotonic()
    guards.refuse_untyped(environments.named(name), typed)
    with terraform_session.opened(name, variables, environment, report) as opened:
        if opened.chosen.on_aws:
            transcript = _apply_checked_plan(opened, (), allow_destroy, cancel)
        else:
            opened.keep_tainted()
            transcript = _apply_and_import(opened, _follower(ready, outstanding), cancel)
    if ready is not None:
        ready.set()
    return Applied(outputs=transcript.outputs, seconds=time.monotonic() - started, **_counts(transcript))


def destroy(
    name: str,
    *,
    variables: Mapping[str, str],
    environment: Mapping[str, str],
    report: Report = to_stderr,
    allow_destroy: Collection[str] = (),
    typed: str | None = None,
) -> Destroyed:
    """Destroy all resources in the environment's state. On AWS, `allow_destroy` must list those with data.

    On AWS, buckets are emptied and protection is removed first, only for resources that the checked plan destroys.

    Raises:
        UsageError: there is no environment of that name.
        InfraError: a guard refused, or Terraform failed; the message holds its diagnostics in full.
    """
    started = time.monotonic()
    guards.refuse_untyped(environments.named(name), typed)
    with terraform_session.opened(name, variables, environment, report) as opened:
        if opened.chosen.on_aws:
            transcript = _destroy_checked_plan(opened, allow_destroy)
            return Destroyed(remove=transcript.counts.get("remove", 0), seconds=time.monotonic() - started)
        code, transcript = opened.run("destroy", "-auto-approve", timeout_s=APPLY_TIMEOUT_S)
        if code:
            raise opened.failure("destroy", code, transcript)
    return Destroyed(remove=transcript.counts.get("remove", 0), seconds=time.monotonic() - started)


def outputs(name: str, *, environment: Mapping[str, str], report: Report = to_stderr) -> dict[str, Any]:
    """The environment's outputs by name; empty before the first apply.

    Raises:
        UsageError: there is no environment of that name.
        InfraError: Terraform failed.
    """
    with terraform_session.opened(name, {}, environment, report) as opened:
        return opened.outputs()


def shell_environment(name: str, *, variables: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with which plain `terraform -chdir=terraform/environments/NAME` uses the same state.

    Raises:
        UsageError: there is no environment of that name.
        InfraError: no emulator's endpoint is given, or one is for an environment on AWS.
    """
    chosen = environments.named(name)
    guards.refuse_wrong_endpoint(chosen, environment)
    return workspace.shell_environment(chosen, terraform.ensure(), variables, environment)


def _apply_checked_plan(
    opened: terraform_session.Session,
    options: tuple[str, ...],
    allow_destroy: Collection[str],
    cancel: threading.Event | None,
) -> Transcript:
    """Plan, check that plan, and apply exactly that plan. On AWS, orphans are not imported automatically."""
    with opened.saved_plan(*options, timeout_s=AWS_TIMEOUT_S) as (path, plan):
        guards.refuse_lost_data(opened.chosen, plan, allow_destroy)
        code, transcript = opened.run("apply", path, timeout_s=AWS_TIMEOUT_S, cancel=cancel)
        if code:
            raise opened.failure("apply", code, transcript)
    return transcript


def _destroy_checked_plan(opened: terraform_session.Session, allow_destroy: Collection[str]) -> Transcript:
    """Plan, check and apply a destroy, after removing what blocks it.

    New objects, such as access logs, may arrive in a bucket before it is deleted. In this case it tries once more.
    """
    chosen, attempt = opened.chosen, 1
    while True:
        with opened.saved_plan("-destroy", timeout_s=AWS_TIMEOUT_S) as (path, plan):
            guards.refuse_lost_data(chosen, plan, allow_destroy if attempt == 1 else _still(plan, allow_destroy))
            found = pre_destroy.obstacles(plan)
            if found:
                pre_destroy.clear(found, aws_clients.clients(chosen, opened.environment), opened.report)
            code, transcript = opened.run("apply", path, timeout_s=AWS_TIMEOUT_S)
        if code == 0:
            return transcript
        filled_again = any("BucketNotEmpty" in str(error) for error in transcript.errors())
        if attempt == DESTROY_ATTEMPTS or not filled_again:
            raise opened.failure("destroy", code, transcript)
        attempt += 1


def _still(plan: Plan, allowed: Collection[str]) -> list[str]:
    """What was allowed and has not gone yet."""
    doomed = {one.address for one in plan.changes if "delete" in one.actions}
    return [address for address in allowed if address in doomed]


def _apply_and_import(
    opened: terraform_session.Session, follow: Callable[[Transcript], None], cancel: threading.Event | None
) -> Transcript:
    """Apply in rounds. Each round imports the orphans that the last one found; a round without new orphans ends it."""
    known: dict[str, str] = {}
    current = opened
    while True:
        code, transcript = current.run(
            "apply", "-auto-approve", timeout_s=APPLY_TIMEOUT_S, follow=follow, cancel=cancel
        )
        if code == 0:
            return transcript
        met = current.orphans(transcript)
        if met.keys() <= known.keys():
            raise opened.failure("apply", code, transcript)
        for address in met.keys() - known.keys():
            opened.report(f"importing {address}, which a killed run created")
        known |= met
        current = opened.adopting(known)


def _follower(
    ready: threading.Event | None, outstanding: Callable[[Collection[str]], None] | None
) -> Callable[[Transcript], None]:
    """Tell the caller how far an apply is, line by line, once it has begun to change something."""

    def follow(transcript: Transcript) -> None:
        if not transcript.applying:
            return
        left = transcript.outstanding()
        if ready is not None and all(address.startswith(SLOW_AND_UNREAD) for address in left):
            ready.set()
        if outstanding is not None:
            outstanding(left)

    return follow


def _counts(transcript: Transcript) -> dict[str, int]:
    return {key: transcript.counts.get(key, 0) for key in ("add", "change", "remove")}
