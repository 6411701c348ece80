"""No secret is in the file for a bug report, wherever it was written; and the file is made without a stack, too."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from shoplake import background, environ, support_bundle
from shoplake.errors import FileInTheWay
from shoplake.settings import (
    DynamoDBSettings,
    KafkaSettings,
    LakeSettings,
    MongoSettings,
    PostgresSettings,
    RedisSettings,
    Settings,
)

POSTGRES, REDIS, MONGO, API, AWS = (
    "postgres/secret+1",
    "redis secret 2",
    "mongo@secret:3",
    "api-secret-4",
    "aws-secret-5",
)
SECRETS = (POSTGRES, REDIS, MONGO, API, AWS)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a stack that is down, with secrets in its logs."""
    made = tmp_path / "home"
    monkeypatch.setenv("SHOPLAKE_HOME", str(made))
    monkeypatch.setattr(environ, "_caller", None)  # a command of an earlier test may have noted its variables
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", AWS)
    (made / "run" / "api").mkdir(parents=True)
    (made / "run" / "api" / "key").write_text(API)
    (made / "logs").mkdir()
    lines = [f"login with {one}, or {quote(one, safe='')}, failed" for one in SECRETS]
    (made / "logs" / "kafka.log").write_text("\n".join(lines))
    background.log_file("api").write_text(f"GET / Authorization: Bearer {API}\n")
    return made


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    made = Settings.model_construct(
        environment="local",
        kafka=KafkaSettings(bootstrap_servers="127.0.0.1:1"),
        postgres=PostgresSettings(host="127.0.0.1", port=1, database="s", user="u", password=SecretStr(POSTGRES)),
        redis=RedisSettings(host="127.0.0.1", port=1, password=SecretStr(REDIS)),
        mongo=MongoSettings(uri=f"mongodb://u:{quote(MONGO, safe='')}@127.0.0.1:1", database="s"),
        dynamodb=DynamoDBSettings(sessions_table="sessions", orders_table="orders", checkpoints_table="checkpoints"),
        lake=LakeSettings(bucket="lake", warehouse="s3://lake/warehouse", database="s", catalog="glue"),
    )
    monkeypatch.setattr(support_bundle, "connect", lambda environment, uses: made)
    return made


def parts(file: Path) -> dict[str, str]:
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.mark.usefixtures("home", "settings")
def test_no_secret_is_in_it(tmp_path: Path) -> None:
    file = tmp_path / "report.zip"
    names = support_bundle.write(file, "local", "shoplake 0.1.0")
    found = parts(file)
    assert list(found) == names
    assert file.stat().st_mode & 0o777 == 0o600
    for text in found.values():
        assert not [secret for secret in SECRETS if secret in text or quote(secret, safe="") in text]
    assert found["logs/kafka.log"].count(support_bundle.HIDDEN) == 2 * len(SECRETS)
    assert support_bundle.HIDDEN in found["logs/api.log"]
    assert json.loads(found["settings.json"])["mongo"]["uri"] == "mongodb://u:(hidden)@127.0.0.1:1"
    assert json.loads(found["settings.json"])["postgres"]["user"] == "u"
    about = json.loads(found["about.json"])
    assert about["version"] == "shoplake 0.1.0"
    assert "AWS_SECRET_ACCESS_KEY" in about["variables"]  # its name only
    assert about["libraries"]["pydantic"]


@pytest.mark.usefixtures("home")
def test_what_cannot_be_read_is_named_with_its_reason(tmp_path: Path) -> None:
    file = tmp_path / "report.zip"
    support_bundle.write(file, "local", "shoplake 0.1.0")
    found = parts(file)
    assert {"settings.json", "status.json"} <= json.loads(found["problems.json"]).keys()
    assert {"about.json", "runs.json", "logs/kafka.log", "problems.json"} == found.keys() - {"logs/api.log"}


def test_it_works_without_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path / "none"))
    file = tmp_path / "report.zip"
    support_bundle.write(file, "local", "shoplake 0.1.0")
    assert "logs" in json.loads(parts(file)["problems.json"])
    assert not (tmp_path / "none").exists()


@pytest.mark.usefixtures("home")
def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "report.zip"
    file.write_text("mine")
    with pytest.raises(FileInTheWay, match="is there already"):
        support_bundle.write(file, "local", "shoplake 0.1.0")
    assert file.read_text() == "mine"
