"""How many examples a property test tries: few by default, many at the large tier (`./shoplake test --release`)."""

from __future__ import annotations

import hypothesis

LARGE = "large"


def load_profile(tier: str) -> None:
    """Settings of all property tests: no deadline, because no test asserts a time."""
    hypothesis.settings.register_profile("small", deadline=None, max_examples=25)
    hypothesis.settings.register_profile(LARGE, deadline=None, max_examples=100)
    hypothesis.settings.load_profile(LARGE if tier == LARGE else "small")


def examples(few: int, many: int) -> int:
    """The number of examples for `@settings(max_examples=...)` in a module of tests."""
    return many if hypothesis.settings.get_current_profile_name() == LARGE else few
