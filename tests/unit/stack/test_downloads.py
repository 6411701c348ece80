from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from shoplake.errors import DownloadFailed
from shoplake.stack import downloads
from shoplake.stack.downloads import Artifact, fetch_all, kafka_jars, missing

CONTENT = bytes(range(256)) * 400
ARTIFACT = Artifact("org/shop/a/1.0/a-1.0.jar", hashlib.sha256(CONTENT).hexdigest())


class Repository(ThreadingHTTPServer):
    """Serves CONTENT under every path; `cut` makes the first answers end after so many bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges: list[str | None] = []
        self.status: list[int] = []
        self.cut: list[int] = []


class Handler(BaseHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        if self.server.status:
            self.send_error(self.server.status.pop(0))
            return
        begin = int(re.findall(r"\d+", asked)[0]) if asked else 0
        body = CONTENT[begin:]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.cut.pop(0)] if self.server.cut else body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    monkeypatch.setattr(downloads, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Repository() as server:
        monkeypatch.setenv("SHOPLAKE_MAVEN_URL", f"http://127.0.0.1:{server.server_port}/")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def fetch(folder: Path, artifact: Artifact = ARTIFACT) -> None:
    fetch_all([artifact], folder, lambda *_: None)


def test_a_file_is_fetched_once(repository: Repository, tmp_path: Path) -> None:
    fetch(tmp_path)
    fetch(tmp_path)
    assert (tmp_path / "a-1.0.jar").read_bytes() == CONTENT
    assert len(repository.ranges) == 1


def test_progress_counts_existing_files(repository: Repository, tmp_path: Path) -> None:
    fetch(tmp_path)
    seen: list[tuple[int, int]] = []
    other = Artifact("b.jar", ARTIFACT.sha256)
    fetch_all([ARTIFACT, other], tmp_path, lambda done, wanted: seen.append((done, wanted)))
    assert seen == [(1, 2), (2, 2)]


def test_an_interrupted_download_resumes(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "a-1.0.jar.part").write_bytes(CONTENT[:1000])
    fetch(tmp_path)
    assert repository.ranges == ["bytes=1000-"]
    assert not missing([ARTIFACT], tmp_path)


def test_a_connection_that_ends_early_is_resumed(repository: Repository, tmp_path: Path) -> None:
    repository.cut = [5000]
    fetch(tmp_path)
    assert repository.ranges == [None, "bytes=5000-"]
    assert not missing([ARTIFACT], tmp_path)


def test_a_server_error_is_retried(repository: Repository, tmp_path: Path) -> None:
    repository.status = [503, 500]
    fetch(tmp_path)
    assert not missing([ARTIFACT], tmp_path)


def test_a_missing_file_is_not_retried(repository: Repository, tmp_path: Path) -> None:
    repository.status = [404]
    with pytest.raises(DownloadFailed, match="404"):
        fetch(tmp_path)
    assert len(repository.ranges) == 1


def test_a_partial_file_longer_than_the_file_is_discarded(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "a-1.0.jar.part").write_bytes(CONTENT + b"more")
    repository.status = [416]
    fetch(tmp_path)
    assert not missing([ARTIFACT], tmp_path)


def test_a_wrong_checksum_names_file_expected_and_found_and_leaves_nothing(
    repository: Repository, tmp_path: Path
) -> None:
    wrong = Artifact(ARTIFACT.path, "0" * 64)
    with pytest.raises(DownloadFailed) as failed:
        fetch(tmp_path, wrong)
    for part in ("a-1.0.jar", "0" * 64, ARTIFACT.sha256, "SHOPLAKE_MAVEN_URL"):
        assert part in str(failed.value)
    assert not list(tmp_path.glob("*.jar*"))


def test_a_damaged_file_is_fetched_again(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "a-1.0.jar").write_bytes(b"half")
    fetch(tmp_path)
    assert not missing([ARTIFACT], tmp_path)


def test_two_commands_at_once_fetch_a_file_once(repository: Repository, tmp_path: Path) -> None:
    threads = [threading.Thread(target=fetch, args=(tmp_path,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(repository.ranges) == 1


def test_without_a_network_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(downloads, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("SHOPLAKE_MAVEN_URL", "http://127.0.0.1:9")
    with pytest.raises(DownloadFailed, match="needs a network"):
        fetch(tmp_path)


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DownloadFailed, match="XDG_CACHE_HOME"):
        fetch(tmp_path / "file" / "folder")


def test_every_jar_of_kafka_is_pinned() -> None:
    jars = kafka_jars()
    assert len({jar.name for jar in jars}) == len(jars) == 46
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in jars)
    assert "kafka_2.13-4.1.1.jar" in {jar.name for jar in jars}
