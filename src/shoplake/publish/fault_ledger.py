"""A file with the fault of each faulty record, which tests compare with the log and the dead letters."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

import polars as pl
import pyarrow.parquet as pq

import shopsim
from shoplake.errors import ShoplakeError, UsageError
from shoplake.publish.run import OnProgress, Run
from shopsim.faults.selection import LEDGER

_PARTIAL = ".partial"


class FaultLedger:
    """A progress callback that writes the faults of each window. The file gets its final name if the block succeeds.

    It tells of all records of the run, also of those that an earlier run has published: these are simulated again.
    Columns are `position` (place in the run, from 0), `event_id`, `topic`, `type`, `fault` and `delay_ms` (between the
    event's time and its publication).
    """

    def __init__(self, run: Run, path: Path, *, keep_when_interrupted: bool) -> None:
        """Begin a file.

        Args:
            run: whose records are told of.
            path: `.jsonl` or `.parquet`.
            keep_when_interrupted: whether Ctrl-C leaves records behind that the file should tell of.

        Raises:
            UsageError: another suffix, or a folder that is not there.
        """
        if path.suffix not in _FORMATS:
            raise UsageError(f"expected a file name that ends in {' or '.join(_FORMATS)}, found '{path.name}'")
        if not path.parent.is_dir():
            raise UsageError(
                f"there is no folder {path.parent} for the file of faults", fix="create it, or choose another file"
            )
        self._run, self._path, self._keep = run, path, keep_when_interrupted
        self._partial = path.with_name(path.name + _PARTIAL)

    def __enter__(self) -> Self:
        """Open the file under a temporary name."""
        try:
            self._file = self._partial.open("wb")
        except OSError as error:
            raise ShoplakeError(f"cannot write {self._path}: {error}") from error
        self._writer = _FORMATS[self._path.suffix](self._file)
        return self

    def __call__(self, events: int, window: shopsim.EncodedWindow | None) -> None:
        """Write the faults of a window; `events` counts the run's records with it."""
        if window is not None:
            self._add(window, events - window.rows.height)
            return
        position = 0
        for earlier in self._run.stream(limit=events):
            self._add(earlier, position)
            position += earlier.rows.height

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Rename the file to its final name, or delete it."""
        self._writer.close()
        self._file.close()
        if kind is None or (self._keep and issubclass(kind, KeyboardInterrupt)):
            self._partial.replace(self._path)
        else:
            self._partial.unlink(missing_ok=True)

    def _add(self, window: shopsim.EncodedWindow, position: int) -> None:
        rows = shopsim.ledger(window.rows, position)
        if rows.height:
            self._writer.append(rows)


@contextlib.contextmanager
def fault_ledger(run: Run, path: Path | None, *, keep_when_interrupted: bool) -> Iterator[OnProgress]:
    """Open a `FaultLedger`, or a callback that does nothing if there is no path."""
    if path is None:
        yield lambda *_: None
        return
    with FaultLedger(run, path, keep_when_interrupted=keep_when_interrupted) as ledger:
        yield ledger


class _Format(Protocol):
    def append(self, rows: pl.DataFrame) -> None: ...
    def close(self) -> None: ...


class _JsonLines:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def append(self, rows: pl.DataFrame) -> None:
        rows.write_ndjson(self._file)

    def close(self) -> None:
        pass


class _Parquet:
    def __init__(self, file: IO[bytes]) -> None:
        self._writer = pq.ParquetWriter(file, LEDGER.to_frame().to_arrow().schema)

    def append(self, rows: pl.DataFrame) -> None:
        self._writer.write_table(rows.to_arrow())

    def close(self) -> None:
        self._writer.close()


_FORMATS: dict[str, Callable[[IO[bytes]], _Format]] = {".jsonl": _JsonLines, ".parquet": _Parquet}
