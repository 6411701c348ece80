"""How far a demo goes, by what is in the log."""

from __future__ import annotations

import pytest

from shoplake.demo.run import FIRST_EVENTS, next_ends


@pytest.mark.parametrize(
    ("events", "published", "expected"),
    [
        (200_000, None, [FIRST_EVENTS, 200_000]),
        (2 * FIRST_EVENTS, None, [FIRST_EVENTS, 2 * FIRST_EVENTS]),
        (2 * FIRST_EVENTS - 1, None, [2 * FIRST_EVENTS - 1]),  # too few for two proofs
        (200_000, 0, [200_000]),  # a publisher that was stopped before its first event
        (200_000, FIRST_EVENTS, [200_000]),  # stopped after the first proof: the rest
        (200_000, 199_999, [200_000]),
        (200_000, 200_000, [400_000]),
        (1_000, 2_500, [3_000]),
    ],
)
def test_ends_of_a_demo(events, published, expected):
    assert next_ends(events, published) == expected
