"""Figures as text for people: money in major units with its currency, ratios in percent."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from shoplake.contract import minor_digits
from shoplake.dashboards.figures import CURRENCY
from shoplake.warehouse.metrics.definitions import EURO_CENTS, MONEY

if TYPE_CHECKING:
    from shoplake.dashboards.figures import Figure
    from shoplake.warehouse.metrics.definitions import Metric

RATIO = "ratio"
NONE = "(none)"


def shown(metric: Metric, value: Any, currency: str = "") -> str:  # noqa: ANN401 - a number, or None
    """A figure as text; a dash for a ratio of nothing."""
    if value is None:
        return "–"
    if metric.unit in (MONEY, EURO_CENTS):
        currency = _currency(metric, currency)
        digits = minor_digits(currency)
        return f"{value / 10**digits:,.{digits}f} {currency}"
    if metric.unit == RATIO:
        return f"{100 * value:,.2f}%"
    return f"{value:,}"


def drawn(metric: Metric, value: Any, currency: str = "") -> float | None:  # noqa: ANN401 - as above
    """A figure as a chart has it: money in major units, a ratio in percent."""
    if value is None:
        return None
    if metric.unit in (MONEY, EURO_CENTS):
        return float(value) / float(10 ** minor_digits(_currency(metric, currency)))
    return 100 * float(value) if metric.unit == RATIO else float(value)


def unit(metric: Metric) -> str:
    """The unit of what `drawn` returns."""
    return {MONEY: "units of currency", EURO_CENTS: "EUR", RATIO: "%"}.get(metric.unit, metric.unit)


def name(value: Any) -> str:  # noqa: ANN401 - whatever a dimension holds
    """A value of a dimension as text."""
    return NONE if value is None else value.isoformat() if isinstance(value, date) else str(value)


def _currency(metric: Metric, currency: str) -> str:
    return "EUR" if metric.unit == EURO_CENTS else currency


def currency_of(figure: Figure, row: tuple[Any, ...]) -> str:
    """The currency of a row; empty if the metric is no money."""
    return name(row[figure.columns.index(CURRENCY)]) if CURRENCY in figure.columns else ""
