"""Compare the largest amounts that a scenario can produce with the contract's limits.

Amounts are computed as in `prices`, `currencies` and `orders`, but with integers of any size; there they have 63 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from msgspec import inspect

from shoplake.contract import EVENTS
from shopsim.core.locales import LOCALES
from shopsim.errors import Problem
from shopsim.scenario.sections import Scenario
from shopsim.shop.carts import MAX_UNITS
from shopsim.shop.currencies import PPM, minor_rate
from shopsim.shop.prices import MAX_PRICE_PERCENT
from shopsim.shop.sessions import MAX_STEPS

_WORD = 2**63 - 1
_BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class _Bill:
    """The largest amount of an event in one currency, and the largest intermediate result of its computation."""

    amount_cents: int
    greatest: int


def problems(scenario: Scenario) -> list[Problem]:
    """Amounts that exceed the contract's limits or 64 bits, and exchange rates that round to zero."""
    if not _customer_currencies(scenario) <= _known_currencies(scenario):
        return []  # `semantic_checks` reports it
    found: list[Problem] = []
    for currency in sorted({scenario.currency, *_customer_currencies(scenario)}):
        key = _key_to_change(scenario, currency)
        if minor_rate(scenario, currency) == 0:
            expected = f"a rate that makes a minor unit of {scenario.currency} a millionth of one of {currency} or more"
            found.append(Problem(key, expected, f"{scenario.currencies[currency]:g}"))
            continue
        bill = _largest_bill(scenario, currency)
        limit = min(largest_amount(), bill.amount_cents * _WORD // max(1, bill.greatest))
        if bill.amount_cents > limit:
            what = f"an order of {MAX_STEPS} products, {MAX_UNITS} of each, costs"
            expected = f"prices at which {what} at most {limit:,} minor units of {currency}"
            found.append(Problem(key, expected, f"up to {bill.amount_cents:,}"))
    return found


@cache
def largest_amount() -> int:
    """The largest amount that all events with money allow, in minor units."""
    limits = [
        limit
        for event in EVENTS.values()
        for field in _fields(inspect.type_info(event))
        if field.name.endswith("_cents") and (limit := _limit(field)) is not None
    ]
    return min(limits)


def _customer_currencies(scenario: Scenario) -> set[str]:
    return {LOCALES[name].currency for name in scenario.customers.locales}


def _known_currencies(scenario: Scenario) -> set[str]:
    return {scenario.currency, *scenario.currencies}


def _key_to_change(scenario: Scenario, currency: str) -> str:
    """The key that the user has to change: the exchange rate, or the highest price."""
    if currency != scenario.currency:
        return f"currencies.{currency}"
    prices = [category.price_cents[1] for category in scenario.catalogue.categories]
    highest = max(range(len(prices)), key=prices.__getitem__)
    others = {name: getattr(scenario.orders, name) for name in ("shipping_cents", "free_shipping_from_cents")}
    dearest = max(others, key=others.__getitem__)
    if others[dearest] > prices[highest] * MAX_STEPS * MAX_UNITS:
        return f"orders.{dearest}"
    return f"catalogue.categories[{highest}].price_cents"


def _largest_bill(scenario: Scenario, currency: str) -> _Bill:
    highest = max(category.price_cents[1] for category in scenario.catalogue.categories) * MAX_PRICE_PERCENT // 100
    rate, orders = minor_rate(scenario, currency), scenario.orders
    products = [highest * rate, orders.free_shipping_from_cents * rate, orders.shipping_cents * rate]
    unit, _, shipping = ((product + PPM // 2) // PPM for product in products)
    if currency not in _customer_currencies(scenario):
        return _Bill(highest, highest)
    subtotal = unit * MAX_STEPS * MAX_UNITS
    net = subtotal + shipping
    taxed = net * orders.tax_basis_points + _BASIS_POINTS // 2
    total = net + taxed // _BASIS_POINTS
    return _Bill(total, max(*products, taxed, total * 100))


def _fields(kind: inspect.Type) -> list[inspect.Field]:
    """The fields of a struct and of structs in its lists."""
    if isinstance(kind, inspect.Metadata):
        return _fields(kind.type)
    if isinstance(kind, inspect.ListType):
        return _fields(kind.item_type)
    if not isinstance(kind, inspect.StructType):
        return []
    return [inner for field in kind.fields for inner in (field, *_fields(field.type))]


def _limit(field: inspect.Field) -> int | None:
    kind = field.type.type if isinstance(field.type, inspect.Metadata) else field.type
    return kind.le if isinstance(kind, inspect.IntType) else None
