"""Which tests belong to which group, and which of them `shoplake test` runs by itself."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

MOST_PROCESSES = 4


@dataclass(frozen=True)
class Group:
    """Folders of tests that run together. Each test file belongs to exactly one group.

    Attributes:
        name: the word after `shoplake test`.
        paths: folders, relative to the root of the checkout.
        holds: what the tests do, for the line at the end of the quick set.
        complete: the quick set runs all tests of the group.
    """

    name: str
    paths: tuple[str, ...]
    holds: str
    complete: bool = False


GROUPS = (
    Group("unit", ("tests/unit",), "modules by themselves, no server", complete=True),
    Group("simulator", ("tests/simulator",), "facts and distributions of simulated shops", complete=True),
    Group("integration", ("tests/integration",), "all of the embedded stack"),
    Group("faults", ("tests/faults",), "each row of the table of faults"),
    Group("terraform", ("tests/terraform",), "modules, policies, recovery of every environment"),
    Group("containers", ("tests/contract", "tests/e2e"), "emulators and images in Docker"),
    Group("package", ("tests/package",), "the wheels, installed elsewhere"),
)


@dataclass(frozen=True)
class Step:
    """One run of pytest.

    Attributes:
        title: what it shows, in a few words.
        arguments: of pytest.
        parallel: the tests share no server, so several processes run them.
    """

    title: str
    arguments: tuple[str, ...]
    parallel: bool = False

    def command(self) -> list[str]:
        """The arguments of pytest, with the number of processes that this machine has cores for."""
        processes = ["-n", str(min(MOST_PROCESSES, os.cpu_count() or 1)), "--dist", "worksteal"]
        return ["-q", *(processes if self.parallel else []), *self.arguments]


# One of everything that a newcomer has to trust: under ten minutes on two cores, downloads of the first start included.
QUICK = (
    Step("unit tests", ("tests/unit",), parallel=True),
    Step("the simulator", ("tests/simulator",), parallel=True),
    Step(
        "Terraform, every sink and verify on the embedded stack",
        (
            "tests/integration/test_sinks.py::test_a_sink_conforms",
            "tests/integration/test_verify.py::test_a_loaded_stack_is_exact",
        ),
    ),
    Step("one kill -9 of each sink", ("tests/faults/test_kill.py", "--tier", "quick", "--only", "1,2,3")),
)


def left_out() -> str:
    """One line: what the quick set does not run, and the command for each."""
    commands = [f"`shoplake test {group.name}` ({group.holds})" for group in GROUPS if not group.complete]
    return f"Not run: {', '.join(commands)}. `shoplake test --all` runs every test."


def arguments(given: Sequence[str]) -> list[str]:
    """What pytest gets for the arguments of `shoplake test`: a group's folders for its name, the rest unchanged."""
    groups = {group.name: group.paths for group in GROUPS}
    first = groups.get(given[0], given[:1]) if given else ()
    short = {"--release": ["--tier", "large"], "--all": []}
    return [part for word in [*first, *given[1:]] for part in short.get(word, [word])]
