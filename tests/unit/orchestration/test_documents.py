"""A document, from a file or a real HTTP server, becomes rows of a table: once by its content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from tests.paged_source import PagedSource, fails, served

from shoplake.errors import UsageError, WorkflowFailed
from shoplake.orchestration import registry
from shoplake.orchestration.shared_steps import documents, files
from shoplake.orchestration.workflow import Context

RATES = "currency,rate\nEUR,1.0\nUSD,1.1\n"


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The context of a step, with a catalogue in a file."""
    made = SqlCatalog("test", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}/lake")
    monkeypatch.setattr(files, "open_catalog", lambda settings: made)
    monkeypatch.setattr(Context, "settings", lambda *_: SimpleNamespace(lake=SimpleNamespace(database="lake")))
    return Context("local", {}, {})


@pytest.fixture
def source() -> Iterator[PagedSource]:
    with served(PagedSource([])) as made:
        yield made


def test_a_file_lands_once_and_a_changed_one_replaces_its_rows(context: Any, tmp_path: Path) -> None:
    file = tmp_path / "rates.txt"
    file.write_text(RATES)
    first = documents.ingest(context, str(file), "rates", "2026-09-01.csv")
    again = documents.ingest(context, str(file), "rates", "2026-09-01.csv")
    file.write_text(RATES + "GBP,0.9\n")
    changed = documents.ingest(context, str(file), "rates", "2026-09-01.csv")

    assert [one and dict(one.new) for one in (first, again, changed)] == [
        {"2026-09-01.csv": 2},
        {},
        {"2026-09-01.csv": 3},
    ]
    assert changed is not None
    assert changed.rows == {"2026-09-01.csv": 3}


def test_an_address_is_read_and_one_that_has_nothing_is_none(context: Any, source: PagedSource) -> None:
    source.documents = {"/documents/a": RATES.encode()}

    assert documents.ingest(context, f"{source.address}/documents/b", "rates", "b.csv") is None
    done = documents.ingest(context, f"{source.address}/documents/a", "rates", "a.csv")
    assert done is not None
    assert done.rows == {"a.csv": 2}
    source.faults = [fails(403)]
    with pytest.raises(UsageError, match="HTTP 403"):
        documents.ingest(context, f"{source.address}/documents/a", "rates", "a.csv")


def test_a_place_or_a_format_that_is_not_valid_is_an_error(context: Any, tmp_path: Path) -> None:
    assert documents.ingest(context, str(tmp_path / "none"), "rates", "a.csv") is None
    with pytest.raises(UsageError, match="absolute path"):
        documents.ingest(context, "rates/a.csv", "rates", "a.csv")
    with pytest.raises(UsageError, match="formats csv"):
        documents.ingest(context, str(tmp_path), "rates", "a.xlsx")


def test_rates_are_missing_on_working_days_only(context: Any, tmp_path: Path) -> None:
    (step,) = registry.read().get("exchange-rates").steps
    given = {"url": f"{tmp_path}/{{day}}.csv", "table": "rates", "format": "csv", "token_variable": ""}
    context.parameters = {**given, "weekends": False, "day": "2026-09-05"}  # a Saturday
    assert step.body(context) == {"day": "2026-09-05", "rows": 0}

    context.parameters = {**given, "weekends": True, "day": "2026-09-05"}
    with pytest.raises(WorkflowFailed, match="no rates of 2026-09-05"):
        step.body(context)
    context.parameters = {**given, "weekends": False, "day": "2026-09-04"}
    with pytest.raises(WorkflowFailed, match="no rates of 2026-09-04"):
        step.body(context)
    (tmp_path / "2026-09-04.csv").write_text(RATES)
    assert step.body(context) == {"day": "2026-09-04", "table": "lake_uploads.rates", "rows": 2}
