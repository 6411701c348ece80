from __future__ import annotations

import pytest

from docgen.capabilities import BEGIN, END, PAGE, table, with_table
from shoplake import paths
from shoplake.errors import UsageError


def test_the_docs_hold_the_table_of_today() -> None:
    page = (paths.project_root() / PAGE).read_text()
    assert with_table(page) == page, "write it with `python -m docgen`"


def test_the_table_says_what_is_off_and_where() -> None:
    rows = {
        cells[1]: cells[3:6] for line in table().splitlines() if (cells := [each.strip() for each in line.split("|")])
    }
    assert rows["glue"] == ["real", "off", "real"]
    assert rows["rds"] == ["control plane", "off", "real"]
    assert rows["kms"] == ["off", "off", "real"]
    assert rows["sqs"] == ["off", "off", "off"]


def test_what_stands_around_the_table_stays() -> None:
    written = with_table(f"before\n{BEGIN}\nan old one\n{END}\nafter\n")
    assert written.startswith(f"before\n{BEGIN}\n| service |")
    assert written.endswith(f"\n{END}\nafter\n")
    assert "an old one" not in written


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(UsageError, match="no place for the table"):
        with_table("# Terraform\n")
