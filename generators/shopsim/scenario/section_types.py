"""What the sections of a scenario are made of."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Share = Annotated[float, Meta(ge=0, le=1, description="A probability, or a part of a whole.")]
Rate = Annotated[float, Meta(ge=0, le=100, description="How often, per customer or product and unit of time.")]
Weight = Annotated[float, Meta(ge=0, le=1_000_000, description="Counts relative to its neighbours.")]
Duration = Annotated[float, Meta(gt=0, le=3650, description="A positive length of time in the unit its name says.")]
Amount = Annotated[int, Meta(ge=0, le=100_000_000, description="Money in minor units.")]
Growth = Annotated[float, Meta(ge=-0.9, le=20, description="0.3 is 30 % more a year later, -0.2 is 20 % less.")]
Lift = Annotated[float, Meta(ge=1, le=50, description="Traffic, relative to what it would be without.")]

TEXT_END = r"$(?!\n)"
"""The end of a text in a pattern: in Python `$` alone also matches before a line feed at the end."""

# What no text of an event may hold: control characters, of which Postgres cannot store U+0000, and lone surrogates,
# which UTF-8 has no bytes for.
_ONE_LINE = r"^(?![\s\S]*[\x00-\x1f\x7f-\x9f\ud800-\udfff])"
_LINES = r"^(?![\s\S]*[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff])"

Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=60,
        pattern=_ONE_LINE,
        extra={"expected": "text of 1 to 60 characters, without control characters and lone surrogates"},
    ),
]
Description = Annotated[
    str,
    Meta(
        max_length=2000,
        pattern=_LINES,
        extra={"expected": "text of at most 2000 characters, without control characters and lone surrogates"},
    ),
]
CurrencyCode = Annotated[
    str, Meta(pattern="^[A-Z]{3}" + TEXT_END, extra={"expected": "three capital letters, such as EUR"})
]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A section of a scenario; a key it does not know is an error."""
