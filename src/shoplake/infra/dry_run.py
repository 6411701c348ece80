"""Plan an environment without account or network: a copy of its root, a local backend and fake credentials."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from shoplake import private_files
from shoplake.errors import InfraError, PolicyRefused
from shoplake.infra import cost, environments, plan_summary, policy, terraform, workspace
from shoplake.infra.environments import Environment
from shoplake.infra.plan_json import Plan
from shoplake.infra.terraform import Binary

TIMEOUT_S = 300
# The roots ask AWS nothing while planning: zones, account and region are values. The provider's own checks of
# credentials and account are what is left, and the account's id is only unknown to them, so it is not compared.
OVERRIDE = """
terraform {
  backend "local" {}
}

provider "aws" {
  access_key                  = "dry-run"
  secret_key                  = "dry-run"
  allowed_account_ids         = null
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
}
"""
# What the running stack would say of itself, and a person of the account.
STACK = {
    "kafka_bootstrap_servers": "127.0.0.1:9092",
    "postgres_host": "127.0.0.1",
    "postgres_port": "5432",
    "postgres_database": "shoplake",
    "postgres_user": "shoplake",
    "postgres_password": "dry-run",
    "postgres_password_version": "1",
    "redis_host": "127.0.0.1",
    "redis_port": "6379",
    "redis_password": "dry-run",
    "redis_password_version": "1",
    "mongo_uri": "mongodb://127.0.0.1:27017",
    "mongo_database": "shoplake",
    "deletion_protection": "false",
}
ACCOUNT = {"environment": "dev", "github_owner": "example", "github_repository": "shoplake"}


@dataclass(frozen=True, slots=True)
class DryRun:
    """A plan from an empty state, the path of its JSON, and the violations of the policy."""

    environment: str
    plan: Plan
    path: Path
    modules: tuple[plan_summary.ModuleSummary, ...]
    violations: tuple[policy.Violation, ...]


def run(name: str) -> DryRun:
    """Plan the environment (or `bootstrap` of dev's account) from an empty state, and check the policy.

    Raises:
        UsageError: there is no environment of that name.
        InfraError: Terraform could not plan. The message ends with Terraform's output.
    """
    chosen = environments.planned_only(name)
    binary = terraform.ensure()
    folder = chosen.folder / "dry-run"
    beside = replace(chosen, folder=folder)
    with workspace.exclusive(beside, lambda _: None):
        path = folder / "plan.json"
        private_files.write(path, _plan_json(beside, binary).encode())
    plan = Plan(json.loads(path.read_text(encoding="utf-8")))
    return DryRun(
        environment=chosen.name,
        plan=plan,
        path=path,
        modules=plan_summary.by_module(plan),
        violations=policy.check(plan, chosen.name),
    )


def report(found: DryRun) -> str:
    """Return a summary as text: resources by module, counts, cost, and the path of the plan."""
    counts = plan_summary.actions(found.plan)
    counted = ", ".join(f"{count} to {action}" for action, count in sorted(counts.items()))
    return "\n".join(
        [
            *(str(module) for module in found.modules),
            f"{found.environment}: {len(found.plan.resources)} resources ({counted}); policy: "
            f"{len(policy.rules_of(found.environment))} rules, {len(found.violations)} violations",
            *_cost(found),
            f"plan: {found.path}",
        ]
    )


def _cost(found: DryRun) -> list[str]:
    """Return the cost line. Empty for an emulator, which costs nothing."""
    if found.environment not in environments.ON_AWS:
        return []
    price = cost.estimate(found.plan).total
    return [
        f"cost: {price.expected:.0f} USD per month ({price.low:.0f} to {price.high:.0f} by use), "
        f"see `shoplake cost {found.environment}`"
    ]


def as_json(found: DryRun) -> str:
    """Return the summary as JSON."""
    return json.dumps(
        {
            "environment": found.environment,
            "resources": len(found.plan.resources),
            "modules": {module.module: module.resources for module in found.modules},
            "violations": [str(violation) for violation in found.violations],
            "expected_usd_a_month": round(cost.estimate(found.plan).total.expected, 2),
            "plan": str(found.path),
        }
    )


def refuse_violations(found: DryRun) -> None:
    """Raise PolicyRefused if the plan violates the policy."""
    if found.violations:
        listed = "".join(f"\n  - {violation}" for violation in found.violations)
        raise PolicyRefused(
            f"the plan of '{found.environment}' violates the policy:{listed}",
            fix="change the module or its values; the rules are in src/shoplake/infra/policy.py",
        )


def _plan_json(beside: Environment, binary: Binary) -> str:
    root = workspace.copy_of_root(beside, {"dry_run_override.tf": OVERRIDE})
    variables = {f"TF_VAR_{name}": value for name, value in _given(beside.name).items()}
    environment = workspace.process_environment(
        {
            **variables,
            "TF_DATA_DIR": str(beside.data_dir),
            "TF_CLI_CONFIG_FILE": str(workspace.write_cli_config(binary)),
            "AWS_EC2_METADATA_DISABLED": "true",
            # Nobody's configuration: a profile there could name credentials, or an endpoint.
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }
    )
    saved = beside.folder / "plan.tfplan"
    try:
        _terraform(binary, root, environment, "init", "-input=false", "-no-color")
        _terraform(binary, root, environment, "plan", "-input=false", "-no-color", "-lock=false", f"-out={saved}")
        return _terraform(binary, root, environment, "show", "-json", str(saved))
    finally:
        saved.unlink(missing_ok=True)


def _given(name: str) -> dict[str, str]:
    """Return the variables that terraform.tfvars does not set."""
    if name == environments.BOOTSTRAP:
        return ACCOUNT | {"account_id": environments.named(ACCOUNT["environment"]).place().account_id}
    return STACK if name in environments.EMULATED else {}


def _terraform(binary: Binary, root: Path, environment: dict[str, str], *arguments: str) -> str:
    try:
        answer = subprocess.run(
            [str(binary.path), *arguments],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            umask=private_files.UMASK,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise InfraError(f"`{binary.command} {arguments[0]}` did not finish within {TIMEOUT_S} s") from error
    except subprocess.CalledProcessError as error:
        raise InfraError(f"the dry run's `{binary.command} {arguments[0]}` failed:\n{error.stderr.strip()}") from error
    return answer.stdout
