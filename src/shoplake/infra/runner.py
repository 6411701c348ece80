"""Plans, applies and destroys an environment with Terraform; what to build is in `terraform/`, not here."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from shoplake.infra import aws_clients, environments, guards, pre_destroy, terraform, terraform_session, workspace
from shoplake.infra.plan_json import Plan
from shoplake.infra.terraform_output import Change, Report, Transcript

PLAN_TIMEOUT_S = 300
APPLY_TIMEOUT_S = 1200
DESTROY_ATTEMPTS = 3
AWS_TIMEOUT_S = 7200  # MSK and a replica of RDS take most of an hour


def to_stderr(line: str) -> None:
    """Progress for a person, out of the way of what a command prints."""
    print(f"  terraform: {line}", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Planned:
    """What an apply would do; `differs` also when only an output would change."""

    changes: tuple[Change, ...]
    differs: bool
    add: int
    change: int
    remove: int


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did, and what came of it."""

    add: int
    change: int
    remove: int
    outputs: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class Destroyed:
    """How much was destroyed, in how many seconds."""

    remove: int
    seconds: float


def plan(
    name: str, *, variables: Mapping[str, str], environment: Mapping[str, str], report: Report = to_stderr
) -> Planned:
    """What `apply` would change; changes nothing itself.

    `variables` are Terraform's, by name without `TF_VAR_`; `environment` holds AWS_ENDPOINT_URL, region and
    credentials.

    Raises:
        UsageError: there is no environment of that name.
        InfraError: Terraform failed; the message holds its diagnostics in full.
    """
    with terraform_session.opened(name, variables, environment, report) as opened:
        code, said = opened.run("plan", "-detailed-exitcode", timeout_s=PLAN_TIMEOUT_S)
        if code not in (0, 2):
            raise opened.failure("plan", code, said)
    return Planned(changes=tuple(said.changes), differs=code == 2, **_counts(said))


def apply(
    name: str,
    *,
    variables: Mapping[str, str],
    environment: Mapping[str, str],
    report: Report = to_stderr,
    ready: threading.Event | None = None,
    cancel: threading.Event | None = None,
    allow_destroy: Collection[str] = (),
    typed: str | None = None,
) -> Applied:
    """Make the environment what its root says; safe to run again, also after it was interrupted or killed.

    On AWS, what holds data is destroyed only where `allow_destroy` names its address, and prod changes only when its
    name was `typed`.

    `ready` is set as soon as all that programs use exists, up to 80 s before the end, and never when it fails
    before; setting `cancel` from another thread stops it as Ctrl-C does.

    Raises:
        UsageError: there is no environment of that name.
        InfraError: a guard refused, Terraform failed, or was stopped by `cancel`; the message says why, in full.
        KeyboardInterrupt: Ctrl-C; Terraform has stopped and its state is whole.
    """
    started = time.monotonic()
    guards.refuse_untyped(environments.named(name), typed)
    with terraform_session.opened(name, variables, environment, report) as opened:
        if opened.chosen.on_aws:
            said = _apply_what_was_judged(opened, (), allow_destroy, cancel)
        else:
            opened.keep_tainted()
            said = _apply_and_adopt(opened, ready, cancel)
    if ready is not None:
        ready.set()
    return Applied(outputs=said.outputs, seconds=time.monotonic() - started, **_counts(said))


def destroy(
    name: str,
    *,
    variables: Mapping[str, str],
    environment: Mapping[str, str],
    report: Report = to_stderr,
    allow_destroy: Collection[str] = (),
    typed: str | None = None,
) -> Destroyed:
    """Remove all that the environment's state knows, with the data in it; on AWS as far as `allow_destroy` names it.

    On AWS, buckets are emptied and protection is lifted first, of what the judged plan destroys and of nothing else.

    Raises:
        UsageError: there is no environment of that name.
        InfraError: a guard refused, or Terraform failed; the message holds its diagnostics in full.
    """
    started = time.monotonic()
    guards.refuse_untyped(environments.named(name), typed)
    with terraform_session.opened(name, variables, environment, report) as opened:
        if opened.chosen.on_aws:
            said = _destroy_what_was_judged(opened, allow_destroy)
            return Destroyed(remove=said.counts.get("remove", 0), seconds=time.monotonic() - started)
        code, said = opened.run("destroy", "-auto-approve", timeout_s=APPLY_TIMEOUT_S)
        if code:
            raise opened.failure("destroy", code, said)
    return Destroyed(remove=said.counts.get("remove", 0), seconds=time.monotonic() - started)


