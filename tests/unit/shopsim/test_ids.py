"""Ids: apart from each other across shops, and within what the contract takes."""

from __future__ import annotations

import numpy as np
import polars as pl
from msgspec import inspect

from shoplake.contract import EVENTS
from shopsim.core import ids


def test_a_hundred_thousand_seeds_have_a_namespace_each():
    """With 24 bits, some 300 pairs of them shared one."""
    made = {ids.namespace("digest", seed, 7) for seed in range(100_000)}
    assert len(made) == 100_000
    assert {len(space) for space in made} == {13}


def test_each_of_the_bits_of_a_namespace_is_used():
    made = [ids.namespace("digest", seed, 7) for seed in range(2_000)]
    for place in range(13):
        assert len({space[place] for space in made}) == 32


def test_a_namespace_depends_on_each_of_its_parts():
    made = {ids.namespace(digest, seed, version) for digest in ("a", "b") for seed in (1, 2) for version in (6, 7)}
    assert len(made) == 8


def test_the_longest_id_fits_the_contract():
    described = inspect.type_info(EVENTS["page_viewed"])
    field = next(field for field in described.fields if field.name == "event_id")
    limit = getattr(field.type, "type", field.type).max_length
    made = ids.Ids(ids.namespace("digest", 7, 7), 4096)
    lane = np.array([4095], dtype=np.int16)
    longest = pl.concat(
        [
            made.events(np.array([10**6]), lane, np.array([10**10])),
            *(made.owned(name, lane, np.array([10**12])) for name in ids.PREFIXES),
            made.models(np.array([10**12])),
            made.warehouses(lane),
        ]
    )
    assert longest.str.len_bytes().max() <= limit
