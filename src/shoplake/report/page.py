"""The page around the charts: one file of HTML that loads nothing."""

from __future__ import annotations

import html
from collections.abc import Sequence
from importlib import resources

from shoplake.report.charts import svg
from shoplake.report.panel import Panel
from shoplake.report.panels.counts import Counts, Row


def page(title: str, description: str, counts: Counts, panels: Sequence[Panel]) -> str:
    """The whole document.

    Args:
        title: of the page.
        description: below it, one sentence per line.
        counts: for the figures at the top and the table at the end.
        panels: what is to be seen.

    Raises:
        UsageError: the library that draws is not installed.
    """
    style = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    figures = "".join(f"<li><b>{_text(value)}</b> {_text(what)}</li>" for value, what in counts.figures())
    lines = "<br>".join(_text(line) for line in description.splitlines())
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'<header>\n<h1>{_text(title)}</h1>\n<p>{lines}</p>\n<ul class="figures">{figures}</ul>\n</header>\n<main>\n'
        + "".join(_section(panel) for panel in panels)
        + _table(counts.rows(), counts.days)
        + "</main>\n</body>\n</html>\n"
    )


def _section(panel: Panel) -> str:
    charts = "".join(f"<figure>{svg(spec, panel.title)}</figure>\n" for spec in panel.charts)
    kind = ' class="wide"' if panel.wide else ""
    return f"<section{kind}>\n<h2>{_text(panel.title)}</h2>\n{charts}<p>{_text(panel.note)}</p>\n</section>\n"


def _table(rows: Sequence[Row], days: float) -> str:
    total = sum(row.events for row in rows)
    body, topic = [], ""
    for row in rows:
        name = f'<th scope="row">{_text(row.topic)}</th>' if row.topic != topic else "<td></td>"
        topic = row.topic
        share = 100 * row.events / total if total else 0.0
        body.append(
            f"<tr>{name}<td>{_text(row.type)}</td><td>{row.events:,}</td><td>{row.events / days:,.1f}</td>"
            f'<td>{share:.2f}%</td><td><i style="width:{share:.2f}%"></i></td></tr>\n'
        )
    head = "<tr><th>topic</th><th>type</th><th>events</th><th>per day</th><th>share</th><th></th></tr>"
    return (
        f'<section class="wide">\n<h2>{total:,} events of {len(rows)} types</h2>\n<div class="scrolls"><table>\n'
        f"<thead>{head}</thead>\n<tbody>\n{''.join(body)}</tbody>\n</table></div>\n</section>\n"
    )


def _text(text: str) -> str:
    return html.escape(text)