def outputs(name: str, *, environment: Mapping[str, str], report: Report = to_stderr) -> dict[str, Any]:
    """The environment's outputs by name; empty before the first apply.

    Raises:
        UsageError: there is no environment of that name.
        InfraError: Terraform failed.
    """
    with terraform_session.opened(name, {}, environment, report) as opened:
        return opened.outputs()


def shell_environment(name: str, *, variables: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """What to export so that plain `terraform -chdir=terraform/environments/NAME` uses the same state.

    Raises:
        UsageError: there is no environment of that name.
        InfraError: no emulator's endpoint is given, or one is for an environment on AWS.
    """
    chosen = environments.named(name)
    guards.refuse_wrong_endpoint(chosen, environment)
    return workspace.shell_environment(chosen, terraform.ensure(), variables, environment)


def _apply_what_was_judged(
    opened: terraform_session.Session,
    options: tuple[str, ...],
    allow_destroy: Collection[str],
    cancel: threading.Event | None,
) -> Transcript:
    """Plan, judge that plan, apply it and no other. What is lost on AWS is never adopted: a person imports it."""
    with opened.saved_plan(*options, timeout_s=AWS_TIMEOUT_S) as (path, plan):
        guards.refuse_lost_data(opened.chosen, plan, allow_destroy)
        code, said = opened.run("apply", path, timeout_s=AWS_TIMEOUT_S, cancel=cancel)
        if code:
            raise opened.failure("apply", code, said)
    return said


def _destroy_what_was_judged(opened: terraform_session.Session, allow_destroy: Collection[str]) -> Transcript:
    """As an apply, with what stands in the way cleared first.

    Something may be written into a bucket between its emptying and its end, access logs for one: then once more.
    """
    chosen, attempt = opened.chosen, 1
    while True:
        with opened.saved_plan("-destroy", timeout_s=AWS_TIMEOUT_S) as (path, plan):
            guards.refuse_lost_data(chosen, plan, allow_destroy if attempt == 1 else _still(plan, allow_destroy))
            found = pre_destroy.obstacles(plan)
            if found:
                pre_destroy.clear(found, aws_clients.clients(chosen, opened.environment), opened.report)
            code, said = opened.run("apply", path, timeout_s=AWS_TIMEOUT_S)
        if code == 0:
            return said
        filled_again = any("BucketNotEmpty" in str(error) for error in said.errors())
        if attempt == DESTROY_ATTEMPTS or not filled_again:
            raise opened.failure("destroy", code, said)
        attempt += 1


def _still(plan: Plan, allowed: Collection[str]) -> list[str]:
    """What was allowed and has not gone yet."""
    doomed = {one.address for one in plan.changes if "delete" in one.actions}
    return [address for address in allowed if address in doomed]


def _apply_and_adopt(
    opened: terraform_session.Session, ready: threading.Event | None, cancel: threading.Event | None
) -> Transcript:
    """Each round adopts what those before it met and did not know; one that meets nothing new is the last."""
    known: dict[str, str] = {}
    current = opened
    while True:
        code, said = current.run("apply", "-auto-approve", timeout_s=APPLY_TIMEOUT_S, ready=ready, cancel=cancel)
        if code == 0:
            return said
        met = current.orphans(said)
        if met.keys() <= known.keys():
            raise opened.failure("apply", code, said)
        for address in met.keys() - known.keys():
            opened.report(f"adopting {address}, which a killed run left")
        known |= met
        current = opened.adopting(known)


def _counts(said: Transcript) -> dict[str, int]:
    return {key: said.counts.get(key, 0) for key in ("add", "change", "remove")}
