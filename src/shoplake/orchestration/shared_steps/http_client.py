"""Reads documents of an HTTP source: at a limited rate, again with growing pauses after errors that pass."""

from __future__ import annotations

import datetime as dt
import email.utils
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

from shoplake.backoff import Backoff
from shoplake.errors import SourceRefused, SourceUnavailable, UsageError

T = TypeVar("T")
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""States of HTTP after which the same request may succeed later."""

LARGEST_BYTES = 64 * 1024 * 1024
TIMEOUT_S = 30.0
GIVE_UP_S = 300.0
"""Seconds of failures in a row after which the step fails."""

TOKEN_PREFIX = "SHOPLAKE_"  # noqa: S105 - of a name; commands drop other variables of the shell


@dataclass(frozen=True, slots=True)
class Answer:
    """A document of a source.

    Attributes:
        headers: names in lower case.
    """

    body: bytes
    headers: Mapping[str, str]


class Client:
    """Reads from one origin (scheme, host, port). The token goes to no other one.

    Args:
        url: an address of the source.
        per_second: most requests in a second.
        token: sent as bearer token, if it is not empty.
        say: told of each failure.
        give_up_s: seconds of failures in a row after which `get` raises.
    """

    def __init__(
        self, url: str, per_second: float, token: str, say: Callable[[str], None], give_up_s: float = GIVE_UP_S
    ) -> None:
        if per_second <= 0:
            raise UsageError(f"requests_per_second: expected a number above 0, found {per_second}")
        self._origin = origin(url)
        self._interval_s = 1 / per_second
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._say = say
        self._give_up_s = give_up_s
        self._next = 0.0
        self._opener = urllib.request.build_opener(_SameOrigin(self.check))

    def get(self, url: str, parse: Callable[[Answer], T]) -> T:
        """Read a document.

        Args:
            url: of the source's origin.
            parse: turns it into what the caller wants. A `ValueError` says that it is damaged, and it is read again.

        Raises:
            SourceUnavailable: it failed for too long, or asks to wait for longer than that.
            SourceRefused: the source has refused the request for good.
            UsageError: the address has another origin, or the document is too large.
        """
        self.check(url)
        backoff = Backoff(self._give_up_s, first_s=0.5, longest_s=30.0)
        while True:
            wait_s = 0.0
            self._keep_rate()
            try:
                return parse(self._read(url))
            except urllib.error.HTTPError as error:
                with error:
                    if error.code not in PASSING:
                        raise SourceRefused(error.code, shown(url), error.reason) from error
                    wait_s, reason = _retry_after_s(error.headers.get("Retry-After")), f"HTTP {error.code}"
            except (OSError, http.client.HTTPException, ValueError) as error:
                reason = str(getattr(error, "reason", error)) or type(error).__name__
            pause_s = backoff.pause_s()
            if pause_s is None or wait_s > self._give_up_s:
                asks = f", and asks to wait {wait_s:.0f} s" if wait_s > self._give_up_s else ""
                raise SourceUnavailable(f"{shown(url)} could not be read: {reason}{asks}")
            pause_s = max(pause_s, wait_s)
            self._say(f"{shown(url)}: {reason}; next attempt in {pause_s:.1f} s")
            time.sleep(pause_s)

    def check(self, url: str) -> None:
        """Check that an address is one of the source.

        Raises:
            UsageError: it has another origin.
        """
        if origin(url) != self._origin:
            raise UsageError(
                f"{shown(url)}: expected an address at {'://'.join(self._origin)}",
                fix="name the final address as `url`",
            )

    def _keep_rate(self) -> None:
        now = time.monotonic()
        if self._next > now:
            time.sleep(self._next - now)
        self._next = max(self._next, now) + self._interval_s

    def _read(self, url: str) -> Answer:
        request = urllib.request.Request(url, headers=self._headers)  # noqa: S310 - `check` has looked at the scheme
        with self._opener.open(request, timeout=TIMEOUT_S) as found:
            headers = {name.lower(): value for name, value in found.headers.items()}
            body = found.read(LARGEST_BYTES + 1)
        if len(body) > LARGEST_BYTES:
            raise UsageError(f"{shown(url)}: expected at most {LARGEST_BYTES >> 20} MB", fix="ask for smaller pages")
        if (length := headers.get("content-length", "")).isdecimal() and len(body) < int(length):
            raise http.client.IncompleteRead(body, int(length) - len(body))  # `read(n)` does not look
        return Answer(body, headers)


class _SameOrigin(urllib.request.HTTPRedirectHandler):
    """Follows redirections within the origin only: the token would go with them."""

    def __init__(self, check: Callable[[str], None]) -> None:
        self._check = check

    def redirect_request(self, *arguments: object) -> urllib.request.Request | None:
        """As urllib declares it; the last argument is the new address."""
        self._check(str(arguments[-1]))
        return super().redirect_request(*arguments)  # type: ignore[arg-type]


def token_of(variable: str) -> str:
    """The token in a variable of the environment; empty if no variable is named.

    Raises:
        UsageError: the variable has another name than SHOPLAKE_…, or is not set.
    """
    if not variable:
        return ""
    if not variable.startswith(TOKEN_PREFIX):
        raise UsageError(f"token_variable: expected a name that begins with {TOKEN_PREFIX}, found '{variable}'")
    if not (token := os.environ.get(variable, "")):
        raise UsageError(f"the variable {variable} with the token of the source is not set", fix="export it")
    return token


def origin(url: str) -> tuple[str, str]:
    """Scheme, and host with port, of an address.

    Raises:
        UsageError: it is not an address of HTTP, or has a user or a password, which would be in the record of the run.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise UsageError(f"expected an address such as https://example.com/orders, found '{shown(url)}'")
    return parts.scheme, parts.netloc


def shown(url: str) -> str:
    """An address for messages, without user, password and query: they may have secrets."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _retry_after_s(text: str | None) -> float:
    """Seconds of a header `Retry-After`, which has a number or a date."""
    if not text:
        return 0.0
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, (email.utils.parsedate_to_datetime(text) - dt.datetime.now(dt.UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0
