"""Replayed letters in the log, and events that an earlier contract refused."""

from __future__ import annotations

import base64
import dataclasses

import msgspec

from shoplake.contract import DEAD_LETTERS, digest
from shoplake.verify.events import spill_chunk
from shoplake.verify.replays import check_replays, note_outcomes, note_refused_before
from shoplake.verify.report import StoreResult
from shoplake.verify.simulation import check_log

from .conftest import Folder, records_of

STARTED = {"type": "checkout_started", "event_id": "e", "occurred_at_ms": 1_704_067_200_000, "session_id": "s1"}
VALID = msgspec.json.encode(STARTED)


def replayed(folder: Folder, *replay_of: str, outcomes: dict[str, str]) -> StoreResult:
    """The check of a log with these replays, against these outcomes."""
    records = records_of([VALID] * len(replay_of))
    spill_chunk(folder.spill, {"clicks": dataclasses.replace(records, replay_of=list(replay_of))})
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
    spill_chunk(folder.spill, {"clicks": records})
    written = [
        msgspec.json.encode(
            {
                "topic": "clicks",
                "partition": 0,
                "offset": offset,
                "key": "k",
                "timestamp_ms": 5,
                "reason": "schema",
                "value_base64": base64.b64encode(VALID).decode(),
                "contract": contract,
            }
        )
        for offset, contract in letters
    ]
    of_letters = records_of(written)
    of_letters.key[:] = [f"clicks-0-{offset}".encode() for offset, _ in letters]
    spill_chunk(folder.spill, {DEAD_LETTERS: of_letters})
    folder.expect("dead_letters")
    note_refused_before(folder.database)
    folder.run("dead_letters")


def test_what_an_earlier_contract_refused_stays_refused_at_its_place(folder: Folder) -> None:
    with_letters(folder, (1, "an-earlier-one"), values=[VALID, VALID, VALID])
    assert [row["letter"] for row in folder.rows("dead_letters_letters")] == ["clicks-0-1"]
    assert folder.database.execute("SELECT kafka_offset FROM ev_clicks ORDER BY 1").fetchall() == [(0,), (3,)]


def test_a_letter_of_this_contract_about_an_event_that_it_takes_is_not_believed(folder: Folder) -> None:
    with_letters(folder, (1, digest()), values=[VALID, VALID])
    assert folder.rows("dead_letters_letters") == []
    assert folder.database.execute("SELECT count(*) FROM ev_clicks").fetchall() == [(2,)]


def test_a_letter_of_an_earlier_contract_about_no_event_is_not_believed(folder: Folder) -> None:
    with_letters(folder, (99, "an-earlier-one"), values=[VALID])
    assert folder.rows("dead_letters_letters") == []


def test_what_both_contracts_refuse_is_one_letter_with_the_earlier_reason(folder: Folder) -> None:
    with_letters(folder, (0, "an-earlier-one"), values=[b"{"])
    assert [(row["letter"], row["reason"]) for row in folder.rows("dead_letters_letters")] == [("clicks-0-0", "schema")]
