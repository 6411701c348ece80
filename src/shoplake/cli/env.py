"""`shoplake env`: print what other tools need in their environment."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    environment: Annotated[str, typer.Argument(help="Environment to point at: local, dev, staging or prod.")] = "local",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of export lines.")] = False,
    unset: Annotated[
        bool, typer.Option("--unset", help="Print what removes these variables from the shell again.")
    ] = False,
) -> None:
    """Print exports for a shell: AWS_* for any AWS tool, TF_* so that plain Terraform uses the same state.

    For the local environment also what clients of the stores read: PGHOST and the other PG*, DATABASE_URL, REDIS_URL,
    MONGODB_URI, KAFKA_BOOTSTRAP_SERVERS and PYICEBERG_CATALOG__*. What else the shell has of AWS_* and TF_* is unset:
    a profile, a session, an endpoint. `--unset` removes what was exported; a profile that was unset does not come back.

    The passwords of the stack are among them (PGPASSWORD, REDIS_URL, TF_VAR_postgres_password): evaluate the output,
    do not log it.

    Example: eval "$(shoplake env)" && psql -c 'SELECT count(*) FROM orders'
    """
    import json
    import shlex

    from shoplake import environ

    if unset:
        names = environ.exported(environ.caller())
        if names:
            typer.echo(f"unset {' '.join(names)}")
        else:
            typer.echo("this shell has no variables of `shoplake env`", err=True)
        return
    values, misleading = _values(environment)
    if as_json:
        typer.echo(json.dumps(values))
        return
    if misleading:
        typer.echo(f"unset {' '.join(misleading)}")
    for key, value in {**values, environ.EXPORTED: " ".join(values)}.items():
        typer.echo(f"export {key}={shlex.quote(value)}")


def _values(environment: str) -> tuple[dict[str, str], list[str]]:
    """The variables, and the names of those that the shell has to unset."""
    import os

    from shoplake import environ, stack
    from shoplake.connect import access, platform
    from shoplake.infra import environments, runner, stack_inputs

    given = stack_inputs.of(environment, stack)
    values = runner.shell_environment(environment, variables=given.variables, environment=given.environment)
    if environment not in environments.EMULATED:
        return values, []
    values |= access.variables(platform.as_far_as_applied({"aws"}))
    # The address of the stack, so that no proxy stands before it.
    values |= {name: os.environ[name] for name in ("no_proxy", "NO_PROXY") if name in os.environ}
    return values, environ.conflicting(environ.caller(), values)
