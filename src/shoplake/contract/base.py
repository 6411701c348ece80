"""The base class of all events, and the constrained types that their fields use."""

from __future__ import annotations

from typing import Annotated

import msgspec

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64, description="An identifier, opaque to readers.")]
Text = Annotated[str, msgspec.Meta(max_length=2000)]

DATA_CLASS = "x-data-class"
"""Keyword of a field's JSON Schema: who may read the field. It documents the field and changes no event."""
# What a person can be recognised by, or wrote freely.
PERSONAL = msgspec.Meta(extra_json_schema={DATA_CLASS: "personal"})
# What every visitor of the shop sees.
PUBLIC = msgspec.Meta(extra_json_schema={DATA_CLASS: "public"})

# 10^12 is ten billion euros, or 40 million dollars in dong. More is a mistake, and a sum of a few could exceed 64 bits.
Cents = Annotated[int, msgspec.Meta(ge=0, le=10**12, description="Money in minor units of the currency.")]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Rating = Annotated[int, msgspec.Meta(ge=1, le=5)]
# The lengths are not redundant. In Python's regular expressions, and so in msgspec's, `$` also matches before a line
# feed at the end; in JavaScript and JSON Schema it does not. With the lengths all validators accept the same texts.
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", min_length=3, max_length=3, description="ISO 4217 code.")]
Country = Annotated[
    str, msgspec.Meta(pattern="^[A-Z]{2}$", min_length=2, max_length=2, description="ISO 3166-1 alpha-2 code.")
]
_MINOR_DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "ISK": 0, "VND": 0, "BHD": 3, "KWD": 3, "TND": 3}


def minor_digits(currency: str) -> int:
    """Decimal digits of a currency (ISO 4217). Amounts are in minor units: 2 digits mean cents."""
    return _MINOR_DIGITS.get(currency, 2)


EpochMs = Annotated[
    int,
    # 1990 to 2100. A time outside comes from a broken clock, and could make one day partition per event.
    msgspec.Meta(ge=631_152_000_000, le=4_102_444_800_000, description="UTC, milliseconds since 1970."),
]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=False):
    """The fields that every event has. The JSON field `type` holds the event's name.

    Unknown fields are ignored, so a producer can add a field before its consumers know it.
    """

    event_id: Id
    occurred_at_ms: EpochMs
