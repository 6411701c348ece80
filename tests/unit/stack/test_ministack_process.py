from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from shoplake.stack import ministack_process
from shoplake.stack.ministack_process import LONGEST_S, QUIET_S, Timetable, with_snapshots


def test_nothing_is_written_before_a_request() -> None:
    assert not Timetable().due(now=1000)


def test_the_state_is_written_after_a_quiet_period() -> None:
    timetable = Timetable()
    timetable.note_request(100)
    assert not timetable.due(100 + QUIET_S / 2)
    assert timetable.due(100 + QUIET_S)


def test_the_state_is_also_written_under_load() -> None:
    timetable = Timetable()
    for tenth in range(int(LONGEST_S * 10)):
        timetable.note_request(100 + tenth / 10)
        assert not timetable.due(100 + tenth / 10)
    assert timetable.due(100 + LONGEST_S)


def test_an_unchanged_state_is_not_written_again() -> None:
    timetable = Timetable()
    timetable.note_request(100)
    timetable.note_written(102, took_s=0.1)
    assert not timetable.due(1000)


def test_a_state_that_takes_long_to_write_is_written_more_rarely() -> None:
    timetable = Timetable()
    timetable.note_request(100)
    timetable.note_written(110, took_s=5)
    timetable.note_request(111)
    assert not timetable.due(111 + LONGEST_S)
    assert timetable.due(110 + 5 / ministack_process.LARGEST_SHARE)


async def test_the_application_is_served_and_its_state_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ministack_process, "QUIET_S", 0.01)
    monkeypatch.setattr(ministack_process, "POLL_S", 0.01)
    served, stopped, written = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def application(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await (stopped.wait() if scope["type"] == "lifespan" else asyncio.sleep(0))
        served.set()

    wrapped = with_snapshots(application, written.set)
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(5):
        tasks.create_task(wrapped({"type": "lifespan"}, None, None))
        await wrapped({"type": "http", "method": "POST"}, None, None)
        assert served.is_set()
        await written.wait()
        stopped.set()


@pytest.mark.parametrize(
    ("method", "target", "changes"),
    [
        ("GET", None, False),
        ("PUT", None, True),
        ("POST", None, True),
        ("POST", b"DynamoDB_20120810.Scan", False),
        ("POST", b"DynamoDB_20120810.BatchGetItem", False),
        ("POST", b"AWSGlue.GetTable", False),
        ("POST", b"AmazonSSM.GetParametersByPath", False),
        ("POST", b"DynamoDB_20120810.TransactWriteItems", True),
        ("POST", b"AWSGlue.UpdateTable", True),
    ],
)
def test_a_read_request_does_not_write_the_state(method: str, target: bytes | None, changes: bool) -> None:
    headers = [] if target is None else [(b"X-Amz-Target", target)]
    assert ministack_process.may_change({"method": method, "headers": headers}) is changes
