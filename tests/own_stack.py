"""A stack that is a test's own, whatever the shell around the tests points at."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from shoplake import stack as embedded


def without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without what names an AWS account, a region or an emulator; certificates stay."""
    return {name: value for name, value in environment.items() if not name.startswith("AWS_") or "CA_BUNDLE" in name}


@contextmanager
def own_home(home: Path) -> Iterator[pytest.MonkeyPatch]:
    """An environment in which this is the stack's home, and no AWS is named; what is set further is undone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPLAKE_HOME", str(home))
        for name in os.environ.keys() - without_aws(os.environ).keys():
            patch.delenv(name)
        yield patch


@contextmanager
def own_stack(home: Path) -> Iterator[None]:
    """The embedded stack, running below this home, which the environment points at; nothing is left of it."""
    with own_home(home) as patch:
        try:
            embedded.up()
            for name, value in embedded.environment().items():
                patch.setenv(name, value)
            yield
        finally:
            embedded.purge()
