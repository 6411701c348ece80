"""`shoplake trace`: from a figure back to its events in the log."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shoplake.warehouse.trace import Revenue

app = typer.Typer(no_args_is_help=True)


@app.callback()
def options() -> None:
    """Go from a figure of the warehouse back to its events, and to their places in the log."""


@app.command("revenue")
def revenue(
    day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Day of the figure, UTC.")],
    currency: Annotated[str, typer.Option(help="ISO 4217 code, such as EUR.")],
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    environment: Annotated[str, typer.Option(help="Environment to use.")] = "local",
) -> None:
    """Show the events behind the revenue of a day. Exits 1 if their amounts are not the figure.

    Example: shoplake trace revenue --day 2026-09-02 --currency EUR
    """
    import json as jsonlib

    from shoplake.errors import WarehouseError
    from shoplake.warehouse import trace

    found = trace.revenue(environment, day.date(), currency.upper())
    if json:
        print(jsonlib.dumps(_as_json(found)))
    else:
        _print(found)
    if not found.adds_up:
        raise WarehouseError(
            f"the events do not add up to the revenue of {found.day} in {found.currency}",
            fix="`shoplake verify --stores warehouse` names each wrong row",
        )


def _as_json(found: Revenue) -> dict[str, object]:
    import dataclasses
    import json as jsonlib

    movements = [
        {**dataclasses.asdict(one), "occurred_at": one.occurred_at.isoformat(timespec="milliseconds") + "Z"}
        for one in found.movements
    ]
    figure = {name: getattr(found, f"{name}_cents") for name in ("captured", "refunded", "charged_back", "net")}
    return {
        "day": found.day.isoformat(),
        "currency": found.currency,
        **{f"{name}_cents": cents for name, cents in figure.items()},
        "adds_up": found.adds_up,
        "events": movements,
        "positions": jsonlib.loads(found.positions.as_json()),
    }


def _print(found: Revenue) -> None:
    from shoplake.terminal import counted
    from shoplake.text_tables import print_rows

    rows = [
        (one.event_type.removeprefix("payment_"), one.amount_cents, one.payment_id, f"{one.partition}@{one.offset}")
        for one in found.movements
    ]
    print_rows(("event", "cents", "payment", "place"), rows)
    print(
        f"{found.day} {found.currency}: net {found.net_cents:,} cents = captured {found.captured_cents:,}"
        f" - refunded {found.refunded_cents:,} - charged back {found.charged_back_cents:,},"
        f" from {counted(len(found.movements), 'event')}"
    )
    print(f"as of {found.positions}")
