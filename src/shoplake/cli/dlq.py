"""`shoplake dlq`: list, replay and discard dead letters, the records that do not match the contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shoplake.cli import timestamps
from shoplake.terminal import counted

if TYPE_CHECKING:
    from shoplake.streaming.dead_letters.replay import Result
    from shoplake.streaming.dead_letters.router import DeadLetter
    from shoplake.streaming.dead_letters.store import Filter, Found, Outcome, State

SHOWN_REFUSALS = 20

app = typer.Typer(no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(help="Names of dead letters, e.g. clicks-0-17. Default: all.")]
Reason = Annotated[
    list[str] | None,
    typer.Option(help="Only this reason: malformed_json, schema, key, partition. Repeatable."),
]
Topic = Annotated[
    list[str] | None,
    typer.Option(help="Only this topic: customers, products, orders, inventory, clicks, reviews. Repeatable."),
]
Since = Annotated[str, typer.Option(help="Events since this time: 2024-01-31, 2024-01-31T12:00Z, or 24h or 7d ago.")]
Until = Annotated[str, typer.Option(help="Events before this time.")]
States = Annotated[list[str] | None, typer.Option(help="Only dead letters in this state. Repeatable.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done. Nothing is changed.")]
Environment = Annotated[str, typer.Option(help="Environment to use.")]


@app.callback()
def options() -> None:
    """List, replay and discard dead letters: records that do not match the contract. None is ever deleted."""


@app.command("list")
def list_letters(
    names: Names = None,
    reason: Reason = None,
    topic: Topic = None,
    since: Since = "",
    until: Until = "",
    state: States = None,
    limit: Annotated[int, typer.Option(min=0, help="Maximum number of dead letters to show.")] = 100,
    json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON per dead letter, in the format of `replay --values`.")
    ] = False,
    environment: Environment = "local",
) -> None:
    """List dead letters and count them by topic and reason. Without --state, only open ones.

    Example: shoplake dlq list --topic orders --reason schema --since 2024-01-01
    """
    import asyncio
    from dataclasses import replace

    from shoplake import environments
    from shoplake.streaming.dead_letters import store as letters
    from shoplake.streaming.dead_letters.originals import with_full_values

    wanted = _filter(names, reason, topic, since, until, state or ["open"])

    async def look() -> tuple[Found, dict[str, Outcome]]:
        outcomes = await letters.read_outcomes(cluster)
        found = await letters.find(cluster, wanted, outcomes, limit=limit)
        return (replace(found, letters=await with_full_values(cluster, found.letters)) if json else found), outcomes

    cluster = environments.kafka_cluster(environment)
    found, outcomes = asyncio.run(look())
    if json:
        for letter in found.letters:
            _print_json(_document(letter, outcomes))
    else:
        _print_found(found, outcomes)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="Name of the dead letter, e.g. clicks-0-17.")],
    json: Json = False,
    environment: Environment = "local",
) -> None:
    """Show all of one dead letter: source offset, reason, content and current state.

    Example: shoplake dlq show clicks-0-17
    """
    import asyncio

    from shoplake import environments
    from shoplake.errors import UnknownName
    from shoplake.streaming.dead_letters import store as letters
    from shoplake.streaming.dead_letters.originals import with_full_values

    cluster = environments.kafka_cluster(environment)
    wanted = letters.Filter(states=frozenset(), names=frozenset({name}))
    outcomes = asyncio.run(letters.read_outcomes(cluster))
    found = asyncio.run(letters.find(cluster, wanted, outcomes, limit=1))
    if not found.letters:
        raise UnknownName(f"there is no dead letter '{name}'", fix="`shoplake dlq list` lists their names")
    (letter,) = asyncio.run(with_full_values(cluster, found.letters))
    document = _document(letter, outcomes)
    if json:
        _print_json(document)
        return
    for field, value in (document | {"time": timestamps.local(found.letters[0].timestamp_ms)}).items():
        typer.echo(f"{field + ':':14}{value}")


@app.command("replay")
def replay(
    names: Names = None,
    reason: Reason = None,
    topic: Topic = None,
    since: Since = "",
    until: Until = "",
    state: States = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Set a field: path=JSON or path=text, e.g. lines[0].quantity=1."),
    ] = None,
    rename: Annotated[list[str] | None, typer.Option(help="Rename a field: path=name.")] = None,
    unset: Annotated[list[str] | None, typer.Option(help="Remove a field.")] = None,
    values: Annotated[
        Path | None, typer.Option(help='File of JSON lines {"letter": name, "value": event} with corrected events.')
    ] = None,
    dry_run: DryRun = False,
    json: Json = False,
    environment: Environment = "local",
) -> None:
    """Correct the events of open dead letters and publish them again, each exactly once.

    Events that match the contract go to the topic of their type. The others stay open, and the exit code is 1. It is
    safe to stop and repeat the command.

    Example: shoplake dlq replay --topic orders --rename amount=amount_cents --set currency=EUR
    """
    import asyncio

    from shoplake import environments
    from shoplake.cli.progress import counting_up
    from shoplake.streaming.dead_letters import repair
    from shoplake.streaming.dead_letters.replay import replay

    new_values = repair.read_values(values) if values else {}
    if new_values and not names:
        names = sorted(new_values)
    wanted = _filter(names, reason, topic, since, until, state or ["open"])
    corrections = repair.Repair(repair.parse_changes(set_ or (), rename or (), unset or ()), new_values)
    cluster = environments.kafka_cluster(environment)
    with counting_up("dead letters") as watch:
        result = asyncio.run(replay(cluster, wanted, corrections, dry_run=dry_run, watch=watch))
    _report(result, "replayed", json, dry_run=dry_run)


@app.command("discard")
def discard(
    names: Names = None,
    reason: Reason = None,
    topic: Topic = None,
    since: Since = "",
    until: Until = "",
    note: Annotated[str, typer.Option(help="Reason, stored with the dead letter.")] = "",
    every: Annotated[
        bool, typer.Option("--all", help="Discard all open dead letters. Required if no other option selects some.")
    ] = False,
    dry_run: DryRun = False,
    json: Json = False,
    environment: Environment = "local",
) -> None:
    """Mark open dead letters as discarded. Nothing is deleted.

    `replay --state discarded` publishes them later.

    Example: shoplake dlq discard --reason malformed_json --until 2024-02-01 --note "a broken till"
    """
    import asyncio

    from shoplake import environments
    from shoplake.cli.progress import counting_up
    from shoplake.errors import UsageError
    from shoplake.streaming.dead_letters.replay import discard

    if not (names or reason or topic or since or until or every):
        raise UsageError(
            "expected a selection of dead letters, found none", fix="give names, a filter option, or --all"
        )
    wanted = _filter(names, reason, topic, since, until, ["open"])
    cluster = environments.kafka_cluster(environment)
    with counting_up("dead letters") as watch:
        result = asyncio.run(discard(cluster, wanted, note, dry_run=dry_run, watch=watch))
    _report(result, "discarded", json, dry_run=dry_run)


def _filter(
    names: list[str] | None,
    reasons: list[str] | None,
    topics: list[str] | None,
    since: str,
    until: str,
    states: list[str],
) -> Filter:
    from shoplake.streaming.dead_letters import store as letters

    return letters.filter_of(
        names=names or (), reasons=reasons or (), topics=topics or (), since=since, until=until, states=states
    )


def _document(letter: DeadLetter, outcomes: dict[str, Outcome]) -> dict[str, Any]:
    outcome = outcomes.get(letter.name)
    document = {
        "letter": letter.name,
        "state": outcome.state if outcome else "open",
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "key": letter.key,
        "time": timestamps.utc(letter.timestamp_ms),
        "reason": letter.reason,
        "detail": letter.detail,
        "contract": letter.contract,
        "value": letter.value.decode(errors="replace"),
    }
    if letter.value_cut:
        document["value_bytes"] = letter.value_cut.size_bytes  # the full size; `value` is the beginning
    if letter.key_base64:
        document["key_base64"] = letter.key_base64
    if letter.key_cut:
        document["key_bytes"] = letter.key_cut.size_bytes
    if outcome:
        document |= {"replayed_as": outcome.replayed_as} if outcome.replayed_as else {}
        document |= {"note": outcome.note} if outcome.note else {}
    return document


def _print_json(document: dict[str, Any]) -> None:
    import json

    print(json.dumps(document, ensure_ascii=False))


def _print_found(found: Found, outcomes: dict[str, Outcome]) -> None:
    """Print one line per dead letter in order of time, cut at the terminal's width, and the counts."""
    from rich.console import Console
    from rich.text import Text

    from shoplake.text_tables import table

    console = Console()
    if found.letters:
        letters = table("dead letter", "time", "event", "reason")
        rows = []
        for letter in sorted(found.letters, key=lambda letter: letter.timestamp_ms):
            document = _document(letter, outcomes)
            time = timestamps.local(letter.timestamp_ms).rpartition(" ")[0]
            rows.append((document["letter"], time, _event_type(document["value"]), document["detail"]))
        taken = sum(max(len(row[column]) for row in rows) + 2 for column in range(3))
        for *short, detail in rows:
            why = Text(" ".join(detail.split()))
            why.truncate(max(10, console.width - taken - 1), overflow="ellipsis")
            letters.add_row(*map(Text, short), why)
        console.print(letters)
    if found.counts:
        counts = table("topic", "reason", "state", numbers=("count",))
        for (topic, reason, state), count in sorted(found.counts.items()):
            counts.add_row(topic, reason, state, f"{count:,}")
        console.print(counts)
    console.print(f"{counted(found.total, 'dead letter')}, {len(found.letters):,} shown", markup=False, highlight=False)


