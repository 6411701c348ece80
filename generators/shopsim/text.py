"""Pools of text, made once per scenario and seed with Faker; events point into them by number.

A Faker call per event would allow 3,500 events a second. Each locale has a stretch of every pool of its own.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl

from shopsim.draws import Ints
from shopsim.scenario import Scenario

if TYPE_CHECKING:
    from faker import Faker

FIRST_NAMES = 300
LAST_NAMES = 500
STREETS = 400
PLACES = 250
"""Entries per locale."""

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
    """Text by number: polars String series. Per locale in stretches, reviews per rating in stretches.

    Attributes:
        first_names, last_names, streets: as they are written.
        first_mails, last_mails: the names as they stand in a mail address.
        postcodes, cities, countries: of each place, fitting each other.
        titles, leads: of reviews, `TITLES_PER_RATING` and `LEADS_PER_RATING` for each rating.
        bodies, queries, brands, colours: one stretch.
        nouns: a tuple per category.
    """

    first_names: pl.Series
    last_names: pl.Series
    first_mails: pl.Series
    last_mails: pl.Series
    streets: pl.Series
    postcodes: pl.Series
    cities: pl.Series
    countries: pl.Series
    titles: pl.Series
    leads: pl.Series
    bodies: pl.Series
    queries: pl.Series
    brands: pl.Series
    colours: pl.Series
    nouns: tuple[tuple[str, ...], ...]

    def product_names(self, category: Ints, naming: Ints) -> list[str]:
        """Names of products; `naming` has shape [3, products]. Called per new product, not per event."""
        names = []
        for shelf, brand, colour, noun in zip(category, *naming, strict=True):
            nouns = self.nouns[shelf]
            words = (self.brands[int(brand % _BRANDS)], self.colours[int(colour % len(self.colours))])
            names.append(" ".join((*words, nouns[noun % len(nouns)])))
        return names


def pools(scenario: Scenario, seed: int) -> Pools:
    """The pools of a scenario and seed; about 0.5 s the first time, kept for the process afterwards."""
    nouns = tuple(category.nouns for category in scenario.catalogue.categories)
    return _pools(tuple(scenario.customers.locales), nouns, seed)


@lru_cache(maxsize=4)
def _pools(locales: tuple[str, ...], nouns: tuple[tuple[str, ...], ...], seed: int) -> Pools:
    first: list[str] = []
    last: list[str] = []
    streets: list[str] = []
    places: list[tuple[str, str, str]] = []
    for locale in locales:
        fake = _faker(locale, seed)
        first += [fake.first_name() for _ in range(FIRST_NAMES)]
        last += [fake.last_name() for _ in range(LAST_NAMES)]
        streets += [fake.street_name() for _ in range(STREETS)]
        places += [(*_town(fake, locale), locale[-2:]) for _ in range(PLACES)]
    english = _faker("en_US", seed)
    colours = sorted({english.color_name() for _ in range(150)})
    things = [noun for shelf in nouns for noun in shelf]
    pick = english.random.choice
    return Pools(
        first_names=pl.Series(first),
        last_names=pl.Series(last),
        first_mails=pl.Series([_mail(name) for name in first]),
        last_mails=pl.Series([_mail(name) for name in last]),
        streets=pl.Series(streets),
        postcodes=pl.Series([place[0] for place in places]),
        cities=pl.Series([place[1] for place in places]),
        countries=pl.Series([place[2] for place in places]),
        titles=pl.Series([title for titles in _TITLES.values() for title in titles]),
        leads=pl.Series([lead for leads in _LEADS.values() for lead in leads]),
        bodies=pl.Series([english.sentence(nb_words=9) for _ in range(BODIES)]),
        queries=pl.Series([_query(pick(colours), pick(things), i) for i in range(QUERIES)]),
        brands=pl.Series([english.last_name() for _ in range(_BRANDS)]),
        colours=pl.Series(colours),
        nouns=nouns,
    )


def _faker(locale: str, seed: int) -> Faker:
    from faker import Faker  # 0.3 s to import, and workers are handed the finished pools

    fake = Faker(locale)
    fake.seed_instance(f"shopsim {locale} {seed}")
    return fake


def _town(fake: Faker, locale: str) -> tuple[str, str]:
    """A postcode and a city."""
    if locale == "it_IT":
        # `city()` chooses from a list made of a set there: with another PYTHONHASHSEED, another city.
        postcode, city = fake.postcode_city_province().split(", ", 1)
        return postcode, city.rsplit(" (", 1)[0]
    return fake.postcode(), fake.city()


def _mail(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(letter for letter in plain if letter.isalnum()) or "someone"


def _query(colour: str, thing: str, number: int) -> str:
    return f"{colour} {thing}".lower() if number % 3 == 0 else thing.lower()
