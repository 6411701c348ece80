"""Sources of HTTP on the embedded stack: killed with -9 and resumed, each row is in the lake once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.exceptions import NoSuchTableError

from shoplake.orchestration import runs
from shoplake.settings import Settings
from shoplake.sinks.lake.tables import open_catalog
from tests.integration.own_workflow import TIMEOUT_S, command, shoplake, start, write
from tests.paged_source import PagedSource, dies, fails, orders, served

pytest.importorskip("dagster", reason="the extra `orchestrate` is not installed")
pytestmark = [pytest.mark.stack, pytest.mark.fault]

CONFIG = """
    description: The source of ingest-api, killed at the commit of its second page.
    owner: test
    retries: {attempts: 0}
    parameters:
      url: {type: text, description: Address.}
      moment: {type: text, default: never, description: before or after the commit.}
"""
CODE = """
    import os
    import signal

    from shoplake.orchestration.workflow import step


    @step()
    def ingest(context):
        from pyiceberg.table import Transaction
        from shoplake.orchestration.shared_steps import pages

        commit, commits, moment = Transaction.commit_transaction, [], context.parameters["moment"]

        def killed(transaction):
            commits.append(1)
            if len(commits) == 2 and moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            done = commit(transaction)
            if len(commits) == 2 and moment == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        Transaction.commit_transaction = killed
        source = pages.Source(context.parameters["url"], "probe_orders", "id", items="data.orders", per_second=1e6)
        return {"rows": pages.ingest(context, source).rows}
"""
RATES = b"currency,rate\nEUR,1.0\nUSD,1.1\n"


@pytest.fixture
def api() -> Iterator[PagedSource]:
    with served(PagedSource(orders(35))) as source:
        yield source


@pytest.fixture
def uploads(platform: Settings) -> Iterator[Any]:
    """Reads a table of uploads; the tables go after the test."""
    catalog, database = open_catalog(platform), f"{platform.lake.database}_uploads"

    def rows(table: str, column: str) -> list[Any]:
        found = catalog.load_table((database, table)).scan(selected_fields=(column,)).to_arrow()
        return sorted(found[column].to_pylist())

    yield rows
    for table in ("probe_orders", "probe_rates"):
        try:
            catalog.drop_table((database, table))
        except NoSuchTableError:
            continue


def given(**parameters: str) -> list[str]:
    return [part for name, value in parameters.items() for part in ("--config", f"{name}={value}")]


def test_a_source_that_is_killed_while_it_waits_for_a_page_goes_on_with_it(api: PagedSource, uploads: Any) -> None:
    api.hang_at = "cursor=20"
    api.faults = [fails(500), fails(429, Retry_After="1"), dies]
    options = given(
        url=f"{api.address}/orders",
        table="probe_orders",
        items="data.orders",
        watermark="updated_at",
        requests_per_second="1000",
    )
    process = start("workflow", "run", "ingest-api", "--json", *options)
    assert api.hangs.wait(TIMEOUT_S), process.communicate()
    process.kill()
    process.communicate()
    assert uploads("probe_orders", "id") == list(range(20))

    api.hang_at = ""
    api.requests.clear()
    killed = runs.history("local", "ingest-api", 1)[0]
    assert (killed.state, killed.error) == ("failure", "the process was killed")
    resumed = shoplake("workflow", "run", "ingest-api", "--resume", killed.run, "--json")

    assert api.requests[0] == "/orders?cursor=20"
    assert resumed["steps"][0]["result"] == {
        "table": resumed["steps"][0]["result"]["table"],
        "pages": 2,
        "received": 15,
        "rows": 35,
        "watermark": "2026-09-01T000034",
    }
    assert uploads("probe_orders", "id") == list(range(35))


@pytest.mark.parametrize(("moment", "landed"), [("before", 10), ("after", 20)])
def test_a_source_that_is_killed_at_a_commit_has_each_row_once(
    api: PagedSource, uploads: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, landed: int
) -> None:
    monkeypatch.setenv("SHOPLAKE_WORKFLOWS", str(tmp_path))
    write(tmp_path, "killed-api", CONFIG, CODE)
    code, _, err = command("workflow", "run", "killed-api", *given(url=f"{api.address}/orders", moment=moment))
    assert code == -9, err
    assert uploads("probe_orders", "id") == list(range(landed))

    run = runs.history("local", "killed-api", 1)[0].run
    resumed = shoplake("workflow", "run", "killed-api", "--resume", run, "--json", *given(moment="never"))

    assert resumed["steps"][0]["result"] == {"rows": 35}
    assert uploads("probe_orders", "id") == list(range(35))


def test_a_backfill_that_is_repeated_runs_only_the_days_that_did_not_succeed(api: PagedSource, uploads: Any) -> None:
    days = [f"2026-09-0{day}" for day in (1, 2, 3, 4)]  # a Tuesday to a Friday
    api.documents = {f"/documents/{day}": RATES for day in days if day != days[2]}
    options = given(url=f"{api.address}/documents/{{day}}", table="probe_rates")
    backfill = ["workflow", "backfill", "exchange-rates", "--from", days[0], "--to", days[3], *options]

    # The days that have no rates, and the process of one that is killed, fail alone.
    api.hang_at = days[3]
    process = start(*backfill, "--json")
    assert api.hangs.wait(TIMEOUT_S), process.communicate()
    code, _, err = command(*backfill)
    assert (code, "SL1302" in err) == (1, True), err
    (hanging,) = [one for one in runs.history("local", "exchange-rates") if one.parameters.get("day") == days[3]]
    assert runs.cancel("local", hanging.run).state == "started"
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, out) == (1, ""), err
    assert "2 of 4 days failed" in err
    assert f"there are no rates of {days[2]}" in err

    api.hang_at = ""
    api.documents[f"/documents/{days[2]}"] = RATES
    api.requests.clear()
    assert shoplake(*backfill, "--json") == {"succeeded": days[2:], "skipped": days[:2]}
    assert sorted(api.requests) == [f"/documents/{day}" for day in days[2:]]
    assert uploads("probe_rates", "source_file") == sorted(f"{day}.csv" for day in days * 2)

    assert shoplake(*backfill, "--json") == {"succeeded": [], "skipped": days}
    api.documents[f"/documents/{days[0]}"] = b"currency,rate\nEUR,1.5\n"
    again = [*backfill[:5], "--to", days[0], *options, "--again", "--json"]
    assert shoplake(*again) == {"succeeded": days[:1], "skipped": []}
    assert uploads("probe_rates", "source_file") == sorted(f"{day}.csv" for day in days * 2)[1:]


def test_a_day_of_a_weekend_without_rates_is_no_error(api: PagedSource, platform: Settings) -> None:
    del platform
    options = given(url=f"{api.address}/documents/{{day}}", table="probe_rates", day="2026-09-05")
    done = shoplake("workflow", "run", "exchange-rates", "--json", *options)

    assert done["steps"][0]["result"] == {"day": "2026-09-05", "rows": 0}
    assert done["parameters"]["day"] == "2026-09-05"
