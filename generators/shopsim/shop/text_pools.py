"""Pools of text, generated once per scenario and seed with Faker. Events refer to them by number.

A Faker call per event would limit the simulator to 3,500 events/s. Some pools have one section per locale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from shopsim.calendar.scenario_calendar import locales_of
from shopsim.core.locales import Locale
from shopsim.core.rng import Ints
from shopsim.scenario.sections import Category, Scenario
from shopsim.shop.names_and_addresses import faker, people

BODIES = 600
QUERIES = 400
_BRANDS = 120

_TITLES = {
    1: ("Broken on arrival", "Never again", "A waste of money", "Very disappointed", "Avoid", "Not usable"),
    2: ("Not what I expected", "Rather poor", "Below average", "Flimsy", "Could not recommend it", "Meh"),
    3: ("It is all right", "Average", "Does its job", "Mixed feelings", "Fine for the price", "So-so"),
    4: ("Good buy", "Solid", "Happy with it", "Would buy again", "Nearly perfect", "Good quality"),
    5: ("Love it", "Perfect", "Exceeded my expectations", "Best I ever had", "Absolutely great", "Five stars"),
}
_LEADS = {
    1: ("It broke within a week.", "Nothing works as described.", "The quality is terrible.", "I sent a complaint."),
    2: ("It feels cheap.", "The size is off.", "It arrived late and scratched.", "I would not buy it again."),
    3: ("It does what it says, no more.", "Some good, some bad.", "Fine, though not special.", "Usable."),
    4: ("Well made and quick to arrive.", "It works well.", "Good value.", "My family likes it."),
    5: ("I use it every day.", "Beautifully made.", "It could not be better.", "A present to myself, and a good one."),
}
TITLES_PER_RATING = 6
LEADS_PER_RATING = 4


@dataclass(frozen=True, slots=True)
class Pools:
    """Text by number: polars String series, some with one section per locale or per rating.

    Attributes:
        first_names, last_names: in written order.
        first_mails, last_mails: the same names in the form of an email address.
        street_heads, street_tails: text before and after the house number.
        postcodes, cities, countries: of each place.
        titles, leads: of reviews, `TITLES_PER_RATING` and `LEADS_PER_RATING` for each rating.
        bodies, queries, brands, colours: the same for all locales.
        categories: the scenario's categories with the nouns for product names.
    """

    first_names: pl.Series
    last_names: pl.Series
    first_mails: pl.Series
    last_mails: pl.Series
    street_heads: pl.Series
    street_tails: pl.Series
    postcodes: pl.Series
    cities: pl.Series
    countries: pl.Series
    titles: pl.Series
    leads: pl.Series
    bodies: pl.Series
    queries: pl.Series
    brands: pl.Series
    colours: pl.Series
    categories: tuple[Category, ...]

    def product_names(self, category: Ints, naming: Ints) -> list[str]:
        """Names of products, the same for all variants of a model. Called per new product, not per event.

        Args:
            category: numbers of categories, shape [products].
            naming: numbers that select brand, colour and noun, shape [3, products].
        """
        names = []
        for number, brand, colour, noun in zip(category.tolist(), *naming.tolist(), strict=True):
            group = self.categories[number]
            words = [self.brands[brand % _BRANDS], group.nouns[noun % len(group.nouns)]]
            if group.colours == 1:
                words.insert(1, self.colours[colour % len(self.colours)])
            names.append(" ".join(words))
        return names

    def variants(self, category: Ints, naming: Ints, variant: Ints) -> list[str | None]:
        """The variant of each product within its model, such as `Blue / M`; None for a model with one product.

        Args:
            category: numbers of categories, shape [products].
            naming: as for `product_names`.
            variant: position of each product within its model, from 0, shape [products].
        """
        found = []
        for number, colour, place in zip(category.tolist(), naming[1].tolist(), variant.tolist(), strict=True):
            group = self.categories[number]
            which, size = divmod(place, len(group.sizes) or 1)
            # The step is large enough that all colours of a model differ.
            shade = self.colours[(colour + which * (len(self.colours) // group.colours)) % len(self.colours)]
            parts = ([shade] if group.colours > 1 else []) + ([group.sizes[size]] if group.sizes else [])
            found.append(" / ".join(parts) or None)
        return found


def pools(scenario: Scenario, seed: int) -> Pools:
    """The pools of a scenario and seed. The first call takes about 0.5 s; later calls use a cache."""
    return _pools(tuple(locales_of(scenario)), scenario.catalogue.categories, seed)


@lru_cache(maxsize=4)
def _pools(locales: tuple[Locale, ...], categories: tuple[Category, ...], seed: int) -> Pools:
    everyone = [(locale, people(locale, seed)) for locale in locales]
    first = [name for _, they in everyone for name in they.first_names]
    last = [name for _, they in everyone for name in they.last_names]
    streets = [street for _, they in everyone for street in they.streets]
    places = [(*place, locale.country) for locale, they in everyone for place in they.places]
    english = faker("en_US", seed)
    colours = sorted({english.color_name() for _ in range(150)})
    things = [noun for category in categories for noun in category.nouns]
    pick = english.random.choice
    return Pools(
        first_names=pl.Series([written for written, _ in first]),
        last_names=pl.Series([written for written, _ in last]),
        first_mails=pl.Series([mail for _, mail in first]),
        last_mails=pl.Series([mail for _, mail in last]),
        street_heads=pl.Series([head for head, _ in streets]),
        street_tails=pl.Series([tail for _, tail in streets]),
        postcodes=pl.Series([postcode for postcode, _, _ in places]),
        cities=pl.Series([city for _, city, _ in places]),
        countries=pl.Series([country for _, _, country in places]),
        titles=pl.Series([title for titles in _TITLES.values() for title in titles]),
        leads=pl.Series([lead for leads in _LEADS.values() for lead in leads]),
        bodies=pl.Series([english.sentence(nb_words=9) for _ in range(BODIES)]),
        queries=pl.Series([_query(pick(colours), pick(things), i) for i in range(QUERIES)]),
        brands=pl.Series([english.last_name() for _ in range(_BRANDS)]),
        colours=pl.Series(colours),
        categories=categories,
    )


def _query(colour: str, thing: str, number: int) -> str:
    return f"{colour} {thing}".lower() if number % 3 == 0 else thing.lower()
