"""One document of a source, a file or an address of HTTP, becomes rows of a table of the lake, once by its content."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from shoplake.errors import SourceRefused, UsageError
from shoplake.orchestration.shared_steps import files, http_client
from shoplake.orchestration.shared_steps.landing import READERS

if TYPE_CHECKING:
    from shoplake.orchestration.shared_steps.landing import Say
    from shoplake.orchestration.workflow import Context

NOT_FOUND = frozenset({404, 410})


def ingest(context: Context, place: str, table: str, name: str, token: str = "") -> files.Landed | None:
    """The step of a source: bring a document into a table. One that has changed replaces the rows that it had.

    Args:
        context: of the step.
        place: an address of HTTP, or the path of a file.
        table: in the database of uploads; made with the columns of the first document.
        name: of the document, with the suffix of its format. It is in the column `source_file`.
        token: sent as bearer token, if it is not empty.

    Returns:
        What has landed; None if there is no such document.

    Raises:
        UsageError: the place, the table or the format is not valid, or the source has refused the request.
        WorkflowFailed: the document cannot be read, or does not fit to the table.
        SourceUnavailable, StoreUnavailable: the source or the lake does not answer.
    """
    if Path(name).suffix not in READERS:
        known = ", ".join(suffix[1:] for suffix in READERS)
        raise UsageError(f"expected a document in one of the formats {known}, found '{Path(name).suffix[1:]}'")
    content = _read(place, token, context.say)
    if content is None:
        return None
    with tempfile.TemporaryDirectory(prefix="shoplake-") as folder:
        (Path(folder) / name).write_bytes(content)
        return files.ingest(context, Path(folder), table)


def _read(place: str, token: str, say: Say) -> bytes | None:
    if "://" not in place:
        path = Path(place).expanduser()
        if not path.is_absolute():
            raise UsageError(f"expected an address or an absolute path, found '{place}'")
        return path.read_bytes() if path.is_file() else None
    client = http_client.Client(place, 1.0, token, say)
    try:
        return client.get(place, lambda answer: answer.body)
    except SourceRefused as error:
        if error.status in NOT_FOUND:
            return None
        raise
