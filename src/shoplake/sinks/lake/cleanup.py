"""Expire old snapshots of a lake table, and find and delete orphan files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException

from shoplake import aws
from shoplake.errors import StoreUnavailable
from shoplake.sinks.blocking_calls import in_parallel
from shoplake.sinks.lake.sink import checkpoint_path, checkpoint_summary

if TYPE_CHECKING:
    from pyiceberg.table import Table

ATTEMPTS = 30
# S3's own limit for one call.
DELETE_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file under a table's location."""

    bucket: str
    key: str
    size_bytes: int


def expirable(table: Table, before: datetime) -> list[int]:
    """Snapshots that can be expired: older than `before`, not the head of a branch or tag, and not needed to find the
    newest checkpoints from the current snapshot.
    """
    needed = {snapshot.snapshot_id for snapshot in checkpoint_path(table)}
    needed |= {ref.snapshot_id for ref in table.metadata.refs.values()}
    oldest_ms = before.timestamp() * 1000
    return [s.snapshot_id for s in table.snapshots() if s.timestamp_ms < oldest_ms and s.snapshot_id not in needed]


def expire(table: Table, before: datetime) -> int:
    """Expire old snapshots; returns how many. Their files become orphans.

    Raises:
        StoreUnavailable: every attempt conflicted with another commit.
    """
    expired: set[int] = set()
    for _ in range(ATTEMPTS):
        table.refresh()
        going = expirable(table, before)
        if not going:
            return len(expired)
        expired |= set(going)
        try:
            table.maintenance.expire_snapshots().by_ids(going).commit()
        except (CommitFailedException, CommitStateUnknownException):
            continue  # after an unknown outcome, the next read shows whether it was done
        return len(expired)
    raise StoreUnavailable(f"lake: expiring snapshots of {table.name()[-1]} conflicted {ATTEMPTS} times")


def orphans(table: Table, before: datetime) -> list[StoredFile]:
    """Files under the table's location that are older than `before`, and to which no snapshot or metadata file refers.

    The files are listed before the table is read, so a file that is committed in between is not an orphan.
    """
    listed = list(_listed(table.location(), before))
    table.refresh()
    named = {_place(path) for path in _named(table)}
    return [file for file in listed if (file.bucket, file.key) not in named]


def move(table: Table) -> None:
    """Commit an empty snapshot, so that the catalogue refuses a sink that was frozen between its write and its commit.

    That sink then writes its rows again, so the files that it wrote before are certainly orphans.

    Raises:
        StoreUnavailable: every attempt conflicted with another commit.
    """
    for _ in range(ATTEMPTS):
        table.refresh()
        try:
            with (
                table.transaction() as transaction,
                transaction.update_snapshot(snapshot_properties=checkpoint_summary(table)).fast_append(),
            ):
                pass
        except (CommitFailedException, CommitStateUnknownException):
            continue
        return
    raise StoreUnavailable(f"lake: commits to {table.name()[-1]} conflicted {ATTEMPTS} times before the cleanup")


async def remove(files: Iterable[StoredFile]) -> None:
    """Delete files from S3.

    Raises:
        StoreUnavailable: S3 could not delete some of them.
    """
    by_bucket: dict[str, list[str]] = {}
    for file in files:
        by_bucket.setdefault(file.bucket, []).append(file.key)
    chunks = [
        (bucket, keys[first : first + DELETE_CHUNK])
        for bucket, keys in by_bucket.items()
        for first in range(0, len(keys), DELETE_CHUNK)
    ]
    client = aws.client("s3")
    await in_parallel(lambda chunk: _delete(client, *chunk), chunks)


def _delete(client: Any, bucket: str, keys: list[str]) -> None:  # noqa: ANN401 - boto3 is untyped
    answer = client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
    if errors := answer.get("Errors"):
        why = f"{errors[0].get('Key')}: {errors[0].get('Message')}"
        raise StoreUnavailable(f"S3 did not delete {len(errors)} of {len(keys)} files: {why}")


def _listed(location: str, before: datetime) -> Iterator[StoredFile]:
    bucket, prefix = _place(location.rstrip("/") + "/")
    for page in aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", ()):
            if found["LastModified"] < before:
                yield StoredFile(bucket, found["Key"], found["Size"])


def _named(table: Table) -> Iterator[str]:
    """Every file to which the table's metadata and its snapshots refer."""
    yield table.metadata_location
    yield from (entry.metadata_file for entry in table.metadata.metadata_log)
    yield from (statistics.statistics_path for statistics in table.metadata.statistics)
    yield from (statistics.statistics_path for statistics in table.metadata.partition_statistics)
    manifests: dict[str, Any] = {}
    for snapshot in table.snapshots():
        yield snapshot.manifest_list
        manifests |= {manifest.manifest_path: manifest for manifest in snapshot.manifests(table.io)}
    for path, manifest in manifests.items():
        yield path
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
            yield entry.data_file.file_path


def _place(path: str) -> tuple[str, str]:
    """Bucket and key of a path; the schemes `s3`, `s3a` and `s3n` are equivalent."""
    parts = urlsplit(path)
    return parts.netloc, parts.path.lstrip("/")
