"""Pages of dashboards: they have the figures, load nothing, and say whether they are proved."""

from __future__ import annotations

import html.parser
import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from shoplake.dashboards import charts, page, proof
from shoplake.dashboards.figures import Boards, Figure, Filled
from shoplake.map.readers.dashboards import Chart, Dashboard, Panel
from shoplake.positions import Place, Positions
from shoplake.run_log import RunRecord
from shoplake.warehouse.metrics import definitions

AT = Positions({Place("orders", 0): 12, Place("orders", 1): 7, Place("clicks", 0): 0})
DAYS = [date(2026, 6, day) for day in range(1, 5)]


def figure(metric: str, chart: Chart, by: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Figure:
    known = definitions.of_project().metric(metric)
    panel = Panel(name="one", title="One", metric=metric, chart=chart, by=tuple(by))
    return Figure(panel, known, (*dict.fromkeys((*by, *known.always_by)), metric), rows)


def shown(*figures: Figure, proved: proof.Proof | None = None) -> str:
    dashboard = Dashboard(
        title="Sales", description="All of it.", owner="finance", panels=tuple(one.panel for one in figures)
    )
    return page.pages(Boards([Filled("sales", dashboard, figures)], AT), proved, "local")["sales.html"]


class Elements(html.parser.HTMLParser):
    """The names of the elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names, self.attributes = set[str](), set[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def raw_figures(text: str) -> list[str]:
    return re.findall(r'<data value="([^"]*)">', text)


def verification(**changes: Any) -> RunRecord:
    fields = {"state": "COMPLETE", "job": "verify", "run": "r", "time_ms": 1_780_000_000_000, "environment": "local"}
    counts = {"rows": 40, "wrong": 0, "hidden": 0}
    return RunRecord(
        **(fields | {"pid": 1, "started": 1, "counts": counts, "positions": AT.as_json()} | changes)  # type: ignore[arg-type]
    )


def test_money_is_shown_in_major_units_of_each_currency() -> None:
    text = shown(figure("revenue", "number", [], [("EUR", 123_456), ("JPY", 5_000)]))
    assert "<b>1,234.56 EUR</b><b>5,000 JPY</b>" in text


def test_money_of_all_currencies_is_shown_in_euros() -> None:
    assert "<b>1,234.56 EUR</b>" in shown(figure("revenue_eur", "number", [], [(123_456,)]))
    by_day = shown(figure("revenue_eur", "line", ["day"], [(DAYS[0], 123_456), (DAYS[1], 200_000)]))
    assert '<data value="200000">2,000.00 EUR</data>' in by_day
    assert raw_figures(by_day) == ["123456", "200000"]


def test_a_page_has_every_figure_and_draws_it() -> None:
    rows = [(day, "phone", number / 8) for number, day in enumerate(DAYS)] + [(DAYS[0], None, None)]
    text = shown(figure("conversion", "line", ["day", "device"], rows))
    assert raw_figures(text) == ["0.0", "0.125", "0.25", "0.375", ""]
    assert text.count("<svg") == 1
    assert "2026-06-02, phone: 12.50%" in text
    assert "(none)" in text
    assert "var(--second)" in text


def test_a_name_with_html_in_it_is_text() -> None:
    rows = [("<script>alert(1)</script>", 3), ('" onload="x', 2)]
    found = Elements()
    found.feed(shown(figure("orders", "bar", ["country"], rows)))
    assert "svg" in found.names
    assert "script" not in found.names
    assert "onload" not in found.attributes


def test_a_page_loads_nothing() -> None:
    one = shown(figure("orders", "line", ["day"], [(day, 1) for day in DAYS]))
    assert not re.search(r"""(src|href)=["'](?!#|[\w-]+\.html)""", one.replace('href="#', ""))
    assert "url(" not in one
    assert "default-src 'none'" in one


def test_more_series_and_bars_than_can_be_drawn_are_in_the_table() -> None:
    rows = [(f"campaign {n}", device, 100 - n) for n in range(30) for device in "abcdefgh"]
    one = figure("sessions", "bar", ["campaign", "device"], rows)
    assert len(charts.series(one)) == len(charts.COLOURS)
    assert charts.not_drawn(one) == 2 + 10
    text = shown(one)
    assert len(raw_figures(text)) == 240
    assert "12 more series or bars are in the table only" in text


def test_a_heatmap_has_a_cell_for_each_pair() -> None:
    rows = [(number, date(2026, 6, 1), 1 / (number + 1)) for number in range(3)]
    text = shown(figure("retention", "heatmap", ["month_number", "month"], rows))
    assert len(re.findall(r'aria-label="[0-2], 2026-06-01: ', text)) == 3


def test_a_panel_without_rows_says_so() -> None:
    text = shown(figure("orders", "line", ["day"], []), figure("revenue", "number", [], []))
    assert "No rows." in text
    assert "<b>–</b>" in text


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([], "not proved"),
        ([verification()], "proved"),
        ([verification(counts={"rows": 40, "wrong": 2, "hidden": 0})], "wrong"),
        ([verification(counts={"rows": 40, "wrong": 0, "hidden": 1})], "wrong"),
        ([verification(counts={"rows": 40, "wrong": 2}), verification(time_ms=1_780_000_100_000)], "proved"),
        ([verification(environment="dev")], "not proved"),
        ([verification(state="FAIL")], "not proved"),
        ([verification(positions="")], "not proved"),
        ([verification(positions=Positions({Place("orders", 0): 13}).as_json())], "not proved"),
        ([verification(job="quality")], "not proved"),
    ],
)
def test_figures_are_proved_by_a_verification_at_their_positions(records: list[RunRecord], said: str) -> None:
    found = proof.newest("local", AT, records)
    text = shown(figure("orders", "number", [], [(3,)]), proved=found)
    assert re.findall(r'<a class="mark \w+" href="#proof">([^<]*)</a>', text) == [said]
