"""Reference of all scenario keys, generated from the docstrings of the structs: for editors, docs and new files.

`python -m shopsim.scenario.reference docs/simulator.md` updates the part of the page between the two marks.
"""

from __future__ import annotations

import datetime as dt
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import yaml

from shopsim.scenario.section_types import Amount, Duration, Growth, Lift, Name, Rate, Section, Share, Weight
from shopsim.scenario.sections import Scenario

BEGIN, END = "<!-- scenario reference: begin -->", "<!-- scenario reference: end -->"
SCHEMA_FILE = "scenario.schema.json"
_WIDTH = 120
_GENERAL = (Share, Rate, Weight, Duration, Amount, Growth, Lift, Name)
"""General types, whose description does not explain the key that has them."""

_NAMES = {
    float: "number",
    int: "whole number",
    str: "text",
    bool: "true or false",
    dt.date: "date",
    dt.datetime: "time with its zone",
    type(None): "nothing",
}


def summary(part: type[Section]) -> str:
    """The first paragraph of a struct's docstring."""
    return " ".join(inspect.cleandoc(part.__doc__ or "").split("\n\n")[0].split())


def descriptions(part: type[Section]) -> dict[str, str]:
    """Descriptions of the keys, from `Attributes:` in the docstring."""
    lines = inspect.cleandoc(part.__doc__ or "").partition("Attributes:\n")[2].split("\n")
    entries: list[str] = []
    for line in lines:
        if line.startswith("     "):
            entries[-1] += f" {line.strip()}"
        elif line.strip():
            entries.append(line.strip())
    pairs = [entry.partition(": ")[::2] for entry in entries]
    return {name.strip(): text for names, text in pairs for name in names.split(",")}


def scenario_template(scenario: Scenario, name: str) -> str:
    """A scenario file with the values of another scenario, and a comment for every key."""
    description = f"A shop of its own, with the values of `{scenario.name}` to begin with."
    renamed = msgspec.structs.replace(scenario, name=name, description=description)
    lines = [
        f"# yaml-language-server: $schema={SCHEMA_FILE}",
        f"# A scenario of shoplake. `shoplake scenario check {name}.yaml` checks it,",
        f"# `shoplake generate --scenario {name}.yaml --dry-run` counts the events that it generates.",
    ]
    return "\n".join([*lines, *_lines(renamed, "", set())]) + "\n"


def markdown() -> str:
    """The sections as Markdown, with a table of keys for each."""
    parts = []
    paths: dict[type[Section], list[str]] = {}
    for path, part in _sections("", Scenario):
        paths.setdefault(part, []).append(f"`{path}`")
    for part, places in paths.items():
        known = descriptions(part)
        rows = [
            f"| `{field.name}` | {_type_text(hint)} | {_default(field)} | {known.get(field.name) or _fallback(hint)} |"
            for field, hint in _fields(part)
        ]
        title = "### Top level" if part is Scenario else f"### {', '.join(places)}"
        parts.append(
            "\n".join([title, "", summary(part), "", "| key | value | default | |", "|---|---|---|---|", *rows])
        )
    return "\n\n".join(parts)


