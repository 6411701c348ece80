"""The notebook and the dbt project of `examples/`, run as a user runs them, on a stack with a shop in it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import duckdb
import pytest

from shoplake.paths import project_root
from shoplake.settings import Settings
from shoplake.warehouse.dbt_project import has_dbt
from tests.integration import user_shell

pytestmark = pytest.mark.stack

EXAMPLES = project_root() / "examples"
# As Jupyter does: one namespace, and the value of a cell's last expression is shown.
RUN_CELLS = """
import ast, json, sys

names = {}
for cell in json.load(sys.stdin)["cells"]:
    if cell["cell_type"] == "code":
        tree = ast.parse("".join(cell["source"]), cell["id"])
        last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, cell["id"], "exec"), names)
        shown = eval(compile(last, cell["id"], "eval"), names) if last else None
        if shown is not None:
            print(shown)
"""


def test_the_notebook_finds_the_same_orders_in_two_stores(loaded_stack: Settings, tmp_path: Path) -> None:
    environment = user_shell.without_stores(tmp_path) | {"SHOPLAKE": f"{sys.executable} -m shoplake.cli.main"}
    folder = EXAMPLES / "notebooks"
    notebook = (folder / "shop.ipynb").read_text(encoding="utf-8")

    printed = user_shell.printed([sys.executable, "-c", RUN_CELLS], environment, cwd=folder, stdin=notebook)

    assert "█" in printed  # the chart
    counts = re.search(r"([\d,]+) orders in the lake, ([\d,]+) in Postgres", printed)
    assert counts is not None
    assert counts[1] == counts[2] != "0"
    assert loaded_stack.postgres.password.get_secret_value() not in printed


@pytest.mark.skipif(not has_dbt(), reason="the extra `warehouse` is not installed")
def test_the_dbt_project_builds_and_passes_its_tests(shell: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "example.duckdb"
    project = ["--project-dir", str(EXAMPLES / "dbt"), "--profiles-dir", str(EXAMPLES / "dbt")]
    written = ["--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path / "logs")]

    command = [str(Path(sys.executable).with_name("dbt")), "build", *project, *written]
    user_shell.printed(command, shell | {"SHOP_DUCKDB": str(file)})

    with duckdb.connect(str(file), read_only=True) as built:
        orders, days = built.execute("select count(*), count(distinct placed_at::date) from shop.orders").fetchone()
        sold = built.execute("select sum(orders), count(distinct day) from shop.sales_by_day").fetchone()
    assert (orders, days) == sold
    assert orders > 0
