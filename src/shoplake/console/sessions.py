"""Who may see the console: a link that works once signs a browser in.

The command that prints the link signs it with the key of the API, and the server checks it with the same key. The own
machine needs no password, and a used link opens nothing.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable

from shoplake.errors import Unauthenticated

LINK_S = 120
"""Lifetime of a link."""
SESSION_S = 12 * 3600
MOST = 1_000
"""Sessions and used links that are remembered. The oldest are forgotten first."""
_PURPOSE = b"shoplake console link"


def code(secret: bytes, now_s: float) -> str:
    """The code of a link, valid for `LINK_S` seconds.

    Args:
        secret: `KeyCheck.secret` of the API key.
        now_s: seconds since 1970.
    """
    content = f"{int(now_s) + LINK_S}-{secrets.token_hex(16)}"
    return f"{content}-{_signature(secret, content)}"


class Sessions:
    """The browsers that are signed in, in memory: a restart signs all out."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock
        self._used: dict[str, float] = {}
        self._until: dict[str, float] = {}

    def enter(self, given: str) -> str:
        """Exchange the code of a link for a new session.

        Returns:
            The value of the session's cookie.

        Raises:
            Unauthenticated: the code is wrong, was used, or is too old.
        """
        content, _, signature = given.rpartition("-")
        expires = content.partition("-")[0]
        is_ours = hmac.compare_digest(_signature(self._secret, content).encode(), signature.encode("utf-8", "replace"))
        if not (is_ours and expires.isdecimal() and int(expires) >= self._clock() and content not in self._used):
            raise Unauthenticated(
                "this link does not work, or not any more", fix="`shoplake console` prints a new one; each works once"
            )
        self._used[content] = float(expires)
        token = secrets.token_urlsafe(32)
        self._until[token] = self._clock() + SESSION_S
        for remembered in (self._used, self._until):
            while len(remembered) > MOST:
                del remembered[next(iter(remembered))]
        return token

    def is_valid(self, token: str) -> bool:
        """Whether a cookie is that of a session that has not ended."""
        return self._until.get(token, 0.0) > self._clock()

    def leave(self, token: str) -> None:
        """End a session."""
        self._until.pop(token, None)


def _signature(secret: bytes, content: str) -> str:
    return hmac.digest(secret, _PURPOSE + content.encode("utf-8", "replace"), "sha256").hex()
