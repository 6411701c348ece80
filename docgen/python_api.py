"""The reference of Python interfaces: signatures and docstrings of public names, read from the source."""

from __future__ import annotations

import ast
import functools
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from docgen import errors, markdown
from shoplake import paths

SIMULATOR = """
The library that makes the events. [The simulator](../simulator.md) explains scenarios, faults and columns, and
`shoplake scenario new` writes a file with every key of a scenario.
"""
SINKS = """
The interface that a sink implements. [Writing a sink](../writing-a-sink.md) shows how, and
[errors](errors.md) lists the errors.
"""
SECTION = re.compile(r"(?m)^(Args|Attributes|Returns|Yields|Raises):$")
ENTRY = re.compile(r"(?m)^(?=\S)")
CODE = re.compile(r"(?m)(?:^    .*\n?)+")
LINE_LENGTH = 88
Definition: TypeAlias = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant or type alias of a module, with the docstring below it."""

    name: str
    value: str
    text: str


@dataclass(frozen=True, slots=True)
class Docstring:
    """The parts of a docstring in Google's format: the text before its sections, and each section."""

    text: str
    sections: dict[str, str]


def pages() -> dict[str, str]:
    """The page of the simulator and that of sinks, by path."""
    root = paths.project_root()
    shopsim, base = root / "generators/shopsim/__init__.py", root / "src/shoplake/sinks/base.py"
    return {
        "docs/reference/simulator-api.md": page("Simulator API", "shopsim", SIMULATOR, shopsim, exported(shopsim)),
        "docs/reference/sink-api.md": page("Sink API", "shoplake.sinks.base", SINKS, base, defined(base)),
    }


def page(title: str, module: str, introduction: str, source: Path, names: Iterable[Definition | Constant]) -> str:
    """A page: the module's docstring, then its functions, classes and constants."""
    groups: dict[str, list[str]] = {"Functions": [], "Classes": [], "Errors": [], "Constants and types": []}
    for name in names:
        groups[_group(name)].append(_constant(name) if isinstance(name, Constant) else _definition(name))
    text = fenced(ast.get_docstring(_tree(source)) or "")
    parts = [f"## {heading}\n\n" + "\n\n".join(group) for heading, group in groups.items() if group]
    return markdown.page(title, introduction, f"## Module `{module}`\n\n{text}", *parts)


def exported(package: Path) -> Iterator[Definition | Constant]:
    """What a package exports: names that its `__init__.py` imports, in the order of the imports.

    Raises:
        LookupError: a module does not define the name that is imported from it.
    """
    for node in _tree(package).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            there = {one.name: one for one in defined(package.parents[1] / f"{node.module.replace('.', '/')}.py")}
            for alias in node.names:
                if alias.name not in there:
                    raise LookupError(f"{node.module} does not define {alias.name}")
                yield there[alias.name]


def defined(module: Path) -> Iterator[Definition | Constant]:
    """Public functions, classes and constants of a module, in the order of its source."""
    body = _tree(module).body
    for node, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, Definition):
            if not node.name.startswith("_"):
                yield node
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and not target.id.startswith("_"):
                yield Constant(target.id, ast.unparse(node.value), _string(following))


def parsed(docstring: str) -> Docstring:
    """Divide a docstring into the text and its sections."""
    text, *rest = SECTION.split(docstring)
    sections = {name: textwrap.dedent(body.strip("\n")) for name, body in zip(rest[::2], rest[1::2], strict=True)}
    return Docstring(text.strip(), sections)


def fenced(text: str) -> str:
    """The text, with its indented lines as a block of Python."""
    return CODE.sub(lambda found: markdown.block(re.sub(r"(?m)^    ", "", found[0]), "python") + "\n", text)


