"""Parameters that several routes share: ids, pages, cursors, and `at_least`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Path, Query
from pydantic import AfterValidator

from shoplake.api.cursor import LONGEST as LONGEST_CURSOR
from shoplake.api.problems import shown
from shoplake.contract import TOPICS
from shoplake.errors import InvalidRequest
from shoplake.positions import Place, Positions

ID_LENGTH = 64
PAGE_ROWS, MOST_ROWS = 50, 1000
WAIT_S, LONGEST_WAIT_S = 5.0, 30.0
LONGEST_POSITIONS = 10_000

_RECORD = re.compile(r"(.+)-(\d{1,9}):(\d{1,19})", re.ASCII)
AT_LEAST_EXAMPLE = "orders-3:1204"


def checked_id(text: str) -> str:
    """An id of the contract: 1 to 64 characters, any but NUL."""
    if not 1 <= len(text) <= ID_LENGTH or "\0" in text:
        raise ValueError(f"expected an id of 1 to {ID_LENGTH} characters without NUL")
    return text


def _decoded_id(text: str) -> str:
    return checked_id(unquote(text, errors="replace"))


_SHAPE = {"minLength": 1, "maxLength": ID_LENGTH}
PathId = Annotated[str, AfterValidator(_decoded_id), Path(description="Id, percent-encoded.", json_schema_extra=_SHAPE)]
PathName = Annotated[
    str,
    AfterValidator(lambda text: unquote(text, errors="replace")),
    Path(max_length=200, description="Name, percent-encoded."),
]
Id = Annotated[str, AfterValidator(checked_id)]
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS, description="Rows of a page at most.")]
Cursor = Annotated[
    str | None,
    Query(min_length=1, max_length=LONGEST_CURSOR, description="`next` of the page before. The first page if absent."),
]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The least that the answer must include.

    Attributes:
        positions: the next offsets that the store must have reached.
        wait_s: how long to wait for it.
    """

    positions: Positions
    wait_s: float


async def at_least(
    at_least: Annotated[
        str | None,
        Query(
            max_length=LONGEST_POSITIONS,
            description="Wait until the store has applied these: places of records, `topic-partition:offset` with"
            " commas, as Kafka returns them to a producer; or `positions` of an answer, as JSON.",
            examples=[AT_LEAST_EXAMPLE, '{"orders":{"3":1205}}'],
        ),
    ] = None,
    wait_s: Annotated[
        float, Query(ge=0, le=LONGEST_WAIT_S, description="Seconds to wait for `at_least`; then the answer is 504.")
    ] = WAIT_S,
) -> AtLeast:
    """Read `at_least` and `wait_s`.

    Raises:
        InvalidRequest: `at_least` is something else.
    """
    return AtLeast(parse(at_least) if at_least else Positions(), wait_s)


AtLeastParameter = Annotated[AtLeast, Depends(at_least)]


def parse(text: str) -> Positions:
    """The next offsets that `at_least` asks for.

    Places of records (`orders-3:1204`) mean that this record has been applied, so the next offset is one more.
    JSON (`{"orders": {"3": 1205}}`) has next offsets, as `positions` of an answer.

    Raises:
        InvalidRequest: it is something else, or names a topic that the contract does not have.
    """
    try:
        found = Positions.parse(text) if text.lstrip().startswith("{") else _records(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"`at_least`: expected positions as JSON or a list as `{AT_LEAST_EXAMPLE}`, found {shown(text)}",
            fix="take `positions` of an answer, or topic, partition and offset of a record",
        ) from error
    for place in found.next_offsets:
        if place.topic not in TOPICS:
            raise InvalidRequest(
                f"`at_least`: there is no topic {shown(place.topic)}", fix=f"choose from {', '.join(TOPICS)}"
            )
    return found


def _records(text: str) -> Positions:
    offsets: dict[Place, int] = {}
    for part in text.split(","):
        matched = _RECORD.fullmatch(part.strip())
        if matched is None:
            raise ValueError(part)
        place = Place(matched[1], int(matched[2]))
        offsets[place] = max(int(matched[3]) + 1, offsets.get(place, 0))
    return Positions(offsets)


def compact(positions: Positions) -> str:
    """Positions as a header has them: JSON without spaces."""
    return json.dumps(json.loads(positions.as_json()), separators=(",", ":"))
