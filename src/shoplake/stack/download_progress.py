"""How a download is shown: a bar on a terminal, a line now and then in a log. Both on stderr or through `say`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from shoplake.stack.downloads import Progress
from shoplake.stack.state import Say

LINES = 4


@contextlib.contextmanager
def download_progress(what: str, say: Say) -> Iterator[Progress]:
    """A callable that shows how many files are there of those wanted; nothing is shown before its first call."""
    if sys.stderr.isatty():
        with _bar(what) as progress:
            yield progress
    else:
        yield _lines(what, say)


@contextlib.contextmanager
def _bar(what: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks = [bars.add_task(f"fetching {what}", visible=False)]
        yield lambda done, wanted: bars.update(tasks[0], completed=done, total=wanted, visible=True)


def _lines(what: str, say: Say) -> Progress:
    told: set[int] = set()

    def progress(done: int, wanted: int) -> None:
        step = done * LINES // wanted
        if step not in told:
            told.add(step)
            say(f"fetching {what}: {done} of {wanted} files")

    return progress
