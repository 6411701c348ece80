"""`shoplake profile`: what the columns of a dataset hold, and how two profiles differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shoplake.quality.profiles import ColumnProfile, Profile

BLOCKS = " ▁▂▃▄▅▆▇█"
DEFAULT = "show"


class WithDefault(TyperGroup):
    """A group whose first word may be a dataset in place of a command: `profile orders` is `profile show orders`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer keeps the class to itself
        """Put the default command before a word that is no command."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=WithDefault, no_args_is_help=True)
Environment = Annotated[str, typer.Option(help="Environment to use.")]
Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON.")]
Dataset = Annotated[str, typer.Argument(help="Full name, or a short one that is unique: fct_orders.")]


@app.callback()
def options() -> None:
    """Profile a dataset: `shoplake profile DATASET`. Profiles are kept, so that two can be compared.

    Example: shoplake profile gold.fct_orders
    """


@app.command(DEFAULT)
def show(dataset: Dataset, json: Json = False, environment: Environment = "local") -> None:
    """Profile a dataset now: type, nulls, distinct values, extremes, mean, quantiles, top values, histogram.

    Of personal columns only counts are taken. `shoplake profile DATASET` is the short form.

    Example: shoplake profile show gold.fct_orders --json
    """
    import json as jsonlib

    from shoplake.environments import connect
    from shoplake.quality import history, profiles, workspace
    from shoplake.quality import run as runs
    from shoplake.quality.map_facts import facts_of
    from shoplake.terminal import to_stderr

    started_at = runs.now()
    facts = facts_of(runs.collected().keys)
    name = facts.full_name(dataset)
    settings = connect(environment, ())
    with workspace.opened(settings, environment, to_stderr) as opened:
        profile = profiles.profiled(opened, name, facts)
    run = runs.new_id(started_at)
    with history.opened(settings) as kept:
        kept.add_profile(run, name, started_at, profile.as_json())
    if json:
        print(jsonlib.dumps({"run": run, **profile.as_json()}, ensure_ascii=False))
    else:
        _print(profile)
        print(f"{name}: {profile.rows:,} rows (run {run})")


@app.command("diff")
def diff(
    dataset: Dataset,
    run_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN RUN]", help="Ids of two profiles, or their beginnings.")
    ] = None,
    json: Json = False,
    environment: Environment = "local",
) -> None:
    """Show what differs between two profiles of a dataset; the two newest if no runs are given.

    Example: shoplake profile diff gold.fct_orders
    """
    import dataclasses
    import json as jsonlib

    from shoplake.environments import connect
    from shoplake.errors import UnknownName, UsageError
    from shoplake.quality import history, profiles
    from shoplake.quality.map_facts import facts_of
    from shoplake.text_tables import print_rows

    names = run_ids or []
    if len(names) not in (0, 2):
        raise UsageError(f"expected two runs or none, found {len(names)}", fix=f"`shoplake profile diff {dataset}`")
    name = facts_of({}).full_name(dataset)
    with history.opened(connect(environment, {"postgres"})) as kept:
        stored = kept.profiles(name)
    try:
        (before, old), (after, new) = profiles.chosen(stored, names)
    except LookupError as error:
        known = ", ".join(run for run, *_ in stored) or "none"
        raise UnknownName(f"{name}: {error}; profiles: {known}", fix=f"`shoplake profile {name}` makes one") from error
    found = list(profiles.changes(old, new))
    if json:
        print(jsonlib.dumps({"before": before, "after": after, "changes": [dataclasses.asdict(one) for one in found]}))
        return
    if found:
        print_rows(
            ("column", "measure", before, after),
            [(one.column, one.measure, one.before, one.after) for one in found],
        )
    else:
        print(f"{name}: no difference between {before} and {after}")


def _print(profile: Profile) -> None:
    from shoplake.text_tables import print_rows

    columns = ("column", "type", "nulls", "distinct", "min", "median", "mean", "max", "histogram", "top values")
    print_rows(columns, [_row(one, profile.rows) for one in profile.columns])


def _row(one: ColumnProfile, rows: int) -> Sequence[str]:
    from shoplake.quality.profiles import QUANTILES

    def short(text: str | None) -> str:
        return "" if text is None else text if len(text) <= 24 else text[:23] + "…"

    median = f"{one.quantiles[QUANTILES.index(0.5)]:,.6g}" if one.quantiles else ""
    about = "~" if one.is_estimate else ""
    return (
        one.name,
        short(one.type),
        f"{one.nulls / rows:.1%}" if rows and one.nulls else "",
        "" if one.distinct is None else f"{about}{one.distinct:,}",
        "personal" if one.personal else short(one.min),
        median,
        "" if one.mean is None else f"{one.mean:,.6g}",
        short(one.max),
        bars(one.histogram),
        ", ".join(f"{short(value)} {count / rows:.0%}" for value, count in one.top[:3]),
    )


def bars(counts: Sequence[int]) -> str:
    """A histogram in one line, a block for each bin. A bin with few rows is never empty."""
    most = max(counts, default=0)
    return "".join(BLOCKS[-(-count * (len(BLOCKS) - 1) // most)] if most else BLOCKS[0] for count in counts)
