"""Finding Terraform, or downloading the pinned release from a server on this machine."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoplake.errors import DownloadFailed
from shoplake.infra import provider_mirror, terraform

ARCHIVE = f"terraform_{terraform.PINNED}_{provider_mirror.platform_name()}.zip"
SUMS = f"terraform_{terraform.PINNED}_SHA256SUMS"


def script(version: str) -> str:
    return f'#!/bin/sh\necho \'{{"terraform_version": "{version}"}}\'\n'


def install(folder: Path, command: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / command
    path.write_text(text)
    path.chmod(0o755)
    return path


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PATH (but for /bin's sh) and an empty cache."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "bin"


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the pinned release, as a web server shows it."""
    folder = tmp_path / "releases" / terraform.PINNED
    folder.mkdir(parents=True)
    handler = functools.partial(Quiet, directory=str(tmp_path / "releases"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("SHOPLAKE_TERRAFORM_URL", f"http://127.0.0.1:{server.server_port}/")
        yield folder
        server.shutdown()


def publish(folder: Path, text: str) -> None:
    with zipfile.ZipFile(folder / ARCHIVE, "w") as archive:
        archive.writestr("terraform", text)
    digest = hashlib.sha256((folder / ARCHIVE).read_bytes()).hexdigest()
    (folder / SUMS).write_text(f"{'0' * 64}  terraform_other.zip\n{digest}  {ARCHIVE}\n")


def test_terraform_on_path_is_used(path: Path) -> None:
    found = install(path, "terraform", script("1.12.2"))
    install(path, "tofu", script("1.11.0"))

    assert terraform.ensure() == terraform.Binary(path=found, command="terraform", version="1.12.2")


def test_opentofu_is_used_where_terraform_is_too_old(path: Path) -> None:
    install(path, "terraform", script("1.5.7"))
    found = install(path, "tofu", script("1.11.1"))

    assert terraform.ensure().path == found


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 3\n", "#!/bin/sh\necho nonsense\n", "not a program"])
def test_a_terraform_that_does_not_run_is_passed_over(path: Path, text: str) -> None:
    install(path, "terraform", text)

    assert terraform.find() is None


def test_the_release_is_downloaded_once(releases: Path, tmp_path: Path) -> None:
    publish(releases, script(terraform.PINNED))
    first = terraform.ensure()
    (releases / ARCHIVE).unlink()

    assert first.path == tmp_path / "cache" / "shoplake" / f"terraform-{terraform.PINNED}" / "terraform"
    assert terraform.ensure() == first


def test_a_download_that_is_not_what_was_published_is_refused(releases: Path, tmp_path: Path) -> None:
    publish(releases, script(terraform.PINNED))
    with (releases / ARCHIVE).open("ab") as archive:
        archive.write(b"x")

    with pytest.raises(DownloadFailed, match="expected the published"):
        terraform.ensure()
    assert not list((tmp_path / "cache").rglob("terraform"))


def test_a_platform_without_a_release_is_told(releases: Path) -> None:
    (releases / SUMS).write_text(f"{'0' * 64}  terraform_other.zip\n")

    with pytest.raises(DownloadFailed, match="do not list"):
        terraform.ensure()


def test_an_unreachable_server_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPLAKE_TERRAFORM_URL", "http://127.0.0.1:1")

    with pytest.raises(DownloadFailed, match="SHOPLAKE_TERRAFORM_URL"):
        terraform.ensure()


def test_doctor_is_told_what_was_found(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = install(path, "terraform", script("1.12.2"))
    provider = tmp_path / "mine" / "registry.terraform.io" / "hashicorp" / "aws" / provider_mirror.PROVIDER_VERSION
    (provider / provider_mirror.platform_name()).mkdir(parents=True)
    monkeypatch.setenv("TF_PLUGIN_MIRROR", str(tmp_path / "mine"))

    assert terraform.describe() == [
        ("terraform", f"Terraform 1.12.2 ({found})", True),
        ("aws provider", f"5.100.0 in the mirror {tmp_path}/mine (TF_PLUGIN_MIRROR)", True),
    ]


def test_doctor_is_told_what_will_be_done_and_what_is_wrong(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(path, "terraform", script("1.5.7"))
    monkeypatch.setenv("TF_PLUGIN_MIRROR", str(tmp_path / "empty"))
    (_, binary, binary_ok), (_, provider, provider_ok) = terraform.describe()

    assert "1.5.7" in binary
    assert "is downloaded" in binary
    assert binary_ok
    assert "which has no" in provider
    assert not provider_ok
