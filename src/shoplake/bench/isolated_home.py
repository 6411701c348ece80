"""A separate home for the stack of the benchmark, independent of the shell's variables."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

# What names somebody's stack, stores or account. What says where downloads come from stays.
OTHERS = ("AWS_", "SHOPLAKE_AWS_ENDPOINT", "SHOPLAKE_STACK_FILE", "SHOPLAKE_HOME", "SHOPLAKE_FAILPOINT")


@contextlib.contextmanager
def own_home(home: Path) -> Iterator[None]:
    """The environment of a stack at this home, whatever the caller's points at; restored at the end."""
    before = dict(os.environ)
    for name in foreign(os.environ):
        del os.environ[name]
    os.environ["SHOPLAKE_HOME"] = str(home)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def foreign(environment: Mapping[str, str]) -> list[str]:
    """Variables that name a stack, a store or an account of somebody's. Certificates stay."""
    return [
        name
        for name in environment
        if (name.startswith(OTHERS) or (name.startswith("SHOPLAKE_") and "__" in name)) and "CA_BUNDLE" not in name
    ]
