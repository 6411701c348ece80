"""The reference of errors: every class that descends from ShoplakeError, by its code."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import shoplake
from docgen import markdown
from shoplake.errors import ShoplakeError

INTRODUCTION = """
An error that shoplake raises on purpose is printed to stderr like this, and the command ends with the exit code of
its class. Anything else that surfaces is a bug.

```
error SL0204: there is no stack at /home/you/shoplake/.shoplake
  what to do: shoplake up
  about it: docs/reference/errors.md#sl0204
```

`--debug` before the command shows the traceback as well. Exit codes of every command: 0 well, 1 failed, 2 wrong usage
(also what the command line itself refuses), 3 data that could not be checked (`quality run`, `freshness`), 130
interrupted.
"""


def page() -> str:
    """A table of all codes, then a section for each."""
    found = every_class()
    rows = [(f"[{e.code}](#{e.code.lower()})", markdown.code(e.__name__), str(e.exit_code), _meaning(e)) for e in found]
    sections = [section(each) for each in found]
    header = ("code", "class", "exit code", "meaning")
    return markdown.page("Errors", INTRODUCTION, markdown.table(header, rows), *sections)


def every_class() -> list[type[ShoplakeError]]:
    """All error classes of the package, by code."""
    for module in pkgutil.walk_packages(shoplake.__path__, "shoplake."):
        if ".migrations" not in module.name:  # Alembic runs those, nobody imports them
            importlib.import_module(module.name)
    found: set[type[ShoplakeError]] = set()
    todo: list[type[ShoplakeError]] = [ShoplakeError]
    while todo:
        found.add(each := todo.pop())
        todo += each.__subclasses__()
    ours = (each for each in found if each.__module__.startswith("shoplake."))
    return sorted(ours, key=lambda each: (each.code, each.__name__))


def section(error: type[ShoplakeError]) -> str:
    """Documentation of one error: meaning, remedy and base error."""
    parent = error.__mro__[1]
    kind = f" A kind of [{parent.code}](#{parent.code.lower()})." if issubclass(parent, ShoplakeError) else ""
    return f"## {error.code}\n\n`{error.__name__}`: {_meaning(error)}{kind}\n\nWhat to do: {error.advice}"


def _meaning(error: type[ShoplakeError]) -> str:
    return (inspect.getdoc(error) or "").partition("\n\n")[0].replace("\n", " ")
