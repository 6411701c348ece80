"""Things happen as often as the scenario asks, within the errors of counting (`standard_errors`)."""

from __future__ import annotations

import pytest

from .conftest import SEED
from .counting import VIEWS
from .distributions import CHECKS, DAYS
from .shop import Shop, shop_of
from .standard_errors import LIMIT
from .undisturbed_shop import plain

GROUPS = 6


def counted_shop(*changes) -> Shop:
    scenario = plain(*changes)
    shop = shop_of(scenario, SEED, 10**9, windows=DAYS * 24 // scenario.window_hours)
    shop.sql.execute(VIEWS)
    return shop


@pytest.fixture(scope="module")
def plain_shop():
    return counted_shop()


@pytest.mark.parametrize("check", CHECKS, ids=[check.what for check in CHECKS])
def test_counts_match_the_scenario(check, plain_shop):
    assert check.judge(plain_shop, plain()) < LIMIT


@pytest.mark.large
@pytest.mark.parametrize("group", range(GROUPS))
def test_a_shop_with_wrong_values_fails_their_checks_and_no_others(group):
    wrong = CHECKS[group::GROUPS]
    shop = counted_shop(*wrong)
    failed = {check.what for check in CHECKS if check.judge(shop, plain()) >= LIMIT}
    assert failed == {check.what for check in wrong}
