"""What every event has in common, and the small types that fields are made of."""

from __future__ import annotations

from typing import Annotated

import msgspec

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64, description="An identifier, opaque to readers.")]
Text = Annotated[str, msgspec.Meta(max_length=2000)]
# Ten billion euros, 40 million dollars in dong: more is a mistake, and a sum of a few could exceed 64 bits.
Cents = Annotated[int, msgspec.Meta(ge=0, le=10**12, description="Money in minor units of the currency.")]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Rating = Annotated[int, msgspec.Meta(ge=1, le=5)]
# The lengths are no repetition: in Python's regular expressions, and so in msgspec's, `$` also matches before a line
# feed at the end, and in those of JavaScript and JSON Schema it does not. With them all validators take the same texts.
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", min_length=3, max_length=3, description="ISO 4217 code.")]
Country = Annotated[
    str, msgspec.Meta(pattern="^[A-Z]{2}$", min_length=2, max_length=2, description="ISO 3166-1 alpha-2 code.")
]
_MINOR_DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "ISK": 0, "VND": 0, "BHD": 3, "KWD": 3, "TND": 3}


def minor_digits(currency: str) -> int:
    """Decimal digits between a currency's minor unit, in which amounts are, and its major one (ISO 4217)."""
    return _MINOR_DIGITS.get(currency, 2)


EpochMs = Annotated[
    int,
    # 1990 to 2100: beyond it a clock is broken, and a day partition per event would follow.
    msgspec.Meta(ge=631_152_000_000, le=4_102_444_800_000, description="UTC, milliseconds since 1970."),
]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=False):
    """The envelope. `type` is the tag that says which event it is.

    Unknown fields are ignored, so that a producer may add one before its readers know it.
    """

    event_id: Id
    occurred_at_ms: EpochMs
