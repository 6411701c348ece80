"""What the sections of a scenario are made of."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Share = Annotated[float, Meta(ge=0, le=1, description="A probability, or a part of a whole.")]
Rate = Annotated[float, Meta(ge=0, le=100, description="How often, per customer or product and unit of time.")]
Weight = Annotated[float, Meta(ge=0, le=1_000_000, description="Counts relative to its neighbours.")]
Span = Annotated[float, Meta(gt=0, le=3650, description="A positive length of time in the unit its name says.")]
Amount = Annotated[int, Meta(ge=0, le=100_000_000, description="Money in minor units.")]
Growth = Annotated[float, Meta(ge=-0.9, le=20, description="0.3 is 30 % more a year later, -0.2 is 20 % less.")]
Lift = Annotated[float, Meta(ge=1, le=50, description="Traffic, relative to what it would be without.")]
Name = Annotated[str, Meta(min_length=1, max_length=60)]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A section of a scenario; a key it does not know is an error."""
