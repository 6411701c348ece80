"""Dashboards as HTML: one file each that loads nothing, and an index."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING

from shoplake.dashboards import charts, values
from shoplake.report.charts import svg
from shoplake.terminal import counted

if TYPE_CHECKING:
    from shoplake.dashboards.figures import Boards, Figure, Filled
    from shoplake.dashboards.proof import Proof

INDEX = "index"
WIDE = ("line", "heatmap")


def pages(boards: Boards, proof: Proof | None, environment: str) -> Mapping[str, str]:
    """File name -> page: one for each dashboard, and the index.

    Raises:
        MissingExtra: the library that draws is not installed.
    """
    every = {one.name: one for one in boards.filled}
    mark, about = _mark(proof), _about(boards, proof, environment)
    found = {f"{INDEX}.html": _index(every, about)}
    for one in boards.filled:
        found[f"{one.name}.html"] = _dashboard(one, every, mark, about)
    return found


def _dashboard(one: Filled, every: Mapping[str, Filled], mark: str, about: str) -> str:
    numbers = [figure for figure in one.figures if figure.panel.chart == "number"]
    others = [figure for figure in one.figures if figure.panel.chart != "number"]
    listed = "".join(_number(figure, mark) for figure in numbers)
    strip = f'<ul class="figures">{listed}</ul>\n' if numbers else ""
    owner = f"{_text(one.dashboard.description)} Owner: {_text(one.dashboard.owner)}."
    body = f"{strip}<main>\n{''.join(_section(figure, mark) for figure in others)}{about}</main>\n"
    return _document(one.dashboard.title, owner, _links(every, one.name), body)


def _index(every: Mapping[str, Filled], about: str) -> str:
    cards = "".join(map(_card, every.values()))
    lead = "Figures of the shop, from the gold tables of the warehouse."
    return _document("Dashboards", lead, "", f"<main>\n{cards}{about}</main>\n")


def _card(one: Filled) -> str:
    link = f'<a href="{_text(one.name)}.html">{_text(one.dashboard.title)}</a>'
    lead = f"{one.dashboard.description} Owner: {one.dashboard.owner}. {counted(len(one.figures), 'panel')}."
    return f"<section>\n<h2>{link}</h2>\n<p>{_text(lead)}</p>\n</section>\n"


def _document(title: str, lead: str, links: str, body: str) -> str:
    style = "".join(
        resources.files(package).joinpath(name).read_text(encoding="utf-8")
        for package, name in (("shoplake.report", "page.css"), (__package__, "dashboards.css"))
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{_text(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<header>\n{links}<h1>{_text(title)}</h1>\n<p>{lead}</p>\n</header>\n{body}</body>\n</html>\n"
    )


def _links(every: Mapping[str, Filled], shown: str) -> str:
    listed = "".join(
        f'<a href="{_text(name)}.html"{current}>{_text(one.dashboard.title)}</a>'
        for name, one in every.items()
        for current in (' aria-current="page"' if name == shown else "",)
    )
    return f'<nav aria-label="Dashboards"><a href="{INDEX}.html">All</a>{listed}</nav>\n'


def _number(figure: Figure, mark: str) -> str:
    shown = [values.shown(figure.metric, row[-1], values.currency_of(figure, row)) for row in figure.rows] or ["–"]
    figures = "".join(f"<b>{_text(one)}</b>" for one in shown)
    return f'<li id="{_text(figure.panel.name)}">{figures}{_text(figure.panel.title)} {mark}</li>'


def _section(figure: Figure, mark: str) -> str:
    panel, spec = figure.panel, charts.spec(figure)
    drawn = f"<figure>{svg(spec, panel.title)}</figure>\n" if spec else ""
    kind = ' class="wide"' if panel.chart in WIDE else ""
    note = f"{panel.description} " if panel.description else ""
    note += figure.metric.description
    if panel.where:
        note += f" Only where {panel.where}."
    if figure.truncated:
        note += f" Only the first {len(figure.rows):,} rows are shown."
    if hidden := charts.not_drawn(figure):
        note += f" {hidden:,} more series or bars are in the table only."
    opened = " open" if panel.chart == "table" else ""
    table = _table(figure) if figure.rows else "<p>No rows.</p>"
    return (
        f'<section id="{_text(panel.name)}"{kind}>\n<h2>{_text(panel.title)} {mark}</h2>\n{drawn}<p>{_text(note)}</p>\n'
        f"<details{opened}><summary>{counted(len(figure.rows), 'row')}</summary>\n{table}</details>\n</section>\n"
    )


def _table(figure: Figure) -> str:
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in figure.columns)
    rows = "".join(_rows(figure))
    return f'<div class="scrolls"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n'


def _rows(figure: Figure) -> Sequence[str]:
    return [
        f"<tr>{''.join(f'<td>{_text(values.name(one))}</td>' for one in row[:-1])}"
        f'<td class="figure"><data value="{"" if row[-1] is None else row[-1]}">'
        f"{_text(values.shown(figure.metric, row[-1], values.currency_of(figure, row)))}</data></td></tr>\n"
        for row in figure.rows
    ]


def _mark(proof: Proof | None) -> str:
    kind, said = ("open", "not proved") if proof is None else ("exact", "proved") if proof.exact else ("wrong", "wrong")
    return f'<a class="mark {kind}" href="#proof">{said}</a>'


def _about(boards: Boards, proof: Proof | None, environment: str) -> str:
    if proof is None:
        said = "No verification has compared these tables with the log since they were published. Run shoplake verify."
    elif proof.exact:
        said = f"Verified at {proof.at:%Y-%m-%d %H:%M:%S} UTC: all {proof.rows:,} rows equal the fold of the log."
    else:
        said = (
            f"Verified at {proof.at:%Y-%m-%d %H:%M:%S} UTC: {proof.wrong:,} rows are wrong. shoplake verify names them."
        )
    since, until = boards.period.since, boards.period.until
    days = " ".join((*((f"from {since}",) if since else ()), *((f"to {until}",) if until else ()))) or "all days"
    places = sorted(boards.positions.next_offsets.items())
    listed = "".join(f"<li>{_text(str(place))} before offset {offset:,}</li>" for place, offset in places)
    return (
        f'<section class="wide" id="proof">\n<h2>Where the figures come from</h2>\n<p>{_text(said)}</p>\n'
        f"<p>Environment {_text(environment)}; {days}, UTC."
        " The gold tables contain the events of these places of the log:</p>\n"
        f'<details><summary>{counted(len(places), "partition")}</summary><ul class="places">{listed}</ul></details>\n'
        "</section>\n"
    )


def _text(text: str) -> str:
    return html.escape(text)
