"""What tests of several kinds share: shops to simulate, and the embedded stack.

The stack is started once per session and only when a test asks for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import shopsim
from shoplake import stack as embedded
from shoplake.environments import prepare_stack
from shoplake.infra import runner, stack_inputs
from shoplake.settings import Settings
from shoplake.settings import load as load_settings
from shoplake.stack import Connections
from tests import emulators, example_counts
from tests.own_stack import own_stack

TESTS = Path(__file__).parent
NOT_LARGE = "not large"
"""The default of `-m`, in pyproject.toml."""


@pytest.fixture(scope="session", autouse=True)
def _own_emulators() -> Iterator[None]:
    """Tests choose their emulators themselves, whatever the caller's stack uses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SHOPLAKE_AWS_ENDPOINT", raising=False)
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """What the tests of `tests/faults` take; here, because pytest asks no deeper file."""
    group = parser.getgroup("faults", "how hard, and which of, the tests of tests/faults")
    group.addoption(
        "--tier",
        choices=("quick", "ci", "small", "large"),
        default="small",
        help="how many of each fault; large: also more examples of property tests",
    )
    group.addoption("--seed", type=int, default=1, help="draws faults and events; a failing run's repeats it")
    group.addoption("--only", default="", metavar="ROW,…", help="rows of the table in docs/reliability.md")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the number of examples of property tests, before modules of tests are imported.

    The large tier also runs the tests marked `large`, unless `-m` chooses others.
    """
    if config.getoption("tier") == example_counts.LARGE and config.option.markexpr == NOT_LARGE:
        config.option.markexpr = ""
    example_counts.load_profile(config.getoption("--tier"))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connections]:
    """A running stack of this session's own (with xdist: of this worker's own), which the environment points at."""
    with own_stack(tmp_path_factory.mktemp("stack") / "home"):
        yield embedded.connections()


@pytest.fixture(scope="session")
def platform(stack: Connections) -> Iterator[Settings]:
    """The local environment on the session's stack: applied, migrated, empty.

    Terraform goes on with what no test waits for (the emulator's RDS takes 80 s) until the session ends.
    """
    ready, cancel = threading.Event(), threading.Event()
    prepare_stack()
    given = stack_inputs.of("local", embedded)
    with ThreadPoolExecutor(1) as pool:
        applied = pool.submit(
            runner.apply,
            "local",
            variables=given.variables,
            environment=given.environment,
            ready=ready,
            cancel=cancel,
        )
        try:
            while not ready.wait(0.1):
                if applied.done():
                    applied.result()
            yield load_settings("local")
        finally:
            cancel.set()


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[emulators.Running]:
    """A MiniStack of the session's tests of emulators; who needs it empty wipes it."""
    with emulators.ministack(tmp_path_factory.mktemp("ministack")) as running:
        yield running


@pytest.fixture(scope="session")
def localstack() -> Iterator[emulators.Running]:
    """A LocalStack of the session's tests of emulators, where Docker is; who needs it empty wipes it."""
    emulators.require_localstack()
    with emulators.localstack() as running:
        yield running


@pytest.fixture(scope="session")
def demo() -> shopsim.Scenario:
    return shopsim.load_scenario("demo")


@pytest.fixture(scope="session")
def changed(demo: shopsim.Scenario) -> Callable[..., shopsim.Scenario]:
    """The demo with other values: `changed(lanes=1, funnel={"cart": 0.5})`."""

    def change(**sections: object) -> shopsim.Scenario:
        definition = demo.to_dict()
        for name, value in sections.items():
            definition[name] = {**definition[name], **value} if isinstance(value, dict) else value
        return shopsim.scenario_from_dict(definition)

    return change


@pytest.fixture(scope="session")
def small(changed: Callable[..., shopsim.Scenario]) -> shopsim.Scenario:
    """The demo with fewer customers: a few thousand events per window."""
    return changed(customers={"initial": 200, "signups_per_day": 4}, catalogue={"products": 60})


# Quick ones first, so that a broken build is seen at once; planted damage last, since it stays in the session's stack.
ORDER = ("unit", "simulator", "contract", "faults", "integration", "package", "e2e", "terraform")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the kinds of tests in an order that lets them share a stack."""
    items.sort(key=lambda item: (ORDER.index(item.path.relative_to(TESTS).parts[0]), "verify" in item.path.stem))
