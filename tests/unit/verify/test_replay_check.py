"""Replayed letters in the log, and letters that are not what the contract in force says."""

from __future__ import annotations

import base64
import dataclasses

import msgspec
import pytest

from shoplake.contract import DEAD_LETTERS, digest
from shoplake.contract.history import History
from shoplake.verify.comparison import compare
from shoplake.verify.event_tables import spill_chunk
from shoplake.verify.replay_check import check_replays, note_outcomes
from shoplake.verify.report import StoreResult
from shoplake.verify.simulation_check import check_log
from shoplake.verify.stores.dead_letters import COMPARISONS

from .conftest import START_MS, Folder, records_of

STARTED = {"type": "checkout_started", "event_id": "e", "occurred_at_ms": 1_704_067_200_000, "session_id": "s1"}
VALID = msgspec.json.encode(STARTED)


def replayed(folder: Folder, *replay_of: str, outcomes: dict[str, str]) -> StoreResult:
    """The check of a log with these replays, against these outcomes."""
    records = records_of([VALID] * len(replay_of))
    spill_chunk(folder.spill, {"clicks": dataclasses.replace(records, replay_of=list(replay_of))}, History.of_own())
    folder.spill.create_views(folder.database)
    note_outcomes(folder.database, [{"letter": name, "state": state} for name, state in outcomes.items()])
    return check_replays(folder.database)


def test_a_letter_replayed_once_is_exact_and_no_event_of_a_simulation(folder: Folder) -> None:
    result = replayed(folder, "clicks-0-7", outcomes={"clicks-0-7": "replayed", "clicks-0-8": "discarded"})
    assert (result.expected, result.found, result.ok) == (1, 1, True)
    assert check_log(folder.database, {}, lambda: None).found == 0


def test_a_letter_replayed_twice_is_duplicated(folder: Folder) -> None:
    result = replayed(folder, "clicks-0-7", "clicks-0-7", outcomes={"clicks-0-7": "replayed"})
    assert (result.lost, result.duplicated) == (0, 1)
    assert [str(f) for f in result.findings] == ["duplicated replays clicks-0-7 (1 too many, first at clicks-0-0)"]


def test_a_replay_without_an_outcome_is_duplicated(folder: Folder) -> None:
    result = replayed(folder, "clicks-0-7", outcomes={"clicks-0-7": "discarded"})
    assert (result.lost, result.duplicated) == (0, 1)


def test_a_letter_that_is_said_to_be_replayed_and_is_not_is_lost(folder: Folder) -> None:
    result = replayed(folder, outcomes={"clicks-0-7": "replayed"})
    assert (result.lost, result.duplicated) == (1, 0)


def with_letters(folder: Folder, *letters: tuple[int, str], values: list[bytes]) -> None:
    """A log of these values in clicks-0, with letters (offset, contract), folded for the dead letters."""
    records = records_of(values, keys=[b"s1"] * len(values))
    spill_chunk(folder.spill, {"clicks": records}, History.of_own())
    written = [
        msgspec.json.encode(
            {
                "topic": "clicks",
                "partition": 0,
                "offset": offset,
                "key": "s1",
                "timestamp_ms": START_MS,
                "reason": "malformed_json",
                "value_base64": base64.b64encode(b"{").decode(),
                "contract": contract,
            }
        )
        for offset, contract in letters
    ]
    of_letters = records_of(written)
    of_letters.key[:] = [f"clicks-0-{offset}".encode() for offset, _ in letters]
    spill_chunk(folder.spill, {DEAD_LETTERS: of_letters}, History.of_own())
    folder.expect("dead_letters")


def compared(folder: Folder) -> tuple[int, int, int]:
    result = compare(folder.database, COMPARISONS[0])
    return result.lost, result.duplicated, result.differing


def test_a_letter_of_the_contract_in_force_is_exact(folder: Folder) -> None:
    with_letters(folder, (1, digest()), values=[VALID, b"{"])
    assert compared(folder) == (0, 0, 0)


@pytest.mark.parametrize("contract", [digest(), "an-earlier-one"])
def test_a_letter_about_a_valid_event_is_surplus_and_the_event_stays_one(folder: Folder, contract: str) -> None:
    with_letters(folder, (1, contract), values=[VALID, VALID])
    assert compared(folder) == (0, 1, 0)
    assert folder.database.execute("SELECT count(*) FROM ev_clicks").fetchall() == [(2,)]


def test_a_letter_that_names_another_contract_than_the_one_in_force_differs(folder: Folder) -> None:
    with_letters(folder, (1, "an-earlier-one"), values=[VALID, b"{"])
    assert compared(folder) == (0, 0, 1)


def test_a_letter_about_no_record_is_surplus(folder: Folder) -> None:
    with_letters(folder, (99, "an-earlier-one"), values=[VALID])
    assert compared(folder) == (0, 1, 0)
