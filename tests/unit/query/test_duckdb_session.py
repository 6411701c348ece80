"""A session without stores: limits, and what is refused."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from shoplake.errors import QueryRefused, StoreUnavailable
from shoplake.query import duckdb_session, shell
from shoplake.query.duckdb_session import Session
from shoplake.query.result import Limits, Result

ENDLESS = "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE a.range * b.range % 7 = 8"
LIMIT = 3


@pytest.fixture
def session(settings_of_no_store) -> Iterator[Session]:
    with duckdb_session.opened(settings_of_no_store, Limits(LIMIT, timeout_s=30)) as opened:
        yield opened


def test_rows_are_limited_and_the_result_says_so(session: Session) -> None:
    found = session.run("FROM range(5)")
    assert found == Result(("range",), [(0,), (1,), (2,)], truncated=True)
    assert not session.run("FROM range(3)").truncated


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        ("SELECT * FROM nowhere", "nowhere does not exist"),
        ("SELECT 'text'::INTEGER", "Could not convert string 'text' to INT32"),
        ("SELECT * FROM session", "session does not exist"),  # a variable of this program
        ("INSTALL postgres", "IO|HTTP|Extension|extension"),
    ],
)
def test_bad_sql_is_a_usage_error_in_duckdbs_words(session: Session, statement: str, message: str) -> None:
    with pytest.raises(QueryRefused, match=message) as refused:
        session.run(statement)
    assert refused.value.exit_code == 2


def test_a_statement_that_takes_too_long_is_ended(settings_of_no_store) -> None:
    with (
        duckdb_session.opened(settings_of_no_store, Limits(timeout_s=0.5)) as session,
        pytest.raises(StoreUnavailable, match=r"not done after 0\.5 s"),
    ):
        session.run(ENDLESS)


def test_a_statement_that_needs_too_much_memory_is_refused(session: Session) -> None:
    with pytest.raises(QueryRefused, match="more than 512MB of memory"):
        session.run("SELECT list(repeat('x', 1000) || range) FROM range(10000000)")


def test_a_script_runs_each_statement_and_ends_at_the_first_that_fails(session: Session) -> None:
    shown: list[Result] = []
    text = "SELECT ';' AS a; -- a comment;\nCREATE TABLE kept AS SELECT 2 AS b; FROM kept; FROM nowhere; SELECT 4"
    with pytest.raises(QueryRefused, match="nowhere"):
        shell.run_script(session, io.StringIO(text), shown.append)
    assert [result.rows for result in shown] == [[(";",)], [(1,)], [(2,)]]


def test_the_prompt_takes_commands_and_statements_of_many_lines(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = iter(["SELECT 1", "AS one;", ".tables", "FROM nowhere;", "SELECT 2;", "\\q", "SELECT 3;"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    shown: list[Result] = []
    refused: list[Exception] = []
    shell.run_prompt(session, shown.append, lambda text: None, refused.append)
    assert [result.rows for result in shown] == [[(1,)], [], [(2,)]]
    assert [type(error) for error in refused] == [QueryRefused]
