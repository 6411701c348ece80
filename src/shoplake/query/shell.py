"""Reads statements from a terminal or a file, and runs each: a small shell around a session."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from shoplake.errors import ShoplakeError
from shoplake.query.duckdb_session import Session
from shoplake.query.result import Result

PROMPT, CONTINUED = "shoplake> ", "     ...> "
HELP = """Statements are DuckDB's SQL and end with ;
lake.NAME and postgres.NAME are tables of the stores, which are only read; a name alone is looked up in the lake first.
.tables lists them, .help prints this, \\q or Ctrl-D ends."""

Show = Callable[[Result], None]
Say = Callable[[str], None]


def run_script(session: Session, source: TextIO, show: Show) -> None:
    """Run all statements of a file; the first that fails ends it.

    Raises:
        ShoplakeError: of the statement that failed.
    """
    for statement in session.statements(source.read()):
        show(session.run(statement))


def run_prompt(session: Session, show: Show, say: Say, refused: Callable[[ShoplakeError], None]) -> None:
    """Ask for statements until the end of the input; one that fails is named, and the next is asked for."""
    import readline  # noqa: F401 - `input` edits lines and remembers them from here on

    say(HELP)
    while True:
        try:
            text = _read()
            if text in ("\\q", ".quit", ".exit"):
                return
            _answer(session, text, show, say)
        except EOFError:
            say("")
            return
        except KeyboardInterrupt:
            say("interrupted")
        except ShoplakeError as error:
            refused(error)


def _answer(session: Session, text: str, show: Show, say: Say) -> None:
    if text == ".tables":
        show(Result(("schema", "table"), session.tables()))
    elif text.startswith((".", "\\")):
        say(HELP)
    else:
        for statement in session.statements(text):
            show(session.run(statement))


def _read() -> str:
    """A command, or lines up to one that ends with a semicolon."""
    text = input(PROMPT).strip()
    if text.startswith((".", "\\")):
        return text
    while text and not text.endswith(";"):
        text += "\n" + input(CONTINUED).rstrip()
    return text
