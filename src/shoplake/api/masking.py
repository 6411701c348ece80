"""Masks personal values: those of fields that the contract marks as personal."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from shoplake.contract import TOPICS
from shoplake.contract.data_classes import data_classes

MASK = "***"


@cache
def personal_fields(topic: str) -> frozenset[str]:
    """The fields of the events of a topic that identify a person, or that a person wrote freely."""
    return frozenset(
        field for event in TOPICS[topic].events for field, its in data_classes(event).items() if its == "personal"
    )


def masked(topic: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose columns are fields of a topic, with personal values replaced. A null stays null."""
    personal = personal_fields(topic)
    return {name: MASK if name in personal and value is not None else value for name, value in row.items()}
