"""The runner on an environment of AWS, with a script in Terraform's place: what is judged is what is applied."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shoplake.errors import InfraError
from shoplake.infra import aws_caller, provider_mirror, runner

# Records each call; `show` prints `PLAN`, what else runs prints `SAID` and ends with `CODE`.
FAKE = """#!/bin/sh
case "$1" in
version) echo '{"terraform_version": "1.12.0"}'; exit 0 ;;
show) cat "$PLAN"; exit 0 ;;
esac
echo "$1" >> "$CALLS"
env > "$CALLS.env"
for argument in "$@"; do
    case "$argument" in -out=*) touch "${argument#-out=}" ;; */apply.tfplan) ls "$argument" >> "$CALLS" ;; esac
done
if [ "$1" = init ]; then
    mkdir -p "$TF_DATA_DIR/modules" "$TF_DATA_DIR/providers/r/hashicorp/aws/5.100.0/PLATFORM"
    echo '{}' > "$TF_DATA_DIR/modules/modules.json"
    touch "$TF_DATA_DIR/providers/r/hashicorp/aws/5.100.0/PLATFORM/provider" .terraform.lock.hcl
    exit 0
fi
[ "$1" = apply ] || exit 0
cat "$SAID"
exit "${CODE:-0}"
"""
AWS = {"AWS_PROFILE": "dev", "TF_WORKSPACE": "default"}


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "checkout" / "terraform" / "environments" / "dev"
    root.mkdir(parents=True)
    (root / "versions.tf").write_text("terraform {}\n")
    (root / "terraform.tfvars").write_text('account_id = "111111111111"\nregion = "us-east-1"\n')
    program = tmp_path / "bin" / "terraform"
    program.parent.mkdir()
    program.write_text(FAKE.replace("PLATFORM", provider_mirror.platform_name()))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("SHOPLAKE_ROOT", str(tmp_path / "checkout"))
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path / "home"))
    for name in ("CALLS", "SAID", "PLAN"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.delenv("TF_PLUGIN_MIRROR", raising=False)
    monkeypatch.setattr(aws_caller, "account_id", lambda region: "111111111111")  # AWS's own answer
    (tmp_path / "said").write_text("")
    (tmp_path / "plan").write_text('{"resource_changes": []}')
    return tmp_path / "calls"


def quiet(_: str) -> None:
    pass


def test_the_plan_that_was_judged_is_applied_and_then_gone(calls: Path) -> None:
    runner.apply("dev", variables={"commit": "unknown"}, environment=AWS, report=quiet)

    saved = calls.parent / "home" / "terraform" / "dev" / "apply.tfplan"
    assert calls.read_text().splitlines() == ["init", "plan", "apply", str(saved)]
    assert not saved.exists()


def test_terraform_gets_the_callers_profile_the_environments_backend_and_no_workspace(calls: Path) -> None:
    runner.apply("dev", variables={"commit": "abcdef1"}, environment=AWS, report=quiet)

    given = dict(line.split("=", 1) for line in Path(f"{calls}.env").read_text().splitlines() if "=" in line)
    root = calls.parent / "checkout" / "terraform" / "environments" / "dev"
    assert given["AWS_PROFILE"] == "dev"
    assert given["TF_VAR_commit"] == "abcdef1"
    assert given["TF_CLI_ARGS_init"] == f"-reconfigure -backend-config={root}/backend.hcl"
    assert "TF_WORKSPACE" not in given


def test_nothing_is_applied_when_the_plan_loses_data(calls: Path) -> None:
    database = {"mode": "managed", "type": "aws_glue_catalog_database", "name": "raw"}
    address = "aws_glue_catalog_database.raw"
    lost = database | {"address": address, "change": {"actions": ["delete"], "after": None}}
    (calls.parent / "plan").write_text(json.dumps({"resource_changes": [lost]}))

    for change in (runner.apply, runner.destroy):
        with pytest.raises(InfraError, match="destroys resources with data"):
            change("dev", variables={}, environment=AWS, report=quiet)
    assert "apply" not in calls.read_text().split()

    runner.destroy("dev", variables={}, environment=AWS, report=quiet, allow_destroy=[address])
    assert "apply" in calls.read_text().split()


def test_what_exists_already_is_never_adopted_on_aws(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    diagnostic = {"severity": "error", "summary": "creating S3 Bucket: BucketAlreadyOwnedByYou", "address": "a.b"}
    (calls.parent / "said").write_text(json.dumps({"type": "diagnostic", "diagnostic": diagnostic}) + "\n")
    monkeypatch.setenv("CODE", "1")

    with pytest.raises(InfraError, match="BucketAlreadyOwnedByYou"):
        runner.apply("dev", variables={}, environment=AWS, report=quiet)
    assert calls.read_text().split().count("apply") == 1


def test_another_account_stops_before_init(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_caller, "account_id", lambda region: "000000000000")
    with pytest.raises(InfraError, match="belongs to account 111111111111, but your credentials are for account 0000"):
        runner.apply("dev", variables={}, environment=AWS, report=quiet)
    assert not calls.exists()


def test_a_workspace_selected_in_the_data_folder_is_refused(calls: Path) -> None:
    data = calls.parent / "home" / "terraform" / "dev" / "data"
    data.mkdir(parents=True)
    (data / "environment").write_text("mine")
    with pytest.raises(InfraError, match="'mine' is selected"):
        runner.plan("dev", variables={}, environment={"AWS_PROFILE": "dev"}, report=quiet)
