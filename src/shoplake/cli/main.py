"""The `shoplake` command. It registers one file per command and turns errors into messages and exit codes."""

from __future__ import annotations

import inspect
import io
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from shoplake import environ, gc_tuning, invocation, library_logs
from shoplake.cli import (
    api,
    apply,
    bench,
    catalog,
    catalog_runs,
    completion,
    connect,
    console,
    contract,
    cost,
    dashboards,
    defaults,
    demo,
    destroy,
    dlq,
    doctor,
    down,
    env,
    error_output,
    freshness,
    generate,
    generate_report,
    healthy,
    lag,
    lake,
    live_lineage,
    logs,
    metrics,
    migrate,
    option_values,
    plan,
    privacy,
    profile,
    quality,
    quality_anomalies,
    query,
    rebuild,
    scenario,
    sql,
    status,
    stop,
    stream,
    support_bundle,
    test,
    trace,
    up,
    verify,
    warehouse,
    workflow,
    workflow_servers,
)
from shoplake.errors import Interrupted, ShoplakeError

START, PLATFORM, SHOP, CHECK = "Start here", "Platform", "Events and stores", "Troubleshooting"
DEVELOP = "Development of shoplake"


GROUPS = ("generate", "scenario")
"""Groups of commands. The list shows them before `stream`, which continues their work."""


def reflow_help(command: Any) -> None:  # noqa: ANN401 - typer keeps the class of its commands to itself
    """Join the lines of each paragraph in the help of a command and of its subcommands.

    Rich keeps the line breaks of a docstring and wraps at the terminal's width as well.
    """
    if command.help:
        paragraphs = inspect.cleandoc(command.help).split("\n\n")
        command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    for part in getattr(command, "commands", {}).values():
        reflow_help(part)


