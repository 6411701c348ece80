"""Links of the console work once, for a while, and only if they are signed with the key of the API."""

from __future__ import annotations

import pytest

from shoplake.console import sessions
from shoplake.console.sessions import Sessions
from shoplake.errors import Unauthenticated

SECRET = b"secret"
NOW_S = 1_796_000_000.0


def at(now_s: float, secret: bytes = SECRET) -> Sessions:
    return Sessions(secret, lambda: now_s)


def test_a_link_signs_one_browser_in() -> None:
    known = at(NOW_S)
    code = sessions.code(SECRET, NOW_S)
    token = known.enter(code)
    assert known.is_valid(token)
    with pytest.raises(Unauthenticated):
        known.enter(code)
    assert known.is_valid(token)


def test_two_links_of_one_second_are_two_sessions() -> None:
    known = at(NOW_S)
    assert known.enter(sessions.code(SECRET, NOW_S)) != known.enter(sessions.code(SECRET, NOW_S))


def test_an_old_link_is_refused() -> None:
    code = sessions.code(SECRET, NOW_S)
    assert at(NOW_S + sessions.LINK_S).enter(code)
    with pytest.raises(Unauthenticated):
        at(NOW_S + sessions.LINK_S + 1).enter(code)


def test_a_link_with_another_time_or_another_key_is_refused() -> None:
    expires, nonce, signature = sessions.code(SECRET, NOW_S).split("-")
    later = f"{int(expires) + 3600}-{nonce}-{signature}"
    for code in (
        later,
        sessions.code(b"other", NOW_S),
        f"{expires}-{nonce}-",
        f"{expires}-{nonce}",
        "",
        "-",
        "é-\ud800-x",
    ):
        with pytest.raises(Unauthenticated):
            at(NOW_S).enter(code)


def test_a_session_ends_by_itself_and_when_the_browser_leaves() -> None:
    now_s = [NOW_S]
    known = Sessions(SECRET, lambda: now_s[0])
    first, second = (known.enter(sessions.code(SECRET, NOW_S)) for _ in range(2))
    known.leave(first)
    assert (known.is_valid(first), known.is_valid(second)) == (False, True)
    now_s[0] += sessions.SESSION_S
    assert not known.is_valid(second)
    assert not known.is_valid("")


def test_sessions_and_used_links_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST", 2)
    known = at(NOW_S)
    tokens = [known.enter(sessions.code(SECRET, NOW_S)) for _ in range(3)]
    assert [known.is_valid(token) for token in tokens] == [False, True, True]
