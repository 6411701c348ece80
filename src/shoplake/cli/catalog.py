"""`shoplake catalog`: what data there is, whose it is, and where it comes from. Only `show --checks` asks a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from shoplake.map.graph import Direction, Freshness
    from shoplake.quality.results import Report

app = typer.Typer(no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON.")]
Environment = Annotated[str, typer.Option(help="Environment to use.")]
Name = Annotated[str, typer.Argument(metavar="DATASET", help="Dataset, such as gold.fct_orders or fct_orders.")]
LINEAGE_FORMATS = ("tree", "json", "mermaid", "svg")
EXPORT_FORMATS = ("odcs", "dcat")


@app.callback()
def options() -> None:
    """Look up topics, tables, documents, keys, models and metrics: owner, columns, data class, lineage."""


@app.command("list")
def listed(
    system: Annotated[str, typer.Option(help="Only datasets of this system, such as kafka or gold.")] = "",
    owner: Annotated[str, typer.Option(help="Only datasets of this owner.")] = "",
    tag: Annotated[str, typer.Option(help="Only datasets with this tag.")] = "",
    json: Json = False,
) -> None:
    """Show all datasets with their kind, owner and data class.

    Example: shoplake catalog list --system gold
    """
    from shoplake.known_names import require_known
    from shoplake.map import project
    from shoplake.map.graph import SYSTEMS
    from shoplake.map.views.description import summary
    from shoplake.text_tables import print_rows

    graph = project.graph()
    every = list(graph.datasets.values())
    for what, given, names in (
        ("system", system, SYSTEMS),
        ("owner", owner, sorted({one.owner for one in every})),
        ("tag", tag, sorted({name for one in every for name in one.tags})),
    ):
        if given:
            require_known(what, given, names)
    found = [
        one for one in every if system in ("", one.system) and owner in ("", one.owner) and (not tag or tag in one.tags)
    ]
    if json:
        _print_json({"datasets": [summary(one) for one in found]})
        return
    rows = [
        (one.id, one.kind, one.owner, one.data_class, len(one.fields), _first_sentence(one.description))
        for one in found
    ]
    print_rows(("dataset", "kind", "owner", "class", "columns", "description"), rows)


@app.command("show")
def show(
    name: Name,
    checks: Annotated[
        bool, typer.Option("--checks", help="Also show its newest checks and number of rows, from Postgres.")
    ] = False,
    json: Json = False,
    environment: Environment = "local",
) -> None:
    """Show one dataset: description, owner, freshness objective, columns with their data class, and its neighbours.

    Example: shoplake catalog show fct_orders --checks
    """
    from shoplake.map import names, project
    from shoplake.map.views.description import complete, neighbours
    from shoplake.text_tables import print_rows

    graph = project.graph()
    dataset = names.reference(graph, name).dataset
    checked = _newest_checks(dataset.id, environment) if checks else None
    if json:
        _print_json(complete(graph, dataset) | ({"checks": checked and checked.as_json()} if checks else {}))
        return
    up, down = neighbours(graph, dataset.id, "up"), neighbours(graph, dataset.id, "down")
    facts = {
        "dataset": dataset.id,
        "kind": dataset.kind,
        "description": dataset.description,
        "owner": dataset.owner,
        "tags": ", ".join(dataset.tags),
        "data class": dataset.data_class,
        "grain": dataset.grain,
        "unit": dataset.unit,
        "address": dataset.address,
        "freshness": _freshness_text(dataset.freshness),
        "declared in": dataset.source,
        "comes from": ", ".join(up),
        "goes to": ", ".join(down),
        "checks": _checks_text(checked) if checks else "",
    }
    for label, text in facts.items():
        if text:
            print(f"{label:<12} {text}")
    if dataset.fields:
        print()
        print_rows(
            ("column", "type", "key", "class", "description"),
            [(one.name, one.type, "key" if one.key else "", one.data_class, one.description) for one in dataset.fields],
        )
    if checked:
        print()
        print_rows(
            ("check", "outcome", "rows", "failing", "detail"),
            [(one.check, one.outcome, one.rows, one.failing, one.detail) for one in checked.results],
        )


def _newest_checks(dataset: str, environment: str) -> Report | None:
    from shoplake.environments import connect
    from shoplake.quality import history

    with history.opened(connect(environment, {"postgres"})) as opened:
        return opened.of_dataset(dataset)


def _checks_text(checked: Report | None) -> str:
    if checked is None:
        return "none yet; `shoplake quality run` runs them"
    counts = ", ".join(f"{number} {outcome}" for outcome, number in checked.counts.items() if number)
    rows = max((one.rows for one in checked.results if one.rows is not None), default=None)
    size = "" if rows is None else f", {rows:,} rows"
    return f"{counts}{size} on {checked.started_at:%Y-%m-%d %H:%M} UTC (run {checked.run})"


@app.command("search")
def search(
    words: Annotated[list[str], typer.Argument(help="Words that a dataset or column has in its name or description.")],
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Hits to print at most.")] = 20,
    json: Json = False,
) -> None:
    """Find datasets and columns that have all of some words, the best first. Exits 1 if there are none.

    Example: shoplake catalog search customer email
    """
    from shoplake.map import project
    from shoplake.map.views.search import as_json, index
    from shoplake.text_tables import print_rows

    text = " ".join(words)
    searched = index(project.graph())
    hits = [as_json(hit) for hit in searched.search(text, limit)]
    if json:
        _print_json({"hits": hits})
    elif hits:
        columns = ("name", "kind", "owner", "data_class", "description")
        print_rows(columns, [tuple(hit[column] for column in columns) for hit in hits])
    if not hits:
        near = searched.nearest(text)
        typer.echo(f"nothing has the words '{text}'{f'; did you mean: {near}' if near else ''}", err=True)
        raise typer.Exit(1)


@app.command("lineage")
def lineage(
    name: Annotated[str, typer.Argument(metavar="DATASET[.COLUMN]", help="Dataset or column.")],
    up: Annotated[bool, typer.Option("--up", help="Only what it comes from.")] = False,
    down: Annotated[bool, typer.Option("--down", help="Only what it goes to.")] = False,
    depth: Annotated[int | None, typer.Option(min=1, help="Steps to follow at most. All if empty.")] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="|".join(LINEAGE_FORMATS), help="How it is printed; JSON is one line.")
    ] = "tree",
) -> None:
    """Show where a dataset or a column comes from, and where it goes to.

    `condition` marks a column that only decides which rows count.

    Example: shoplake catalog lineage metrics.revenue.value --up
    """
    from shoplake.known_names import require_known
    from shoplake.map import names, project
    from shoplake.map.views.lineage import Lineage
    from shoplake.map.views.lineage_picture import svg

    require_known("format", form, LINEAGE_FORMATS)
    graph = project.graph()
    wanted: dict[Direction, bool] = {"up": up, "down": down}
    directions = [one for one in wanted if wanted[one] or up == down]
    found = Lineage(graph, str(names.reference(graph, name)), directions, depth)
    if form == "json":
        _print_json(found.as_json())
    elif form == "svg":
        print(svg(found))
    else:
        for line in found.tree() if form == "tree" else found.mermaid():
            print(line)


@app.command("impact")
def impact(
    name: Annotated[str, typer.Argument(metavar="DATASET.COLUMN", help="Column that is to be changed.")],
    json: Json = False,
) -> None:
    """Show every column that a change of a column would touch, and who owns it.

    A name that several datasets have means the one that the others come from.

    Example: shoplake catalog impact orders.total_cents
    """
    from shoplake.map import project
    from shoplake.map.views import impact as views
    from shoplake.terminal import counted
    from shoplake.text_tables import print_rows

    graph = project.graph()
    found = views.of(graph, views.source_column(graph, name))
    if json:
        touched = [
            {
                "column": one.dataset.column(one.column),
                "owner": one.dataset.owner,
                "condition": one.condition,
                "jobs": list(one.jobs),
            }
            for one in found.touched
        ]
        _print_json({"changed": str(found.changed), "touched": touched, "owners": found.owners})
        return
    if found.touched:
        print_rows(
            ("column", "kind", "owner", "effect", "job"),
            [
                (
                    one.dataset.column(one.column),
                    one.dataset.kind,
                    one.dataset.owner,
                    "which rows count" if one.condition else "value",
                    ", ".join(one.jobs),
                )
                for one in found.touched
            ],
        )
    datasets = len({one.dataset.id for one in found.touched})
    touches = f"a change of {found.changed} touches {counted(len(found.touched), 'column')}"
    print(f"{touches} in {counted(datasets, 'dataset')}{_owned_by(found.owners)}")


@app.command("export")
def export(
    name: Annotated[str, typer.Argument(metavar="[DATASET]", help="Dataset. All if empty.")] = "",
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="|".join(EXPORT_FORMATS),
            help="odcs: data contracts of the Open Data Contract Standard, as YAML. dcat: a catalogue, as JSON-LD.",
        ),
    ] = "odcs",
) -> None:
    """Print the description of datasets in an open format. ODCS has one YAML document for each dataset.

    Example: shoplake catalog export fct_orders --format odcs
    """
    import json as jsonlib

    import yaml

    from shoplake.known_names import require_known
    from shoplake.map import names, project
    from shoplake.map.views import exports

    require_known("format", form, EXPORT_FORMATS)
    graph = project.graph()
    datasets = exports.exported(graph, [names.dataset(graph, name).id] if name else [])
    if form == "dcat":
        print(jsonlib.dumps(exports.dcat(graph, datasets), indent=2, ensure_ascii=False))
        return
    contracts = [exports.odcs(graph, one) for one in datasets]
    print(yaml.safe_dump_all(contracts, sort_keys=False, allow_unicode=True, width=120), end="")


def _first_sentence(text: str) -> str:
    return text.split(". ")[0].removesuffix(".")


def _freshness_text(freshness: Freshness) -> str:
    parts = {"newest event": freshness.event_time_s, "last write": freshness.arrival_s}
    return ", ".join(f"{what} at most {_duration(age)} ago" for what, age in parts.items() if age is not None)


def _duration(seconds: int) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0 and seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _owned_by(owners: list[str]) -> str:
    return f", owned by {', '.join(owners)}" if owners else ""


def _print_json(value: Any) -> None:  # noqa: ANN401 - anything that JSON has
    import json

    print(json.dumps(value, ensure_ascii=False))
