"""Refuses a name that is not one of the known ones, such as the value of an option."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from shoplake.errors import UnknownName


def require_known(what: str, name: str, known: Iterable[str]) -> None:
    """Check that a name is one of the known names.

    Args:
        what: the kind of the name, for the message, such as `format`.
        name: the name that was given.
        known: all names, in the order of the message.

    Raises:
        UnknownName: it is not. The message has the most similar known name, if one is similar.
    """
    names = list(known)
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise UnknownName(f"there is no {what} '{name}'{hint}", fix=f"choose from {', '.join(names)}")
