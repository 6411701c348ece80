"""`shoplake dlq` on a real log: letters are found, repaired and published again, each once whatever happens."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shoplake import kafka
from shoplake.cli.main import app
from shoplake.contract import REPLAY_OF
from shoplake.errors import ShoplakeError
from shoplake.settings import Settings
from shoplake.streaming.dead_letters import replay
from shoplake.streaming.dead_letters.repair import Repair, parse_changes
from shoplake.streaming.dead_letters.store import Filter, read_outcomes

from .invalid_events import TIMEOUT_S, TOPIC, finish, letters_about, plant, refused

pytestmark = pytest.mark.stack

DLQ = [sys.executable, "-m", "shoplake.cli.main", "dlq"]
KILLS = 3
MENDED = Repair(parse_changes(["type=checkout_started"], (), ()))


async def dlq(*arguments: str, code: int = 0) -> str:
    """The command's output; in this process, since to import it takes longer than most commands."""
    done = await asyncio.to_thread(CliRunner().invoke, app, ["dlq", *arguments])
    failed = done.exception.exit_code if isinstance(done.exception, ShoplakeError) else done.exit_code
    assert failed == code, (done.stderr, done.exception)
    return done.stdout


def start_replay() -> subprocess.Popen[str]:
    """A process that mends all of the topic's letters whose type there is not."""
    wanted = ["--topic", TOPIC, "--reason", "schema", "--set", "type=checkout_started"]
    return subprocess.Popen([*DLQ, "replay", *wanted], stderr=subprocess.PIPE, text=True)


async def planted(settings: Settings, mark: str, count: int) -> list[str]:
    """Names of the letters of that many events whose type there is not."""
    places = await plant(settings, mark, [refused(mark, 2 * n) for n in range(count)])
    finish()
    return sorted(f"{topic}-{partition}-{offset}" for topic, partition, offset in places)


async def replays_of(settings: Settings, names: list[str]) -> list[tuple[str, str, bytes]]:
    """Letter's name, place and value of each replayed event in the log that is of one of these letters."""
    found = []
    await kafka.stable_end_offsets(settings.kafka, [TOPIC])
    async for records in kafka.committed_records(settings.kafka, TOPIC):
        for record in records:
            of = dict(record.headers).get(REPLAY_OF, b"").decode()
            if of in names:
                found.append((of, f"{record.topic}-{record.partition}-{record.offset}", record.value))
    return found


async def test_dead_letters_are_filtered_by_topic_reason_and_time(platform: Settings) -> None:
    mark = uuid.uuid4().hex
    places = await plant(platform, mark, [refused(mark, n) for n in range(4)])
    finish()
    names = sorted(f"{t}-{p}-{o}" for t, p, o in places)

    async def listed(*filters: str) -> list[dict[str, Any]]:
        lines = (await dlq("list", *names, *filters, "--json")).splitlines()
        return [json.loads(line) for line in lines]

    assert sorted(letter["letter"] for letter in await listed()) == names
    assert {letter["key"] for letter in await listed("--topic", "clicks", "--until", "1970-01-02")} == {mark}
    assert Counter(letter["reason"] for letter in await listed()) == {"schema": 2, "malformed_json": 2}
    assert {letter["reason"] for letter in await listed("--reason", "schema")} == {"schema"}
    assert {letter["value"] for letter in await listed()} == {refused(mark, n).decode() for n in range(4)}
    for nothing in (["--topic", "orders"], ["--since", "1970-01-02"], ["--state", "replayed"]):
        assert await listed(*nothing) == []
    assert len(await listed("--limit", "1")) == 1
    assert ["clicks", "schema", "open", "2"] in [line.split() for line in (await dlq("list", *names)).splitlines()]
    (schema, *_) = await listed("--reason", "schema")
    assert "Invalid value 'checkout_dreamt'" in json.loads(await dlq("show", schema["letter"], "--json"))["detail"]


async def test_repaired_records_are_published_once_and_invalid_ones_stay_open(
    platform: Settings, tmp_path: Path
) -> None:
    mark = uuid.uuid4().hex
    places = await plant(platform, mark, [refused(mark, n) for n in range(4)])
    finish()
    names = sorted(f"{t}-{p}-{o}" for t, p, o in places)

    said = await dlq("replay", *names, "--set", "type=checkout_started", "--dry-run", code=1)
    assert "2 dead letters would be replayed" in said
    assert await replays_of(platform, names) == []
    said = await dlq("replay", *names, "--set", "type=checkout_started", code=1)
    assert "2 dead letters replayed" in said
    assert said.count("stays open: malformed_json: expected JSON whose fields can be set") == 2
    assert "0 dead letters replayed" in await dlq("replay", *names, "--set", "type=checkout_started", code=1)

    rest = [json.loads(line) for line in (await dlq("list", *names, "--json")).splitlines()]
    values = tmp_path / "repaired.jsonl"
    values.write_text("".join(json.dumps(letter | {"value": letter["value"] + "}"}) + "\n" for letter in rest))
    assert "2 dead letters replayed" in await dlq("replay", "--values", str(values))
    assert "0 dead letters replayed" in await dlq("replay", "--values", str(values))

    replays = await replays_of(platform, names)
    assert sorted(name for name, _, _ in replays) == names
    assert {json.loads(value)["event_id"] for _, _, value in replays} == {f"{mark}-{n}" for n in range(4)}
    outcomes = await read_outcomes(platform.kafka)
    assert {outcomes[name].replayed_as for name in names} == {place for _, place, _ in replays}
    assert "state:        replayed" in await dlq("show", names[0])


