"""Reads a YAML file into a struct. An error has the file, the line, the key, and the nearest key."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from shoplake.errors import MapError
from shopsim.errors import ScenarioError
from shopsim.scenario.section_types import Section
from shopsim.scenario.type_checks import type_errors
from shopsim.scenario.yaml_positions import Document, read

S = TypeVar("S", bound=Section)


def load(path: Path, shape: type[S]) -> tuple[S, Document]:
    """Read a file.

    Args:
        path: a YAML file.
        shape: the struct that it has to fit; keys that the struct does not have are errors.

    Returns:
        The values, and the document, whose `error` has the line of a key for checks of the caller's own.

    Raises:
        MapError: it cannot be read, is not YAML, or does not fit. The message has each error in a line.
    """
    try:
        document = read(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise MapError(f"{path} cannot be read: {error}") from error
    except ScenarioError as error:
        raise MapError(str(error)) from error
    if errors := list(type_errors(document, shape)):
        raise MapError("\n".join(map(str, errors)), fix="correct the keys and values that the message names")
    return msgspec.convert(document.values, shape), document


def refusal(document: Document, key: str, expected: str, found: str, nearest: str = "") -> MapError:
    """An error at a key of a file, to raise."""
    return MapError(str(document.error(key, expected, found, nearest=nearest, at_key=True)))


def line_of(path: Path, key: str) -> int:
    """The line of the first key of that name at any depth of a YAML file, from 1; 1 if there is none."""
    places = read(path.read_text(encoding="utf-8"), str(path)).keys
    lines = [place.line for name, place in places.items() if name.rpartition(".")[2] == key]
    return min(lines, default=1)
