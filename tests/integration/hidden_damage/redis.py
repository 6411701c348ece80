"""Damage to the Redis board that no row shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import redis

from shoplake.settings import Settings

from .finding import ExpectedFinding

Board: TypeAlias = redis.Redis


def expiring_key(board: Board) -> ExpectedFinding:
    board.expire("shoplake:stock", 86_400)
    return ExpectedFinding("differing", "structure", "key shoplake:stock", "expiry at 20")


def expiring_field(board: Board) -> ExpectedFinding:
    days = sorted(board.scan_iter("shoplake:funnel:*"))
    day = next(day for day in days if board.hexists(day, "session_started"))  # other tests publish days without it
    board.execute_command("HEXPIRE", day, 86_400, "FIELDS", 1, "session_started")
    return ExpectedFinding("differing", "structure", f"key {day.decode()} field session_started", "expiry at 20")


def foreign_key(board: Board) -> ExpectedFinding:
    board.hset("shoplake:revenues", "00:00", 1)
    return ExpectedFinding("duplicated", "structure", "key shoplake:revenues", "not part of the board")


def key_of_another_type(board: Board) -> ExpectedFinding:
    board.set("shoplake:revenue:1999-01-02:EUR", "5")
    return ExpectedFinding(
        "differing", "structure", "key shoplake:revenue:1999-01-02:EUR", "expected 'a hash', found 'a string'"
    )


def key_that_is_no_text(board: Board) -> ExpectedFinding:
    board.hset(b"shoplake:\xff", "a", 1)
    return ExpectedFinding("duplicated", "structure", "key not UTF-8: b'shoplake:\\xff'", "a hash")


def field_that_is_no_text(board: Board) -> ExpectedFinding:
    board.hset("shoplake:stock", b"\xff\xfe", 3)
    return ExpectedFinding("duplicated", "board", "shoplake:stock/not UTF-8: b'\\xff\\xfe'", "no event made it")


def value_that_is_no_text(board: Board) -> ExpectedFinding:
    board.hset("shoplake:stock", "bytes", b"\xff")
    return ExpectedFinding("duplicated", "board", "shoplake:stock/bytes", "no event made it")


def number_written_otherwise(board: Board) -> ExpectedFinding:
    field, value = max((f, v) for f, v in board.hgetall("shoplake:stock").items() if v.isdigit() and v != b"0")
    board.hset("shoplake:stock", field, b"+" + value)
    return ExpectedFinding("differing", "board", f"shoplake:stock/{field.decode()}", f"found '+{value.decode()}'")


def score_with_a_fraction(board: Board) -> ExpectedFinding:
    ((member, score),) = board.zrange("shoplake:top_products", 0, 0, withscores=True)
    board.zincrby("shoplake:top_products", 0.5, member)
    return ExpectedFinding("differing", "board", f"shoplake:top_products/{member.decode()}", f"found '{score + 0.5}'")


@contextmanager
def board_of(settings: Settings) -> Iterator[Board]:
    with redis.Redis(**settings.redis.options()) as board:
        yield board


REDIS = {
    damage.__name__.replace("_", " "): damage
    for damage in (
        expiring_key,
        expiring_field,
        foreign_key,
        key_of_another_type,
        key_that_is_no_text,
        number_written_otherwise,
        field_that_is_no_text,
        value_that_is_no_text,
        score_with_a_fraction,
    )
}
