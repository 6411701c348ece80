"""Parse YAML with the position of each value, for error messages. Independent of scenarios."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from shopsim.errors import ScenarioError

_FOUND_PREFIX = re.compile("^(but )?found ")
"""The start of the YAML library's messages; our own messages already contain it."""

_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
MAX_CHARACTERS = 1_000_000
MAX_VALUES = 100_000
"""Limit for nested aliases, which can expand a short file to any size."""


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column in a file, from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Document:
    """Plain values and their positions.

    Attributes:
        values: content of the file.
        file: its name, empty for values that come from no file.
        keys: position of each key, by its path (`funnel.cart`, `categories[0]`).
        contents: position of each value, by the same paths.
    """

    values: object
    file: str = ""
    keys: Mapping[str, Place] = field(default_factory=dict)
    contents: Mapping[str, Place] = field(default_factory=dict)

    def error(self, key: str, expected: str, found: str, *, nearest: str = "", at_key: bool = False) -> ScenarioError:
        """An error at a value or at its key; for a missing key, at the section that should contain it."""
        place = self._place(key, at_key=at_key)
        return ScenarioError(
            file=self.file,
            line=place.line if place else None,
            column=place.column if place else None,
            key=key,
            expected=expected,
            found=found,
            nearest=nearest,
        )

    def _place(self, key: str, *, at_key: bool) -> Place | None:
        while key and key not in self.keys:
            key, at_key = parent(key), True
        at, content = self.keys.get(key), self.contents.get(key)
        # The name of a section whose content begins on the next line.
        return content if not at_key and content and at and content.line == at.line else at


def read(text: str, file: str) -> Document:
    """Parse one YAML document.

    Raises:
        ScenarioError: invalid YAML, a repeated key, or a document over the size limits.
    """
    if len(text) > MAX_CHARACTERS:
        raise ScenarioError(file=file, expected=f"at most {MAX_CHARACTERS:,} characters", found=f"{len(text):,}")
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return Document(None, file)
        _refuse_repeated_keys(node, file)
        values = loader.construct_document(node)  # resolves merge keys in the nodes too
    except yaml.YAMLError as error:
        raise _syntax_error(error, text, file) from None
    except RecursionError:
        raise ScenarioError(file=file, expected="valid YAML", found="lists or mappings nested too deeply") from None
    keys: dict[str, Place] = {}
    contents: dict[str, Place] = {}
    for number, (path, key, content) in enumerate(_walk(node)):
        if number >= MAX_VALUES:
            raise ScenarioError(file=file, expected=f"at most {MAX_VALUES:,} values", found="more, by its aliases")
        keys[path], contents[path] = _place(key.start_mark), _place(content.start_mark)
    return Document(values, file, keys, contents)


class _Loader(yaml.SafeLoader):
    """Loads plain values only. An invalid date stays text; the type check then reports it."""

    def compose_scalar_node(self, anchor: Mapping[str, object] | None) -> yaml.ScalarNode:
        """The node of a scalar. A surrogate pair, as JSON escapes an emoji, becomes one character."""
        node = super().compose_scalar_node(anchor)  # type: ignore[arg-type]
        node.value = _SURROGATE_PAIR.sub(
            lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), node.value
        )
        return node


def _timestamp(loader: _Loader, node: yaml.ScalarNode) -> object:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError:
        return loader.construct_scalar(node)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _timestamp)


def join(path: str, step: str | int) -> str:
    """The path of a key or an index inside `path`."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    return f"{path}.{step}" if path else step


def parent(path: str) -> str:
    """The path of the enclosing value; empty for the document."""
    return path[: max(path.rfind("."), path.rfind("["), 0)]


def _walk(root: yaml.Node) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """(path, node of the key, node of the value), without recursion; a recursive alias is not followed."""
    waiting: list[tuple[str, yaml.Node, yaml.Node, frozenset[int]]] = [("", root, root, frozenset())]
    while waiting:
        path, key, content, above = waiting.pop()
        yield path, key, content
        if id(content) in above:
            continue
        inside = above | {id(content)}
        if isinstance(content, yaml.MappingNode):
            waiting += [(join(path, str(k.value)), k, v, inside) for k, v in content.value]
        elif isinstance(content, yaml.SequenceNode):
            waiting += [(join(path, n), item, item, inside) for n, item in enumerate(content.value)]


def _refuse_repeated_keys(root: yaml.Node, file: str) -> None:
    """Reject repeated keys; YAML would silently use the last one."""
    seen: set[int] = set()
    waiting = [("", root)]
    while waiting:
        path, node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += [(join(path, n), item) for n, item in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            continue
        first: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in first:
                place = _place(key.start_mark)
                raise ScenarioError(
                    file=file,
                    line=place.line,
                    column=place.column,
                    key=join(path, name),
                    expected="each key once",
                    found=f"`{name}` again, first in line {first[name].start_mark.line + 1}",
                )
            first[name] = key
            waiting.append((join(path, name), value))


def _syntax_error(error: yaml.YAMLError, text: str, file: str) -> ScenarioError:
    place, problem = None, f"{error}"
    if isinstance(error, yaml.reader.ReaderError):  # it has no mark
        before = text[: error.position]
        place = Place(before.count("\n") + 1, error.position - before.rfind("\n"))
        problem = f"the character U+{ord(text[error.position]):04X}, which YAML allows as an escape only"
    elif isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        place = _place(mark) if mark is not None else None
        problem = ", ".join(part for part in (error.problem, error.context) if part)
    return ScenarioError(
        file=file,
        line=place.line if place else None,
        column=place.column if place else None,
        expected="valid YAML",
        found=f"an error in its syntax: {_FOUND_PREFIX.sub('', ' '.join(problem.split()))}",
    )


def _place(mark: Any) -> Place:  # noqa: ANN401 - yaml's marks have no type of their own in both parsers
    return Place(mark.line + 1, mark.column + 1)
