"""Locales of Faker with their country, currency, time zone, and format of names and addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LocaleName = Literal["de_DE", "fr_FR", "it_IT", "nl_NL", "es_ES", "en_GB", "pl_PL", "sv_SE", "en_US", "ja_JP"]


@dataclass(frozen=True, slots=True)
class Locale:
    """One locale that customers can have.

    Attributes:
        name: Faker's name of the locale.
        currency: the currency in which its customers pay.
        zone: its time zone, a key of `shopsim.calendar.time_zones.ZONES`; one for the whole country.
        number_first: `12 Mill Lane` rather than `Mühlweg 12`.
        family_first: the family name is written before the given name.
    """

    name: LocaleName
    currency: str
    zone: str
    number_first: bool = False
    family_first: bool = False

    @property
    def country(self) -> str:
        """ISO 3166-1 alpha-2 code."""
        return self.name[-2:]


LOCALES: dict[str, Locale] = {
    locale.name: locale
    for locale in (
        Locale("de_DE", "EUR", "Europe/Berlin"),
        Locale("fr_FR", "EUR", "Europe/Paris", number_first=True),
        Locale("it_IT", "EUR", "Europe/Rome"),
        Locale("nl_NL", "EUR", "Europe/Amsterdam"),
        Locale("es_ES", "EUR", "Europe/Madrid"),
        Locale("en_GB", "GBP", "Europe/London", number_first=True),
        Locale("pl_PL", "PLN", "Europe/Warsaw"),
        Locale("sv_SE", "SEK", "Europe/Stockholm"),
        Locale("en_US", "USD", "America/New_York", number_first=True),
        Locale("ja_JP", "JPY", "Asia/Tokyo", family_first=True),
    )
}
