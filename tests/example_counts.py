"""How many examples a property test tries: few by default, many at the large tier (`./shoplake test --release`)."""

from __future__ import annotations

from typing import TypeVar

import hypothesis

T = TypeVar("T")

LARGE = "large"


def load_profile(tier: str) -> None:
    """Settings of all property tests: no deadline, because no test asserts a time."""
    hypothesis.settings.register_profile("small", deadline=None, max_examples=25)
    hypothesis.settings.register_profile(LARGE, deadline=None, max_examples=100)
    hypothesis.settings.load_profile(LARGE if tier == LARGE else "small")


def examples(few: T, many: T) -> T:
    """What a module of tests tries: a number for `@settings(max_examples=...)`, or values for `parametrize`."""
    return many if hypothesis.settings.get_current_profile_name() == LARGE else few
