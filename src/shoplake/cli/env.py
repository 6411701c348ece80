"""`shoplake env`: print what other tools need in their environment."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    environment: Annotated[str, typer.Argument(help="Environment to point at: local, dev, staging or prod.")] = "local",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of export lines.")] = False,
) -> None:
    """Print exports for a shell: AWS_* for any AWS tool, TF_* so that plain Terraform uses the same state.

    For the local environment, what else the shell has of AWS_* and TF_* is unset: a profile, a session, an endpoint.

    The passwords of the stack are among them (TF_VAR_postgres_password, TF_VAR_redis_password): evaluate the
    output, do not log it.

    Example: eval "$(shoplake env)" && terraform -chdir=terraform/environments/local plan
    """
    import json
    import os
    import shlex

    from shoplake import environ, stack
    from shoplake.infra import environments, runner, stack_inputs

    given = stack_inputs.of(environment, stack)
    values = runner.shell_environment(environment, variables=given.variables, environment=given.environment)
    emulated = environment in environments.EMULATED
    if emulated:  # the address of the stack, so that no proxy stands before it
        values |= {name: os.environ[name] for name in ("no_proxy", "NO_PROXY") if name in os.environ}
    if as_json:
        typer.echo(json.dumps(values))
    else:
        if emulated:
            typer.echo(f"unset {' '.join(environ.misleading(environ.caller(), values))}")
        for key, value in values.items():
            typer.echo(f"export {key}={shlex.quote(value)}")
