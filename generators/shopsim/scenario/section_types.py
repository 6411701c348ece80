"""Types of the values in a scenario's sections."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Share = Annotated[float, Meta(ge=0, le=1, description="A probability or a share, from 0 to 1.")]
Rate = Annotated[
    float, Meta(ge=0, le=100, description="Mean number of times per customer or product and unit of time.")
]
Weight = Annotated[float, Meta(ge=0, le=1_000_000, description="A relative weight; only ratios matter.")]
Duration = Annotated[
    float, Meta(gt=0, le=3650, description="A positive duration, in the unit that the key's name has.")
]
Amount = Annotated[int, Meta(ge=0, le=100_000_000, description="An amount of money in minor units, such as cents.")]
Growth = Annotated[float, Meta(ge=-0.9, le=20, description="0.3 is 30 % more a year later, -0.2 is 20 % less.")]
Lift = Annotated[float, Meta(ge=1, le=50, description="Traffic, relative to the same time without it.")]

TEXT_END = r"$(?!\n)"
"""The end of a text in a pattern. In Python, `$` alone also matches before a final line feed."""

# Forbidden in texts: control characters (Postgres cannot store U+0000) and lone surrogates (UTF-8 cannot encode them).
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
    """Base class of the sections of a scenario. An unknown key is an error."""
