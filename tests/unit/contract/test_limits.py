"""Whatever fits the contract fits every store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from shoplake.contract import limits

PAGE = Path(__file__).parents[3] / "docs" / "data-model.md"
LIMITS = {f"{limit.store}, {limit.subject}": limit for limit in limits.limits()}


@pytest.mark.parametrize("name", LIMITS)
def test_the_largest_valid_events_are_within_the_stores_limit(name: str) -> None:
    """Fails where `Id`, `Text`, an amount or a rule is widened beyond what a store takes."""
    assert LIMITS[name].largest <= LIMITS[name].maximum


@pytest.mark.parametrize("name", LIMITS)
def test_the_page_shows_the_limit(name: str) -> None:
    assert LIMITS[name].row in PAGE.read_text()


@pytest.mark.parametrize("longest", [83, 128, 2_000])
def test_a_longer_id_would_not_fit(monkeypatch: pytest.MonkeyPatch, longest: int) -> None:
    monkeypatch.setattr(limits, "Id", Annotated[str, msgspec.Meta(max_length=longest)])
    assert [limit.subject for limit in limits.limits() if limit.largest > limit.maximum]


def test_a_type_without_a_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a type with an upper bound"):
        limits.bound(str)
