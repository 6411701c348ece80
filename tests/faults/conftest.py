"""A stack of its own, on which every row of the table of faults is tried, and the options that say how hard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shoplake import paths
from shoplake.settings import load as load_settings
from tests.own_stack import own_stack

from .disk import mounted
from .fault_stack import Lab, apply
from .nemesis import Journal, Nemesis
from .results import Results
from .tiers import TIERS, Tier

TIMEOUT_S = {"quick": 600, "ci": 1200, "small": 1200, "large": 4 * 3600}
journal_key = pytest.StashKey[Journal]()
# Those that need a short log, then the one that makes it long, then those that need it long, then those that leave
# something in it or take it away.
ORDER = (25, 5, 10, 13, 14, 15, 4, 6, 7, 9, 11, 12, 18, 8, 0, 21, 1, 2, 3, 19, 16, 23, 24, 20, 17, 22)
SPOILT = ORDER.index(16) + 0.5


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "row(number, late=False): a row of the table of faults; 0 for protections that are removed"
    )
    config.stash[journal_key] = Journal(config.getoption("--seed"))


def pytest_report_header(config: pytest.Config) -> str:
    return f"faults: tier {config.getoption('--tier')}, seed {config.getoption('--seed')}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put rows in order, leave out what `--only` does not name, and give the large tier its time."""
    here = [item for item in items if "faults" in item.path.parts]
    only = {int(row) for row in config.getoption("--only").split(",") if row}
    for item in here:
        item.add_marker(pytest.mark.timeout(TIMEOUT_S[config.getoption("--tier")]))
    chosen = [item for item in here if not only or row_of(item) in only]
    rest = iter(sorted(chosen, key=place_of))
    left_out = set(here) - set(chosen)
    items[:] = [next(rest) if item in here else item for item in items if item not in left_out]
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))


def row_of(item: pytest.Item) -> int | None:
    """The row that a test is of."""
    marker = item.get_closest_marker("row")
    return marker.args[0] if marker else None


def place_of(item: pytest.Item) -> float:
    """Where it comes; with `late`, when the log has been spoilt already."""
    marker = item.get_closest_marker("row")
    if marker is None:
        return -1
    return SPOILT if marker.kwargs.get("late") else ORDER.index(marker.args[0])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Under a failure, what had been done until then, and how to do it again."""
    report = yield
    if report.failed and (row := row_of(item)) is not None:
        seed, tier = item.config.getoption("--seed"), item.config.getoption("--tier")
        again = f"./shoplake test faults --tier {tier} --seed {seed} --only {row}"
        report.sections.append(("the same faults again", again))
        report.sections.append(("what was done", item.config.stash[journal_key].since(0)))
    return report


@pytest.fixture(scope="session")
def tier(pytestconfig: pytest.Config) -> Tier:
    return TIERS[pytestconfig.getoption("--tier")]


@pytest.fixture(scope="session")
def rows(request: pytest.FixtureRequest) -> frozenset[int]:
    """Rows that this run will try."""
    return frozenset(row for item in request.session.items if (row := row_of(item)) is not None)


@pytest.fixture(scope="package")
def lab(pytestconfig: pytest.Config, tier: Tier, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A stack with an applied environment and an empty log; what was seen on it is written down when it goes."""
    results = Results(tier.name, pytestconfig.getoption("--seed"))
    folder, written_to = tmp_path_factory.mktemp("faults"), paths.home() / "faults"
    with mounted(folder / "disk") as disk:
        try:
            with own_stack(folder / "disk" / "home"):
                apply()
                yield Lab(load_settings("local"), folder, disk, tier, pytestconfig.stash[journal_key], results)
        finally:
            if results.seen:
                results.write(written_to)


@pytest.fixture
def nemesis(lab: Lab, request: pytest.FixtureRequest) -> Nemesis:
    """What draws the faults of one test."""
    return lab.nemesis(row_of(request.node) or 0)