def _event_type(value: str) -> str:
    """Return the event type in a rejected value, or a question mark if there is none."""
    import re

    found = re.search(r'"type"\s*:\s*"([a-z_]{1,40})"', value)
    return found[1] if found else "?"


def _report(result: Result, what: State, as_json: bool, *, dry_run: bool) -> None:
    """Print the result. Exit 1 if a dead letter did not reach the requested state."""
    unchanged = [outcome for outcome in result.settled if outcome.state != what]
    if as_json:
        refusals = [{"letter": r.letter, "reason": r.reason, "detail": r.detail} for r in result.refusals]
        settled = [{"letter": o.letter, "state": o.state, "replayed_as": o.replayed_as} for o in result.settled]
        _print_json({"done": result.done, "refused": result.refused, "refusals": refusals, "settled": settled})
    else:
        none = "" if result.done or result.refused or result.settled else ": no dead letter matches"
        typer.echo(f"{counted(result.done, 'dead letter')} {'would be ' if dry_run else ''}{what}{none}")
        for outcome in result.settled[:SHOWN_REFUSALS]:
            typer.echo(_earlier_outcome(outcome, what))
        if len(result.settled) > SHOWN_REFUSALS:
            typer.echo(f"and {len(result.settled) - SHOWN_REFUSALS:,} more were replayed or discarded earlier")
        for refusal in result.refusals[:SHOWN_REFUSALS]:
            typer.echo(f"{refusal.letter} stays open: {refusal.reason}: {refusal.detail}")
        if result.refused > SHOWN_REFUSALS:
            more = result.refused - SHOWN_REFUSALS
            typer.echo(f"and {more:,} more {'stays' if more == 1 else 'stay'} open")
    raise typer.Exit(1 if result.refused or unchanged else 0)


def _earlier_outcome(outcome: Outcome, wanted: State) -> str:
    """Describe what an earlier command did with a dead letter, and how to undo it."""
    done = "already " if outcome.state == wanted else ""
    replayed_as = f", as {outcome.replayed_as}" if outcome.replayed_as else ""
    advice = "; `replay --state discarded` publishes it" if wanted == "replayed" and not done else ""
    return f"{outcome.letter} was {done}{outcome.state}{replayed_as}{advice}"
