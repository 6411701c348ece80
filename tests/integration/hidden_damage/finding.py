"""What `verify` has to report about a planted damage."""

from __future__ import annotations

from typing import NamedTuple


class ExpectedFinding(NamedTuple):
    """The finding that `verify` has to report; `says` is a part of its message."""

    kind: str
    table: str
    key: str
    says: str
