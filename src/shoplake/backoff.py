"""How long failures in a row are borne: pauses that grow, with jitter, until a limit. Decides, never sleeps."""

from __future__ import annotations

import random
import time

# A broker or a database that is restarted is back in seconds, one that fails over in a minute or two.
LIMIT_S = 300.0


class Patience:
    """Counts failures in a row.

    Attributes:
        failures: how many there were since the last success.
    """

    def __init__(self, limit_s: float = LIMIT_S, *, first_s: float = 0.2, longest_s: float = 10.0) -> None:
        self._limit_s = limit_s
        self._first_s = first_s
        self._longest_s = longest_s
        self._since: float | None = None
        self.failures = 0

    def pause_s(self) -> float | None:
        """Count one more failure: how long to wait before the next try, None when the limit is reached."""
        if self._since is None:
            self._since = time.monotonic()
        if time.monotonic() - self._since >= self._limit_s:
            return None
        self.failures += 1
        return jittered(min(self._longest_s, self._first_s * 2 ** min(self.failures - 1, 30)))

    def reset(self) -> None:
        """A success: what failed before no longer counts."""
        self._since = None
        self.failures = 0


def jittered(seconds: float) -> float:
    """Between half of it and all of it: processes that failed together should not come back together."""
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret
