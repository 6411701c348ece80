"""`shoplake env`: print what other tools need in their environment."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    environment: Annotated[str, typer.Argument(help="Environment to point at: local, dev, staging or prod.")] = "local",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of export lines.")] = False,
) -> None:
    """Print exports for a shell: AWS_* for any AWS tool, TF_* so that plain Terraform uses the same state.

    The passwords of the stack are among them (TF_VAR_postgres_password, TF_VAR_redis_password): evaluate the
    output, do not log it.

    Example: eval "$(shoplake env)" && terraform -chdir=terraform/environments/local plan
    """
    import json
    import shlex

    from shoplake import stack
    from shoplake.infra import inputs, runner

    given = inputs.of(environment, stack)
    values = runner.shell_environment(environment, variables=given.variables, environment=given.environment)
    if as_json:
        typer.echo(json.dumps(values))
    else:
        for key, value in values.items():
            typer.echo(f"export {key}={shlex.quote(value)}")