def renewed(page: str) -> str:
    """A page with the current reference between its marks."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{markdown()}\n\n{END}{rest.partition(END)[2]}"


def _sections(path: str, part: type[Section]) -> Iterator[tuple[str, type[Section]]]:
    yield path, part
    for field, hint in _fields(part):
        at = f"{path}.{field.name}" if path else field.name
        bare, suffix = _inner(hint)
        if bare is not None:
            yield from _sections(at + suffix, bare)


def _fields(part: type[Section]) -> list[tuple[msgspec.structs.FieldInfo, Any]]:
    hints = get_type_hints(part, include_extras=True)
    return [(field, hints[field.name]) for field in msgspec.structs.fields(part)]


def _inner(hint: Any) -> tuple[type[Section] | None, str]:  # noqa: ANN401
    """The struct in the value of a key, and the suffix of its path for a list or a mapping."""
    bare = _bare(hint)
    if isinstance(bare, type) and issubclass(bare, Section):
        return bare, ""
    for member in get_args(bare):
        inner = _bare(member)
        if isinstance(inner, type) and issubclass(inner, Section):
            return inner, ".*" if get_origin(bare) is dict else "[]" if get_origin(bare) is tuple else ""
    return None, ""


def _bare(hint: Any) -> Any:  # noqa: ANN401
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _limits(hint: Any) -> dict[str, Any]:  # noqa: ANN401
    metas = (
        [extra for extra in get_args(hint)[1:] if isinstance(extra, msgspec.Meta)] if hint is not _bare(hint) else []
    )
    names = ("ge", "gt", "le", "lt", "min_length", "max_length", "description")
    stated = {name: value for meta in metas for name in names if (value := getattr(meta, name)) is not None}
    return {**stated, **{name: value for meta in metas for name, value in (meta.extra or {}).items()}}


def _type_text(hint: Any) -> str:  # noqa: ANN401
    bare, limits = _bare(hint), _limits(hint)
    origin, arguments = get_origin(bare), get_args(bare)
    if "expected" in limits:
        return str(limits["expected"])
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in arguments)
    if origin is dict:
        return f"mapping of {_type_text(arguments[0])} to {_type_text(arguments[1])}"
    if origin is tuple:
        fixed = len(arguments) if arguments[-1] is not ... else limits.get("min_length")
        count = f"{fixed} of " if fixed and (arguments[-1] is not ... or fixed == limits.get("max_length")) else ""
        return f"list of {count}{_type_text(arguments[0])}"
    if origin is Union or type(bare).__name__ == "UnionType":
        return " or ".join(_type_text(member) for member in arguments if member is not type(None))
    name = "section" if isinstance(bare, type) and issubclass(bare, Section) else _NAMES.get(bare, f"{bare}")
    return f"{name}{_range(limits)}"


def _range(limits: dict[str, Any]) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    parts = [f"{sign} {_plain_number(limits[name]):,}" for name, sign in signs.items() if name in limits]
    return f", {', '.join(parts)}" if parts else ""


def _fallback(hint: Any) -> str:  # noqa: ANN401
    """The description of a key without an entry in the docstring: from its section or its type."""
    inner, _ = _inner(hint)
    return summary(inner) if inner is not None else str(_limits(hint).get("description", ""))


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    built = msgspec.to_builtins(value)
    return "" if built is None or isinstance(built, dict) else f"`{_inline_yaml(built)}`"


def _lines(part: Section, indent: str, explained: set[type[Section]]) -> Iterator[str]:
    """A section as lines of YAML; sections in `explained` get no comments again."""
    known = type(part) in explained
    explained.add(type(part))
    texts = descriptions(type(part))
    for field, hint in _fields(type(part)):
        value = getattr(part, field.name)
        if isinstance(value, Section):
            yield from ([""] if not indent else [])
            yield from _comment_lines(
                f"{indent}{field.name}:", "" if type(value) in explained else summary(type(value))
            )
            yield from _lines(value, indent + "  ", explained)
        elif value is not None:
            meaning = texts.get(field.name, "" if hint in _GENERAL else _fallback(hint))
            yield from _value_lines(f"{indent}{field.name}:", value, "" if known else meaning)


def _value_lines(key: str, value: Any, comment: str) -> Iterator[str]:  # noqa: ANN401
    inside = f"{key[: len(key) - len(key.lstrip())]}  "
    some = next(iter(value.values() if isinstance(value, dict) else value), None) if _is_many(value) else None
    if not isinstance(some, Section):
        yield from _comment_lines(f"{key} {_inline_yaml(value)}", comment)
        return
    yield from _comment_lines(key, comment)
    texts = descriptions(type(some))
    for field, hint in _fields(type(some)):
        meaning = texts.get(field.name) or _fallback(hint)
        yield from _wrapped_comment(f"{field.name}: {meaning}", inside)
    items = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    for name, item in items:
        yield f"{inside}{'-' if name is None else f'{_inline_yaml(name)}:'} {_inline_yaml(_set_values(item))}"


def _wrapped_comment(text: str, indent: str) -> list[str]:
    return [f"{indent}# {part.rstrip()}" for part in _wrapped(text, _WIDTH - len(indent) - 2)]


def _is_many(value: object) -> bool:
    return isinstance(value, dict | tuple)


def _comment_lines(line: str, comment: str) -> list[str]:
    """A line with a comment at its end, or before it if the line gets too long."""
    if not comment or len(line) + len(comment) + 3 <= _WIDTH:
        return [f"{line} # {comment}" if comment else line]
    indent = line[: len(line) - len(line.lstrip())]
    return [*_wrapped_comment(comment, indent), line]


def _wrapped(text: str, width: int) -> list[str]:
    return re.findall(rf".{{1,{width}}}(?:\s|$)", text)


def _set_values(part: Section) -> dict[str, Any]:
    """The values of a section that are not null."""
    return {name: value for name, value in msgspec.to_builtins(part).items() if value is not None}


def _inline_yaml(value: Any) -> str:  # noqa: ANN401
    """A value as YAML on one line."""
    plain = value if isinstance(value, dt.date) else _plain_number(msgspec.to_builtins(value))
    text = yaml.safe_dump([plain], default_flow_style=True, width=2**30, sort_keys=False, allow_unicode=True)
    return str(text).strip()[1:-1]


def _plain_number(value: Any) -> Any:  # noqa: ANN401
    """Whole floats as integers: 5, not 5.0."""
    if isinstance(value, dict):
        return {name: _plain_number(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_number(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
