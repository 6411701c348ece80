"""Download pinned files over HTTPS, in parallel and resumable. A file is used only if its checksum is correct."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from http.client import HTTPException
from importlib.resources import files
from pathlib import Path

from shoplake import paths
from shoplake.errors import DownloadFailed
from shoplake.stack.state import lock

KAFKA_VERSION = "4.1.1"
MAVEN_CENTRAL = "https://repo1.maven.org/maven2"
MAVEN_URL_VARIABLE = "SHOPLAKE_MAVEN_URL"
PARALLEL = 8
TRIES = 4
FIRST_PAUSE_S = 0.5
TIMEOUT_S = 20
CHUNK_BYTES = 256 * 1024
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

Progress = Callable[[int, int], None]
"""Called with the number of files that are there and the number wanted."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file below a Maven repository, pinned by its content."""

    path: str
    sha256: str

    @property
    def name(self) -> str:
        """File name without folders."""
        return self.path.rpartition("/")[2]


def kafka_jars() -> list[Artifact]:
    """Return the pinned files of Apache Kafka."""
    lines = files("shoplake.stack").joinpath("kafka-jars.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split() for line in lines if line and not line.startswith("#"))
    return [Artifact(path=path, sha256=sha256) for sha256, path in pairs]


def kafka_folder() -> Path:
    """Where the jars are kept, for all stacks of this user."""
    return paths.cache() / f"kafka-{KAFKA_VERSION}"


def missing(artifacts: Sequence[Artifact], folder: Path) -> list[Artifact]:
    """Those that are not in the folder, or not with the right content."""
    return [artifact for artifact in artifacts if not _complete(folder / artifact.name, artifact)]


def fetch_all(artifacts: Sequence[Artifact], folder: Path, progress: Progress) -> None:
    """Bring all artifacts into the folder. Files that are there with the right content are not fetched.

    Raises:
        DownloadFailed: no network, a wrong checksum or no space. Completed files are kept for the next attempt.
    """
    if not missing(artifacts, folder):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_written(folder, error) from error
    # Two stacks may come up at once: the second waits here, and then finds the files.
    with lock(folder):
        wanted = missing(artifacts, folder)
        _fetch_missing(wanted, folder, lambda count: progress(len(artifacts) - len(wanted) + count, len(artifacts)))


def _fetch_missing(wanted: Sequence[Artifact], folder: Path, progress: Callable[[int], None]) -> None:
    base = os.environ.get(MAVEN_URL_VARIABLE, MAVEN_CENTRAL).rstrip("/")
    stop = threading.Event()
    progress(0)
    with ThreadPoolExecutor(PARALLEL) as pool:
        pending = [pool.submit(_fetch, f"{base}/{a.path}", folder / a.name, a, stop) for a in wanted]
        try:
            for count, done in enumerate(as_completed(pending), start=1):
                done.result()
                progress(count)
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _complete(path: Path, artifact: Artifact) -> bool:
    return path.exists() and _sha256(path) == artifact.sha256


def _fetch(url: str, target: Path, artifact: Artifact, stop: threading.Event) -> None:
    partial = target.with_name(f"{target.name}.part")
    _download_with_retries(url, partial, stop)
    if stop.is_set():
        return
    found = _sha256(partial)
    if found != artifact.sha256:
        partial.unlink()
        raise DownloadFailed(
            f"{artifact.name} from {url}: expected sha256 {artifact.sha256}, found {found}; the file was deleted",
            fix=f"try again; if it fails again, do not trust this repository: set {MAVEN_URL_VARIABLE} to another",
        )
    partial.replace(target)


def _download_with_retries(url: str, partial: Path, stop: threading.Event) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            return _download(url, partial, stop)
        except urllib.error.HTTPError as error:
            if error.code == 416:  # the part is longer than the file, so it is no part of it
                partial.unlink(missing_ok=True)
            elif error.code < 500 and error.code != 429:
                raise _unreachable(url, error) from error
            last: Exception = error
        except (OSError, HTTPException) as error:
            if isinstance(error, OSError) and error.errno in DISK_FULL:
                raise _not_written(partial.parent, error) from error
            last = error
        if attempt < TRIES and stop.wait(FIRST_PAUSE_S * 2 ** (attempt - 1)):
            return None
    raise _unreachable(url, last) from last


def _download(url: str, partial: Path, stop: threading.Event) -> None:
    """Append what is missing. A connection that ends too early is an OSError, so that it is tried again."""
    begun = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={begun}-"} if begun else {})  # noqa: S310
    with contextlib.closing(urllib.request.urlopen(request, timeout=TIMEOUT_S)) as answer:  # noqa: S310 - pinned content
        promised = int(answer.headers.get("Content-Length") or 0)
        received = 0
        with partial.open("ab" if answer.status == 206 else "wb") as file:
            while not stop.is_set() and (chunk := answer.read(CHUNK_BYTES)):
                file.write(chunk)
                received += len(chunk)
    if received < promised and not stop.is_set():
        raise ConnectionError(f"the connection ended after {received} of {promised} bytes")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unreachable(url: str, error: Exception) -> DownloadFailed:
    return DownloadFailed(
        f"{url} could not be downloaded: {error}",
        fix=f"the first start needs a network; set {MAVEN_URL_VARIABLE} to a mirror, or HTTPS_PROXY, and run it again",
    )


def _not_written(folder: Path, error: OSError) -> DownloadFailed:
    return DownloadFailed(
        f"{folder} cannot be written: {error.strerror}", fix="free some space, or set XDG_CACHE_HOME to another disk"
    )
