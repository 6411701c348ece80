"""`shoplake verify`: check that every store matches the log exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shoplake.verify import Report
    from shoplake.verify.report import Explanation, StoreResult
    from shoplake.verify.stores import Store

SHOWN_PER_STORE = 20


def command(
    stores: Annotated[
        str,
        typer.Option(
            help="Comma-separated: log, lake, postgres, dynamodb, mongo, redis, dead_letters, warehouse. All if empty;"
            " warehouse only if one was built."
        ),
    ] = "",
    explain: Annotated[
        str,
        typer.Option(
            metavar="KEY",
            help="Also show the rows with this key, expected and found, and their events. A key as in a finding"
            " (o1/c1), or one id of it.",
        ),
    ] = "",
    through: Annotated[
        str,
        typer.Option(
            metavar="api",
            help="Verify the customers, orders and products that the running API answers, not the stores.",
        ),
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    environment: Annotated[str, typer.Option(help="Environment to use.")] = "local",
) -> None:
    """Check that every store matches the log exactly. Exits 1 if one does not.

    It counts expected, found, lost, duplicated and differing rows.

    Example: shoplake verify --stores postgres,redis
    """
    import asyncio
    import functools
    import json as jsonlib
    import sys

    import msgspec

    from shoplake import malloc_tuning, open_transactions
    from shoplake.environments import LOG, connect
    from shoplake.errors import VerifyFailed
    from shoplake.verify import named, verify

    malloc_tuning.return_freed_memory()
    names = [name.strip() for name in stores.split(",") if name.strip()] or None
    readers = _readers(through, names)
    settings = connect(environment, (LOG,) if readers else (LOG, *named(names)))
    progress = functools.partial(print, file=sys.stderr)
    report = asyncio.run(verify(settings, names, progress, explain=explain or None, through=readers))
    if json:
        document = {
            "ok": report.ok,
            "seconds": report.seconds,
            "stores": report.as_json(),
            "findings": report.findings_as_json(),
        }
        if report.hidden:
            document["open_transactions"] = list(report.hidden)
        if report.explanation:
            document["explanation"] = msgspec.to_builtins(report.explanation)
        print(jsonlib.dumps(document, ensure_ascii=False))
    else:
        _print(report)
    if report.hidden:
        behind = "\n".join(report.hidden)
        raise VerifyFailed(f"part of the log could not be read:\n{behind}", fix=open_transactions.FIX)
    if not report.ok:
        wrong = ", ".join(store.name for store in report.stores if not store.ok)
        raise VerifyFailed(
            f"not exact: {wrong}",
            fix="if rows are only lost, the sinks may be behind: run `shoplake stream --until-caught-up`, then verify"
            " again; `shoplake verify --explain KEY` shows the rows and the events of one key",
        )


def _readers(through: str, stores: Sequence[str] | None) -> Mapping[str, Store]:
    """The readers that take the place of the stores; none if `through` is empty."""
    from shoplake.errors import UnknownName, UsageError

    if not through:
        return {}
    if through != "api":
        raise UnknownName(f"--through: expected api, found '{through}'", fix="`shoplake verify --through api`")
    if stores:
        raise UsageError("--through and --stores exclude each other", fix="leave out one of them")

    from shoplake.api import key_file, server
    from shoplake.api.verify_source import NAME, ApiSource

    return {NAME: ApiSource(server.address(), key_file.load())}


def omitted_note(store: StoreResult, shown: int) -> str | None:
    """Say how many findings are not shown and how many `--json` contains. None if all are shown."""
    more = max(store.wrong, len(store.findings)) - shown
    if more <= 0:
        return None
    listed = len(store.findings)
    return f"and {more:,} more; --json contains " + (
        f"the first {listed:,}" if listed < shown + more else "all of them"
    )


def _print(report: Report) -> None:
    from rich.console import Console

    from shoplake.verify.report_table import stores_table

    console = Console()
    console.print(stores_table(report))
    for store in report.stores:
        for finding in store.findings[:SHOWN_PER_STORE]:
            console.print(f"{store.name}: {finding}", markup=False, highlight=False, soft_wrap=True)
        if (more := omitted_note(store, SHOWN_PER_STORE)) is not None:
            console.print(f"{store.name}: {more}", markup=False, highlight=False)
    if report.explanation:
        _print_explanation(report.explanation)
    console.print(f"verified in {report.seconds:.1f} s")


def _print_explanation(explanation: Explanation) -> None:
    from datetime import UTC, datetime

    from shoplake.text_tables import print_rows

    for row in explanation.rows:
        print(f"{row.store}: {row.table} {row.key}: {row.expected} expected, {row.found} found")
        shown = [(c.column, c.expected, c.found, "" if c.expected == c.found else "differs") for c in row.columns]
        print_rows(("column", "expected", "found", ""), shown)
    if not explanation.rows:
        print(f"no row of the verified stores has the key '{explanation.key}'")
    events = [
        (
            one.place,
            one.type,
            f"{datetime.fromtimestamp(one.occurred_at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}",
            one.event_id,
        )
        for one in explanation.events
    ]
    if not events:
        print("no valid event has it among its ids")
        return
    print()
    print_rows(("place in the log", "event", "occurred at (UTC)", "event id"), events)
    if more := explanation.event_count - len(events):
        print(f"and {more:,} more events")