def signature(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """The `def` line, with one line for each parameter if it is long."""
    start = "async def" if isinstance(function, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    parameters = list(_parameters(function.args))
    line = f"{start} {function.name}({', '.join(parameters)}){returns}"
    if len(line) <= LINE_LENGTH:
        return line
    return "\n".join([f"{start} {function.name}(", *(f"    {one}," for one in parameters), f"){returns}"])


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    named = [*arguments.posonlyargs, *arguments.args]
    defaults = [*[None] * (len(named) - len(arguments.defaults)), *arguments.defaults]
    for place, (argument, default) in enumerate(zip(named, defaults, strict=True), 1):
        yield _parameter(argument, default)
        if place == len(arguments.posonlyargs):
            yield "/"
    if arguments.vararg or arguments.kwonlyargs:
        yield f"*{_parameter(arguments.vararg) if arguments.vararg else ''}"
    yield from map(_parameter, arguments.kwonlyargs, arguments.kw_defaults)
    if arguments.kwarg:
        yield f"**{_parameter(arguments.kwarg)}"


def _parameter(argument: ast.arg, default: ast.expr | None = None) -> str:
    return ast.unparse(argument) + (f" = {ast.unparse(default)}" if default else "")


def _definition(node: Definition) -> str:
    if not isinstance(node, ast.ClassDef):
        return _documented("###", node.name, signature(node), node)
    parts = [_documented("###", node.name, _class_line(node), node)]
    for method in node.body:
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and not method.name.startswith("_"):
            parts.append(_documented("####", f"{node.name}.{method.name}", signature(method), method))
    return "\n\n".join(parts)


def _class_line(node: ast.ClassDef) -> str:
    """The `class` line and the fields. The keys of a scenario are left out: its file describes them."""
    bases = [ast.unparse(base) for base in node.bases]
    line = f"class {node.name}({', '.join(bases)})" if bases else f"class {node.name}"
    fields = [f"    {ast.unparse(one)}" for one in node.body if isinstance(one, ast.AnnAssign)]
    return "\n".join([f"{line}:", *fields]) if fields and "Section" not in bases else line


def _documented(level: str, name: str, code: str, node: Definition) -> str:
    doc = parsed(ast.get_docstring(node) or "")
    marks = [f"@{ast.unparse(decorator)}" for decorator in node.decorator_list]
    block = markdown.block("\n".join([*marks, code]), "python")
    parts = [f"{level} `{name}`", block, fenced(doc.text)]
    for section, body in doc.sections.items():
        if section in ("Returns", "Yields"):
            parts.append(f"{section}: {' '.join(body.split())}")
        else:
            header = {"Args": "argument", "Attributes": "attribute", "Raises": "raises"}[section]
            parts.append(markdown.table((header, "meaning"), _entries(body)))
    return "\n\n".join(part for part in parts if part)


def _entries(body: str) -> Iterator[tuple[str, str]]:
    for entry in filter(None, ENTRY.split(body)):
        names, colon, text = entry.partition(": ")
        if not colon:
            raise ValueError(f"expected `name: meaning` in a docstring, found {entry!r}")
        yield ", ".join(_linked(name.strip()) for name in names.split(",")), text


def _linked(name: str) -> str:
    """The name as code, which leads to the description of an error of ours."""
    codes = _codes()
    return f"[`{name}`](errors.md#{codes[name]})" if name in codes else markdown.code(name)


@functools.cache
def _codes() -> dict[str, str]:
    return {error.__name__: error.code.lower() for error in errors.every_class()}


def _constant(constant: Constant) -> str:
    code = markdown.block(f"{constant.name} = {constant.value}", "python")
    return "\n\n".join(part for part in (f"### `{constant.name}`", code, constant.text) if part)


def _group(node: Definition | Constant) -> str:
    if isinstance(node, Constant):
        return "Constants and types"
    if not isinstance(node, ast.ClassDef):
        return "Functions"
    return "Errors" if any(ast.unparse(base).endswith("Error") for base in node.bases) else "Classes"


def _string(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return node.value.value
    return ""


def _tree(source: Path) -> ast.Module:
    return ast.parse(source.read_text(encoding="utf-8"))
