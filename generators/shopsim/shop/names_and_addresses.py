"""Names and addresses of one locale, from Faker, in the format of the locale."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shopsim.core.locales import Locale

if TYPE_CHECKING:
    from faker import Faker

FIRST_NAMES = 300
LAST_NAMES = 500
STREETS = 400
PLACES = 250

# Letters that Unicode normalisation does not split into a letter and a mark.
_LETTERS = str.maketrans({"ł": "l", "Ł": "l", "ß": "ss", "ø": "o", "Ø": "o", "æ": "ae", "Æ": "ae", "đ": "d"})


@dataclass(frozen=True, slots=True)
class People:
    """Names and addresses of one locale.

    Attributes:
        first_names, last_names: in written order, each with its form in an email address.
        streets: text before and after the house number.
        places: postcode and city.
    """

    first_names: list[tuple[str, str]]
    last_names: list[tuple[str, str]]
    streets: list[tuple[str, str]]
    places: list[tuple[str, str]]


def people(locale: Locale, seed: int) -> People:
    """The names and addresses of a locale; they depend only on the seed."""
    fake = faker(locale.name, seed)
    first, last = (_last_name, _first_name) if locale.family_first else (_first_name, _last_name)
    return People(
        first_names=[first(fake, locale) for _ in range(FIRST_NAMES)],
        last_names=[last(fake, locale) for _ in range(LAST_NAMES)],
        streets=[_street(fake, locale) for _ in range(STREETS)],
        places=[_place(fake, locale) for _ in range(PLACES)],
    )


def faker(name: str, seed: int) -> Faker:
    """A seeded Faker for a locale."""
    from faker import Faker  # the import takes 0.3 s, and workers receive finished pools

    fake = Faker(name)
    fake.seed_instance(f"shopsim {name} {seed}")
    return fake


def _first_name(fake: Faker, locale: Locale) -> tuple[str, str]:
    if locale.name == "ja_JP":
        written, _, latin = fake.first_name_pair()
        return written, _mail(latin)
    name = fake.first_name()
    return name, _mail(name)


def _last_name(fake: Faker, locale: Locale) -> tuple[str, str]:
    if locale.name == "ja_JP":
        written, _, latin = fake.last_name_pair()
        return written, _mail(latin)
    name = fake.last_name()
    return name, _mail(name)


def _street(fake: Faker, locale: Locale) -> tuple[str, str]:
    if locale.name == "ja_JP":
        return fake.town(), "番地"
    name = fake.street_name()
    return ("", f" {name}") if locale.number_first else (f"{name} ", "")


def _place(fake: Faker, locale: Locale) -> tuple[str, str]:
    """A postcode and a city."""
    if locale.name == "it_IT":
        # For it_IT, `city()` chooses from a list made of a set: the result depends on PYTHONHASHSEED.
        postcode, city = fake.postcode_city_province().split(", ", 1)
        return postcode, city.rsplit(" (", 1)[0]
    if locale.name == "en_US":
        state = fake.state_abbr(include_territories=False, include_freely_associated_states=False)
        return fake.postcode_in_state(state), f"{fake.city()}, {state}"
    return fake.postcode(), fake.city()


def _mail(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.translate(_LETTERS)).encode("ascii", "ignore").decode().lower()
    return "".join(letter for letter in plain if letter.isalnum()) or "someone"
