"""An incremental build gives the tables of a full one, whatever came late or twice, and whenever a build was killed."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from functools import partial

import polars as pl
import pytest

from shoplake import private_files
from shoplake.errors import FileInTheWay, WarehouseError
from shoplake.warehouse import bronze, dbt_project, publish, state
from shoplake.warehouse.build import Built, build

from .lake_on_files import Lake, in_any_order, shop_events, tables

SEED = 5
KILLED_AT = ("stg_orders", "fct_orders", "published dim_products")
PORTIONS = len(KILLED_AT) + 1
ENVIRONMENT = "local"


pytestmark = pytest.mark.skipif(not dbt_project.has_dbt(), reason="the extra `warehouse` is not installed")


@pytest.fixture
def lake(tmp_path, monkeypatch) -> Lake:
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path / "home"))
    made = Lake.made(tmp_path)
    for module in (bronze, publish):
        monkeypatch.setattr(module, "open_catalog", lambda settings: made.catalog)
    return made


def built(lake: Lake, **options) -> Built:
    return build(lake.settings, ENVIRONMENT, lambda text: None, **options)


def portions(events: dict[str, pl.DataFrame], draw: random.Random) -> list[dict[str, pl.DataFrame]]:
    cuts = {name: sorted(draw.randrange(rows.height + 1) for _ in range(PORTIONS - 1)) for name, rows in events.items()}
    return [
        {name: rows[([0, *cuts[name]])[n] : ([*cuts[name], rows.height])[n]] for name, rows in events.items()}
        for n in range(PORTIONS)
    ]


def build_and_die(lake: Lake, at: str) -> None:
    def progress(text: str) -> None:
        if text.startswith(at):
            os.kill(os.getpid(), signal.SIGKILL)

    build(lake.settings, ENVIRONMENT, progress)


def kill(lake: Lake, at: str) -> None:
    """A build in a process of its own that dies when it reports this step."""
    process = multiprocessing.get_context("fork").Process(target=partial(build_and_die, lake, at))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL


def test_builds_of_late_and_doubled_events_with_kills_equal_one_build_of_all(lake: Lake, small):
    draw = random.Random(SEED)
    events = in_any_order(shop_events(small, SEED, 3), draw)
    first, *others = portions(events, draw)
    lake.append(first)
    built(lake)
    for portion, step in zip(others, KILLED_AT, strict=True):
        lake.append(portion)
        kill(lake, step)
    lake.append({name: rows[:5] for name, rows in events.items()})
    done = built(lake)
    incremental = tables(ENVIRONMENT)

    again = built(lake, full_refresh=True)

    assert again.new_events == sum(rows.height for rows in events.values()) + sum(
        min(5, rows.height) for rows in events.values()
    )
    assert 0 < done.new_events < again.new_events
    passed: list[str] = []
    dbt_project.run_tests(ENVIRONMENT, [], passed.append)
    assert len(passed) > 80
    assert tables(ENVIRONMENT) == incremental
    assert len(incremental["gold.fct_orders"]) > 50
    assert len({row[4] for row in incremental["gold.fct_orders"]}) > 3, "statuses: the events have their types"
    published = {name: lake.catalog.load_table(("local_lake_gold", name)).scan().to_arrow() for _, name in _gold(lake)}
    for name, rows in published.items():
        found = sorted(map(repr, zip(*(column.to_pylist() for column in rows.columns), strict=True)))
        assert found == sorted(map(repr, incremental[f"gold.{name}"])), name


def test_a_lake_without_new_events_is_up_to_date(lake: Lake, small):
    lake.append(shop_events(small, SEED, 1))
    first = built(lake)

    second = built(lake)

    assert first.new_events > 0
    assert (second.build, second.new_events) == (first.build, 0)
    assert second.positions.next_offsets == first.positions.next_offsets


def test_a_lake_that_is_older_than_the_warehouse_is_refused(lake: Lake, small):
    lake.append(shop_events(small, SEED, 1))
    built(lake)
    for name, offsets in lake.next_offsets.items():
        lake.next_offsets[name] = dict.fromkeys(offsets, 0)
    lake.append({})

    with pytest.raises(WarehouseError, match="the lake is older than the warehouse"):
        built(lake)


def test_a_model_that_does_not_compile_is_named_and_the_tables_stay(lake: Lake, small, tmp_path, monkeypatch):
    lake.append(shop_events(small, SEED, 1))
    built(lake)
    before = tables(ENVIRONMENT)
    broken = tmp_path / "project"
    shutil.copytree(dbt_project.project_folder(), broken)
    monkeypatch.setattr(dbt_project, "project_folder", lambda: broken)
    model = broken / "models" / "facts" / "fct_reviews.sql"
    model.write_text(model.read_text().replace("review_id", "review_ix"))

    with pytest.raises(WarehouseError, match=r"model fct_reviews could not be built: .*review_ix"):
        built(lake)

    assert tables(ENVIRONMENT)["gold.fct_reviews"] == before["gold.fct_reviews"]


def _gold(lake: Lake) -> list[tuple[str, str]]:
    return sorted(lake.catalog.list_tables("local_lake_gold"))


def test_the_documentation_is_one_page_of_all_models(lake: Lake, small, tmp_path):
    lake.append(shop_events(small, SEED, 1))
    built(lake)
    page = tmp_path / "docs.html"
    dbt_project.write_docs(ENVIRONMENT, page)
    text = page.read_text("utf-8")
    assert all(f"model.shoplake.{name}" in text for name in ("stg_orders", "dim_customers", "revenue_daily"))
    with pytest.raises(FileInTheWay, match="could not be written"):
        dbt_project.write_docs(ENVIRONMENT, tmp_path)


def test_a_full_disk_is_one_clear_error_and_the_next_build_makes_all_tables(lake: Lake, small):
    lake.append(shop_events(small, SEED, 1))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))  # of one file: a disk of our own would need root
    try:
        with pytest.raises(WarehouseError, match="the build could not continue") as refused:
            built(lake)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert "free space" in refused.value.fix

    assert built(lake).ran
    assert tables(ENVIRONMENT)["gold.fct_orders"]


def test_a_file_that_another_program_has_opened_is_named(lake: Lake, small):
    lake.append(shop_events(small, SEED, 1))
    file = private_files.folder(state.folder(ENVIRONMENT)) / "warehouse.duckdb"
    script = f"import duckdb, sys; held = duckdb.connect({str(file)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(WarehouseError, match="could not be opened") as refused:
            built(lake)
        other.communicate()
    assert refused.value.fix.startswith("close the program that has opened it")
