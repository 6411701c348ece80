"""What dbt wrote about its last tests becomes results, if it was about the build that is there."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shoplake.positions import Place, Positions
from shoplake.quality.dbt_tests import results
from shoplake.quality.facts import Facts
from shoplake.quality.results import Result
from shoplake.warehouse import state
from shoplake.warehouse.state import Build

POSITIONS = Positions({Place("orders", 0): 7})
NODES: dict[str, dict[str, Any]] = {
    "model.shoplake.fct_orders": {"resource_type": "model", "schema": "gold", "name": "fct_orders"},
    **{
        f"test.shoplake.{name}": {
            "resource_type": "test",
            "name": name,
            "attached_node": "model.shoplake.fct_orders" if name != "orders_add_up" else None,
            "depends_on": {"nodes": ["model.shoplake.fct_orders"]},
            "config": {"severity": "WARN" if name == "loose" else "ERROR"},
        }
        for name in ("key", "orders_add_up", "loose", "broken", "skipped")
    },
}
FOUND = [
    ("key", "pass", 0),
    ("orders_add_up", "fail", 3),
    ("loose", "warn", 1),
    ("broken", "error", None),
    ("skipped", "skipped", None),
]


def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, late: timedelta, which: str = "test") -> list[Result]:
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path))
    with state.opened("local") as connection:
        build = Build(1, POSITIONS, "{}", "checksum", state.now())
        state.begin(connection, build)
        state.finish(connection, build)
    target = state.folder("local") / "target"
    target.mkdir()
    run = [{"unique_id": f"test.shoplake.{name}", "status": status, "failures": n} for name, status, n in FOUND]
    run.append({"unique_id": "unit_test.shoplake.fct_orders.sums", "status": "pass", "failures": 0})
    started = (state.now() + late).isoformat() + "Z"
    document = {"metadata": {"invocation_started_at": started}, "args": {"which": which}, "results": run}
    (target / "run_results.json").write_text(json.dumps(document))
    (target / "manifest.json").write_text(json.dumps({"nodes": NODES}))
    return results("local", Facts({}))


def test_each_test_is_a_result_of_its_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = written(tmp_path, monkeypatch, late=timedelta(minutes=1))
    assert [(one.check, one.outcome, one.failing) for one in found] == [
        ("key", "passed", 0),
        ("orders_add_up", "failed", 3),
        ("loose", "warned", 1),
        ("broken", "failed", None),
        ("skipped", "unknown", None),
    ]
    assert {(one.dataset, one.kind, one.source, one.snapshot) for one in found} == {
        ("gold.fct_orders", "dbt_test", "dbt", "build 1")
    }
    assert all(one.positions == POSITIONS for one in found)


def test_results_of_an_earlier_build_or_of_another_command_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert written(tmp_path / "early", monkeypatch, late=timedelta(minutes=-1)) == []
    assert written(tmp_path / "run", monkeypatch, late=timedelta(minutes=1), which="run") == []


def test_a_warehouse_that_was_never_tested_has_no_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path))
    assert results("local", Facts({})) == []