async def test_a_replayed_dead_letter_cannot_be_replayed_or_discarded(platform: Settings) -> None:
    (name,) = await planted(platform, uuid.uuid4().hex, 1)
    await dlq("replay", name, "--set", "type=checkout_started")
    await dlq("replay", name, "--state", "replayed", code=2)
    assert f"0 dead letters discarded\n{name} was replayed, as clicks-" in await dlq("discard", name, code=1)
    assert f"0 dead letters replayed\n{name} was already replayed, as clicks-" in await dlq("replay", name)
    assert len(await replays_of(platform, [name])) == 1


@pytest.mark.parametrize("command", [["replay"], ["replay", "--dry-run"], ["discard"], ["show"]])
async def test_an_unknown_dead_letter_is_a_usage_error(platform: Settings, command: list[str]) -> None:
    await dlq(*command, "nosuch", code=2)


async def test_a_filter_without_matches_reports_that_nothing_was_done(platform: Settings) -> None:
    assert await dlq("replay", "--until", "1970-01-01") == "0 dead letters replayed: no dead letter matches\n"


async def test_a_discarded_dead_letter_is_kept_and_can_be_restored(platform: Settings) -> None:
    mark = uuid.uuid4().hex
    (name,) = await planted(platform, mark, 1)
    await dlq("discard", code=2)
    assert "1 dead letter discarded" in await dlq("discard", name, "--note", "a broken till")
    assert await dlq("list", name, "--json") == ""
    assert json.loads(await dlq("list", name, "--state", "discarded", "--json"))["note"] == "a broken till"
    assert f"{name} was already discarded" in await dlq("discard", name)
    said = await dlq("replay", name, "--set", "type=checkout_started", code=1)
    assert f"0 dead letters replayed\n{name} was discarded; `replay --state discarded` publishes it" in said
    again = ("replay", name, "--state", "discarded", "--set", "type=checkout_started")
    assert "1 dead letter replayed" in await dlq(*again)
    assert len(await letters_about(platform, mark)) == 1


async def test_dead_letters_are_replayed_in_log_order(platform: Settings) -> None:
    mark = uuid.uuid4().hex
    names = await planted(platform, mark, 50)
    result = await replay.replay(platform.kafka, Filter(names=frozenset(names)), MENDED)
    assert (result.done, result.refused) == (50, 0)
    replays = await replays_of(platform, names)  # one key, so one partition
    assert [json.loads(value)["event_id"] for _, _, value in replays] == [f"{mark}-{2 * n}" for n in range(50)]


@pytest.mark.fault
async def test_a_killed_and_restarted_replay_publishes_each_record_once(platform: Settings) -> None:
    mark = uuid.uuid4().hex
    names = await planted(platform, mark, 4 * replay.TRANSACTION_LETTERS)
    chance = random.Random(0)
    killed = 0
    for _ in range(KILLS):
        before = len(await read_outcomes(platform.kafka))
        command = start_replay()
        async with asyncio.timeout(TIMEOUT_S):
            while len(await read_outcomes(platform.kafka)) == before and command.poll() is None:  # noqa: ASYNC110
                await asyncio.sleep(0)
        await asyncio.sleep(chance.uniform(0, 0.05))
        command.send_signal(signal.SIGKILL)
        command.communicate()
        killed += command.returncode == -signal.SIGKILL
    assert killed, "every replay was done before it could be killed"
    await replay.replay(platform.kafka, Filter(names=frozenset(names)), MENDED)
    assert Counter(name for name, _, _ in await replays_of(platform, names)) == Counter(names)


@pytest.mark.fault
async def test_concurrent_replays_publish_each_record_once(platform: Settings) -> None:
    names = await planted(platform, uuid.uuid4().hex, 3 * replay.TRANSACTION_LETTERS)
    both = [start_replay() for _ in range(2)]
    said = [(process.communicate(timeout=TIMEOUT_S)[1], process.returncode) for process in both]
    assert 0 in [code for _, code in said]
    assert all("another `shoplake dlq` command was started" in text for text, code in said if code)
    assert Counter(name for name, _, _ in await replays_of(platform, names)) == Counter(names)


def assert_exact(report: Any) -> None:
    assert report.ok, [str(finding) for store in report.stores for finding in store.findings[:5]]
