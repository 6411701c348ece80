"""What tests of every kind share: the embedded stack, started once per session and only when a test asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from shoplake import stack as embedded
from shoplake.stack import Connections


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connections]:
    """A running stack of this session's own (with xdist: of this worker's own), which the environment points at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPLAKE_HOME", str(tmp_path_factory.mktemp("stack") / "home"))
        for name in [name for name in os.environ if name.startswith("AWS_") and "CA_BUNDLE" not in name]:
            patch.delenv(name)
        try:
            embedded.up()
            for name, value in embedded.environment().items():
                patch.setenv(name, value)
            yield embedded.connections()
        finally:
            embedded.purge()
