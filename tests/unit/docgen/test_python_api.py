"""The pages of the Python interfaces have every public name, as its source and its docstring describe it."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import shopsim
from docgen import python_api
from shoplake.sinks import base

PAGES = python_api.pages()
HEADING = re.compile(r"(?m)^###+ `([\w.]+)`$")


def a_page(tmp_path: Path, source: str) -> str:
    file = tmp_path / "module.py"
    file.write_text(source)
    return python_api.page("A page", "module", "", file, python_api.defined(file))


def test_each_name_that_the_simulator_exports_is_on_its_page() -> None:
    headings = HEADING.findall(PAGES["docs/reference/simulator-api.md"])
    assert {name for name in headings if "." not in name} == set(shopsim.__all__)


def test_each_method_of_a_sink_is_on_its_page() -> None:
    headings = HEADING.findall(PAGES["docs/reference/sink-api.md"])
    methods = {f"Sink.{name}" for name, _ in inspect.getmembers(base.Sink, inspect.isfunction) if name[0] != "_"}
    assert methods == {name for name in headings if name.startswith("Sink.")}


def test_an_error_of_a_sink_leads_to_its_description() -> None:
    assert "| [`Fenced`](errors.md#sl0501) | a partition has a newer owner" in PAGES["docs/reference/sink-api.md"]


def test_private_names_are_left_out(tmp_path: Path) -> None:
    source = "class Box:\n    def open(self): ...\n    def _lid(self): ...\n\ndef _helper(): ...\n\n_LIMIT = 1\n"
    assert HEADING.findall(a_page(tmp_path, source)) == ["Box", "Box.open"]


@pytest.mark.parametrize("last", ["last", "a_name_that_makes_the_line_longer_than_it_may_be"])
def test_a_signature_has_each_parameter_and_a_long_one_has_a_line_for_each(last: str) -> None:
    parameters = ["one: int", "/", "two: str = ''", "*rest: float", f"{last}: bool = True"]
    (function,) = ast.parse(f"def f({', '.join(parameters)}) -> None: ...").body
    assert isinstance(function, ast.FunctionDef)
    long = "\n".join(["def f(", *(f"    {one}," for one in parameters), ") -> None"])
    assert python_api.signature(function) == (long if len(last) > 4 else f"def f({', '.join(parameters)}) -> None")


def test_sections_of_a_docstring_become_tables(tmp_path: Path) -> None:
    source = '''
def area(width: int, height: int) -> int:
    """Compute an area.

        area(2, 3)

    Args:
        width: in metres,
            rounded down.
        height: in metres.

    Returns:
        Square
        metres.
    """
'''
    page = a_page(tmp_path, source)
    assert "```python\narea(2, 3)\n```" in page
    assert "| `width` | in metres, rounded down. |\n| `height` | in metres. |" in page
    assert "Returns: Square metres." in page


def test_a_section_without_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected `name: meaning`"):
        a_page(tmp_path, 'def area():\n    """Compute.\n\n    Args:\n        two numbers\n    """\n')


def test_a_name_that_a_package_imports_and_nobody_defines_is_refused(tmp_path: Path) -> None:
    package = tmp_path / "box"
    package.mkdir()
    (package / "__init__.py").write_text("from box.lid import Lid\n")
    (package / "lid.py").write_text("class Cover: ...\n")
    with pytest.raises(LookupError, match=r"box\.lid does not define Lid"):
        list(python_api.exported(package / "__init__.py"))
