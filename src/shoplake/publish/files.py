"""Write simulated events to files, one per topic, instead of Kafka. Needs no stack.

`jsonl`: `<topic>.jsonl`, each line the bytes of one event as Kafka would get them, the broken ones included.
`parquet`: `<topic>.parquet`, the topic's columns, typed, a row group per window.
`csv`: `<topic>.csv`, the same columns under a line of their names; a list is its JSON, null is nothing between commas.
Broken events have no columns. For Parquet and CSV they go to `rejected.jsonl`, with the fields topic, reason, detail
and value_base64 of a dead letter.
"""

from __future__ import annotations

import base64
import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

import msgspec
import polars as pl
import pyarrow.parquet as pq

import shopsim
from shoplake.contract import TOPICS, Rejected, decode
from shoplake.known_names import require_known
from shoplake.publish.atomic_folder import complete_or_nothing, explained, partial, refuse_occupied
from shoplake.publish.run import OnProgress, Run
from shopsim.core.line_buffers import join_lines

REJECTED = "rejected.jsonl"


class _Format(Protocol):
    """Writes into a folder under temporary names; `close` ends every file."""

    def append(self, topic: str, values: pl.Series) -> None: ...
    def close(self) -> None: ...


def write_run(
    run: Run, out: Path, format: str, *, overwrite: bool = False, watch: OnProgress | None = None
) -> Mapping[str, int]:
    """Simulate a run into files; see `write`."""
    with contextlib.closing(run.stream()) as windows:
        return write(windows, out, format, topics=run.topics, overwrite=overwrite, watch=watch)


def write(
    windows: Iterable[shopsim.EncodedWindow],
    out: Path,
    format: str,
    *,
    topics: Sequence[str] = tuple(TOPICS),
    overwrite: bool = False,
    watch: OnProgress | None = None,
) -> Mapping[str, int]:
    """Write events to a folder, window by window. Files get their final names when all are complete.

    Args:
        windows: what to write; one is in memory at a time.
        out: folder, made if it is not there.
        format: `jsonl`, `parquet` or `csv`.
        topics: a file for each of these.
        overwrite: replace files of these names in a folder that is not empty; others in it stay.
        watch: called at first, and after each window.

    Returns:
        Events per topic, the broken ones included.

    Raises:
        UnknownName: an unknown format.
        UsageError: a folder that is not empty, or no folder.
        ShoplakeError: no space, or not allowed to write.
    """
    require_known("format", format, _FORMATS)
    refuse_occupied(out, overwrite)
    counts: Counter[str] = Counter(dict.fromkeys(topics, 0))
    with explained(out), complete_or_nothing(out, _names(format, topics)):
        if watch is not None:
            watch(0, None)
        writer = _FORMATS[format](out, topics)
        with contextlib.closing(writer):
            for window in windows:
                counts.update(_appended(writer, window))
                if watch is not None:
                    watch(counts.total(), window)
                del window  # or it would be kept while the next one is made
    return dict(counts)


def _appended(writer: _Format, window: shopsim.EncodedWindow) -> dict[str, int]:
    """How many events of each topic were written."""
    by_topic = window.rows.select("topic", "value").partition_by("topic", as_dict=True)
    for (topic,), rows in by_topic.items():
        writer.append(str(topic), rows["value"])
    return {str(topic): rows.height for (topic,), rows in by_topic.items()}


class _JsonLines:
    def __init__(self, out: Path, topics: Sequence[str]) -> None:
        self._files = {topic: _create(out / f"{topic}.jsonl") for topic in topics}

    def append(self, topic: str, values: pl.Series) -> None:
        self._files[topic].write(join_lines(values))  # no value becomes an object of Python's

    def close(self) -> None:
        _close_all(self._files.values())


class _Columns:
    """Typed columns, with what has none put aside."""

    def __init__(
        self, out: Path, topics: Sequence[str], writer: Callable[[IO[bytes], str], _Table], suffix: str
    ) -> None:
        self._files = {topic: _create(out / f"{topic}.{suffix}") for topic in topics}
        self._rejected = _create(out / REJECTED)
        self._writers = {topic: writer(file, topic) for topic, file in self._files.items()}

    def append(self, topic: str, values: pl.Series) -> None:
        records = values.to_list()
        decoded = decode(topic, records)
        if decoded.events.height:
            self._writers[topic].write(decoded.events.drop("position"))
        for rejected in decoded.rejected:
            self._rejected.write(_letter(topic, rejected, records[rejected.position]))

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        _close_all([*self._files.values(), self._rejected])


class _Table(Protocol):
    def write(self, rows: pl.DataFrame) -> None: ...
    def close(self) -> None: ...


class _Parquet:
    def __init__(self, file: IO[bytes], topic: str) -> None:
        self._writer = pq.ParquetWriter(file, pl.DataFrame(schema=TOPICS[topic].columns).to_arrow().schema)

    def write(self, rows: pl.DataFrame) -> None:
        self._writer.write_table(rows.to_arrow())

    def close(self) -> None:
        self._writer.close()


class _Csv:
    def __init__(self, file: IO[bytes], topic: str) -> None:
        self._file = file
        file.write((",".join(TOPICS[topic].columns) + "\n").encode())

    def write(self, rows: pl.DataFrame) -> None:
        nested = [name for name, kind in rows.schema.items() if kind.is_nested()]
        flat = rows.with_columns(pl.Series(name, _as_json(rows[name]), dtype=pl.String) for name in nested)
        flat.write_csv(self._file, include_header=False)

    def close(self) -> None:
        pass


def _as_json(column: pl.Series) -> list[str | None]:
    return [None if value is None else msgspec.json.encode(value).decode() for value in column.to_list()]


_FORMATS: dict[str, Callable[[Path, Sequence[str]], _Format]] = {
    "jsonl": _JsonLines,
    "parquet": lambda out, topics: _Columns(out, topics, _Parquet, "parquet"),
    "csv": lambda out, topics: _Columns(out, topics, _Csv, "csv"),
}


def _letter(topic: str, rejected: Rejected, value: bytes) -> bytes:
    letter = {
        "topic": topic,
        "reason": rejected.reason,
        "detail": rejected.detail,
        "value_base64": base64.b64encode(value).decode(),
    }
    return msgspec.json.encode(letter) + b"\n"


def _names(format: str, topics: Sequence[str]) -> list[str]:
    return [f"{topic}.{format}" for topic in topics] + ([REJECTED] if format != "jsonl" else [])


def _create(path: Path) -> IO[bytes]:
    return partial(path).open("wb")


def _close_all(files: Iterable[IO[bytes]]) -> None:
    with contextlib.ExitStack() as stack:  # closes the rest when closing one fails
        for file in files:
            stack.callback(file.close)
