"""Every table fits a terminal of 80 columns: no heading and no number is cut or broken."""

from __future__ import annotations

import base64
import re

import pytest
from rich.console import Console

from shoplake.cli import dlq, doctor, lag, lake
from shoplake.contract import TOPICS
from shoplake.infra.plan_json import Plan
from shoplake.infra.plan_summary import by_module
from shoplake.sinks.base import TopicPartition
from shoplake.sinks.lake.maintenance import Maintained
from shoplake.stack.doctor import Check
from shoplake.streaming.dead_letters.router import DeadLetter
from shoplake.streaming.dead_letters.store import Found
from shoplake.streaming.lag import PartitionLag, SinkLag
from shoplake.verify import Report
from shoplake.verify.report import STORES, StoreResult
from shoplake.verify.report_table import stores_table

WIDTH = 80
LARGE = 10_000_000


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    monkeypatch.setenv("TERM", "xterm")

    def read(cut: int = 0) -> list[str]:
        """The lines, of which so many are cut at the edge on purpose."""
        lines = capsys.readouterr().out.splitlines()
        assert lines
        assert max(map(len, lines)) <= WIDTH
        assert len([line for line in lines if "…" in line]) == cut
        return lines

    return read


def row(lines: list[str], start: str) -> list[str]:
    """The cells of the one row that begins so, on one line."""
    (found,) = [line for line in lines if line.split()[: len(start.split())] == start.split()]
    return found.split()


def test_a_verification_of_large_stores_with_large_damage(printed) -> None:
    report = Report(tuple(StoreResult(name, LARGE, LARGE, *(1_234_567,) * 3) for name in STORES), 1.0)
    Console().print(stores_table(report))
    lines = printed()
    assert row(lines, "store") == ["store", "expected", "found", "lost", "duplicated", "differing"]
    for name in STORES:
        large = [name, "10,000,000", "10,000,000", "1,234,567", "1,234,567", "1,234,567", "differs"]
        assert row(lines, name) == large


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_lakes_maintenance(printed, dry_run: bool) -> None:
    lake._print(
        [Maintained(topic, 12_345, 1_234, 2**37, 2**36, 9_999, 4_321, 120, 4_201, 345, 2**33) for topic in TOPICS],
        dry_run,
    )
    lines = printed()
    assert row(lines, "table") == ["table", "files", "MB", "snapshots", "orphans"]
    assert row(lines, "customers")[:4] == ["customers", "12,345", "→", "1,234"]
    assert ("dry run" in lines[0]) is dry_run


def test_lag_with_nothing_behind_has_no_empty_columns(printed) -> None:
    done = [PartitionLag(TopicPartition("clicks", n), LARGE, LARGE) for n in range(6)]
    lag._print_table([SinkLag(name, done) for name in ("lake", "dynamodb")])
    lines = printed()
    assert row(lines, "sink") == ["sink", "lag"]
    assert row(lines, "lake") == ["lake", "caught", "up", "0"]


def test_lag_names_partitions_that_are_behind_and_stores_that_do_not_answer(printed) -> None:
    behind = [PartitionLag(TopicPartition("customers", 5), 1, LARGE)]
    lag._print_table([SinkLag("dynamodb", behind), SinkLag("mongo", problem="mongo did not answer: " + "x " * 60)])
    lines = printed()
    assert row(lines, "dynamodb customers-5") == ["dynamodb", "customers-5", "1", "10,000,000", "9,999,999"]


def test_dead_letters_take_one_line_each_by_time_and_name_the_event(printed) -> None:
    def letter(offset: int, at_ms: int, value: bytes) -> DeadLetter:
        return DeadLetter(
            topic="clicks",
            partition=0,
            offset=offset,
            key="s-1",
            timestamp_ms=at_ms,
            reason="schema",
            detail="Expected `str` matching regex '^[A-Z]{3}$', found [bold]text[/bold]\n" * 3,
            value_base64=base64.b64encode(value).decode(),
            contract="0123456789ab",
        )

    early = letter(987_654_321, 1_700_000_000_000, b'{"type": "checkout_completed"}')
    late = letter(17, 1_700_000_001_000, b"not json")
    dlq._print_found(Found([late, early], {("clicks", "schema", "open"): 1_234_567}), {})
    lines = printed(cut=2)
    first, second = (n for n, line in enumerate(lines) if line.startswith("clicks-0-"))
    assert lines[first].split()[0] == "clicks-0-987654321"
    assert "checkout_completed" in lines[first]
    assert second == first + 1
    assert row(lines, "clicks schema open") == ["clicks", "schema", "open", "1,234,567"]


def test_a_plans_modules(printed) -> None:
    types = [f"aws_resource_type_number_{n}" for n in range(30)]
    changes = [
        {
            "address": f"module.observability.{kind}.this",
            "mode": "managed",
            "type": kind,
            "name": "this",
            "module_address": "module.observability",
            "change": {"actions": ["create"], "after": {}},
        }
        for kind in types
    ]
    for module in by_module(Plan({"resource_changes": changes})):
        print(module)
    lines = printed()
    assert sorted(re.findall(r"resource_type_number_\d+", " ".join(lines))) == sorted(
        t.removeprefix("aws_") for t in types
    )


def test_doctor_folds_long_paths_and_shows_emulators_on_request_only(printed) -> None:
    long = "/home/somebody/" + "folder/" * 20
    doctor._print_checks([Check("home", long, ok=True)])
    lines = printed()
    assert "".join(line.removeprefix("ok").strip().removeprefix("home").strip() for line in lines[2:]) == long
    doctor._print_emulators()
    assert [line for line in printed() if line.startswith("resourcegroupstaggingapi ")]