class Commands(TyperGroup):
    """All commands. Ctrl-C prints a message, not a traceback."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - as below
        """List the names in the order of use. By default, Typer lists groups last."""
        names = [name for name in super().list_commands(ctx) if name not in GROUPS]
        stream_index = names.index("stream")
        return [*names[:stream_index], *GROUPS, *names[stream_index:]]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - as below
        """Return a command whose help fills the width of the terminal and lists the values of its options."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            reflow_help(command)
            option_values.show(command)
            completion.add(command)
        return command

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer keeps the class of its context to itself
        """Run the requested command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("interrupted; run the same command again to continue", file=sys.stderr)
            raise typer.Exit(130) from None


app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich")


def _version(wanted: bool) -> None:
    if wanted:
        from shoplake.cli.version import describe

        typer.echo(describe())
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and build, then exit.")
    ] = False,
    profile: Annotated[
        str | None,
        typer.Option("--profile", envvar="SHOPLAKE_PROFILE", help="Profile of shoplake.toml: defaults of options."),
    ] = None,
) -> None:
    """Run the data platform of a synthetic shop: Terraform builds it, a simulator publishes events to Kafka, and sinks
    write them to five stores. `verify` checks that each store holds exactly the right data.

    Exit codes: 0 success, 1 failure, 2 wrong usage, 3 data that could not be checked, 130 interrupted. Each error has a
    code and a link to its page.

    Example: shoplake demo
    """
    del version  # its callback ends the program
    if debug:
        os.environ["SHOPLAKE_DEBUG"] = "1"
    ctx.default_map = defaults.load(ctx.command, profile)


app.command("demo", rich_help_panel=START)(demo.command)
app.command("up", rich_help_panel=PLATFORM)(up.command)
app.command("apply", rich_help_panel=PLATFORM)(apply.command)
app.command("migrate", rich_help_panel=PLATFORM)(migrate.command)
app.command("plan", rich_help_panel=PLATFORM)(plan.command)
app.command("cost", rich_help_panel=PLATFORM)(cost.command)
app.command("destroy", rich_help_panel=PLATFORM)(destroy.command)
app.command("env", rich_help_panel=PLATFORM)(env.command)
app.command("connect", rich_help_panel=PLATFORM)(connect.command)
app.command("down", rich_help_panel=PLATFORM)(down.command)
generate.app.command("report")(generate_report.command)
app.add_typer(generate.app, name="generate", rich_help_panel=SHOP)
app.add_typer(scenario.app, name="scenario", rich_help_panel=SHOP)
app.command("stream", rich_help_panel=SHOP)(stream.command)
app.command("stop", rich_help_panel=SHOP)(stop.command)
app.command("verify", rich_help_panel=SHOP)(verify.command)
app.add_typer(warehouse.app, name="warehouse", rich_help_panel=SHOP)
app.add_typer(workflow.app, name="workflow", rich_help_panel=SHOP)
app.add_typer(metrics.app, name="metrics", rich_help_panel=SHOP)
app.add_typer(dashboards.app, name="dashboards", rich_help_panel=SHOP)
app.add_typer(privacy.app, name="privacy", rich_help_panel=SHOP)
quality.app.command("anomalies")(quality_anomalies.command)
app.add_typer(quality.app, name="quality", rich_help_panel=SHOP)
app.add_typer(profile.app, name="profile", rich_help_panel=SHOP)
app.command("freshness", rich_help_panel=SHOP)(freshness.command)
app.add_typer(trace.app, name="trace", rich_help_panel=SHOP)
catalog.app.command("runs")(catalog_runs.command)
workflow.app.command("up")(workflow_servers.up)
workflow.app.command("down")(workflow_servers.down)
workflow.app.command("logs")(workflow_servers.logs)
app.add_typer(catalog.app, name="catalog", rich_help_panel=SHOP)
app.command("query", rich_help_panel=SHOP)(query.command)
app.command("sql", rich_help_panel=SHOP)(sql.command)
app.command("rebuild", rich_help_panel=SHOP)(rebuild.command)
app.add_typer(api.app, name="api", rich_help_panel=SHOP)
app.add_typer(console.app, name="console", rich_help_panel=SHOP)
app.add_typer(lake.app, name="lake", rich_help_panel=SHOP)
app.add_typer(contract.app, name="contract", rich_help_panel=SHOP)
app.add_typer(dlq.app, name="dlq", rich_help_panel=SHOP)
app.command("status", rich_help_panel=CHECK)(status.command)
app.command("lag", rich_help_panel=CHECK)(lag.command)
app.command("logs", rich_help_panel=CHECK)(logs.command)
app.command("doctor", rich_help_panel=CHECK)(doctor.command)
app.command("healthy", rich_help_panel=CHECK)(healthy.command)
app.command("support-bundle", rich_help_panel=CHECK)(support_bundle.command)
app.command(
    "test", rich_help_panel=DEVELOP, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)(test.command)
app.command("bench", rich_help_panel=DEVELOP)(bench.command)


def main() -> None:
    """Run the CLI."""
    environ.enter()
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, io.TextIOWrapper):  # a terminal without UTF-8 cannot show all characters
            output.reconfigure(errors="replace")
    gc_tuning.collect_rarely()
    invocation.take_over_name()
    if "--debug" in sys.argv[1:2]:
        os.environ["SHOPLAKE_DEBUG"] = "1"
    library_logs.to_file("shoplake")
    with live_lineage.sending():
        exit_code = _exit_code()
    if invocation.IN_BACKGROUND in os.environ:
        from shoplake import background

        background.ended(exit_code)
    sys.exit(exit_code)


def _exit_code() -> int:
    """Run the command line, print its error if it has one, and return the exit code."""
    try:
        return int(app(prog_name="shoplake", standalone_mode=False) or 0)
    except error_output.Refused as refused:
        if not refused.format_message():  # a command is missing: print the help
            refused.show()
            return int(refused.exit_code)
        error = error_output.of_command_line(refused)
        error_output.show(error)
        return error.exit_code
    except typer.Abort:
        print("interrupted; run the same command again to continue", file=sys.stderr)
        return Interrupted.exit_code
    except ShoplakeError as error:
        if os.environ.get("SHOPLAKE_DEBUG"):
            raise
        error_output.show(error)
        return error.exit_code


if __name__ == "__main__":
    main()
