"""The runner with a script in Terraform's place: what it is asked, with which environment, and what is made of it."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from shoplake import paths
from shoplake.errors import InfraError, UsageError
from shoplake.infra import environments, provider_mirror, runner, workspace

AWS = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_REGION": "us-east-1"}
RDS = runner.SLOW_AND_UNREAD
VARIABLES = {"redis_port": "6379", "redis_password": "pass word"}

# Records each call with its environment; `init` leaves what Terraform leaves; other commands print `SAID`.
FAKE = """#!/bin/sh
case "$1" in
version) echo '{"terraform_version": "1.12.0"}'; exit 0 ;;
output) echo '{"catalog": {"value": "glue"}}'; exit 0 ;;
esac
echo "$@" >> "$CALLS"
env > "$CALLS.env"
if [ "$1" = init ]; then
    mkdir -p "$TF_DATA_DIR/modules" "$TF_DATA_DIR/providers/r/hashicorp/aws/5.100.0/PLATFORM"
    echo '{}' > "$TF_DATA_DIR/modules/modules.json"
    touch "$TF_DATA_DIR/providers/r/hashicorp/aws/5.100.0/PLATFORM/provider" .terraform.lock.hcl
    exit "${INIT_CODE:-0}"
fi
cat "$SAID"
exit "${CODE:-0}"
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one root, a home, and the script on PATH; the file in which the script records its calls."""
    root = tmp_path / "checkout" / "terraform" / "environments" / "local"
    root.mkdir(parents=True)
    (root / "versions.tf").write_text("terraform {}\n")
    program = tmp_path / "bin" / "terraform"
    program.parent.mkdir()
    program.write_text(FAKE.replace("PLATFORM", provider_mirror.platform_name()))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("SHOPLAKE_ROOT", str(tmp_path / "checkout"))
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path / "home of this stack"))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("SAID", str(tmp_path / "said"))
    monkeypatch.delenv("TF_PLUGIN_MIRROR", raising=False)
    (tmp_path / "said").write_text("")
    return tmp_path / "calls"


def quiet(_: str) -> None:
    pass


def say(calls: Path, *events: dict[str, object]) -> None:
    (calls.parent / "said").write_text("".join(json.dumps(event) + "\n" for event in events))


def subcommands(calls: Path) -> list[str]:
    return [line.split()[0] for line in calls.read_text().splitlines()]


def seen(calls: Path) -> dict[str, str]:
    lines = Path(f"{calls}.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_an_unknown_environment_is_a_usage_error_that_names_the_known(calls: Path) -> None:
    with pytest.raises(UsageError, match="use one of: local, dev, staging, prod") as error:
        runner.apply("qa", variables={}, environment=AWS, report=quiet)
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (None, "AWS_ENDPOINT_URL is not set"),
        ("localhost", "is not an address"),
        ("https://dynamodb.us-east-1.amazonaws.com", "which is AWS"),
        ("https://s3.us-east-1.api.aws", "which is AWS"),
    ],
)
def test_local_is_never_applied_without_an_emulator(calls: Path, url: str | None, message: str) -> None:
    given = {"AWS_ENDPOINT_URL": url} if url else {}
    with pytest.raises(InfraError, match=message):
        runner.apply("local", variables=VARIABLES, environment=given, report=quiet)
    assert not calls.exists()


def test_terraform_gets_the_variables_and_nothing_of_the_callers_that_leads_astray(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://elsewhere")
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("TF_WORKSPACE", "other")
    monkeypatch.setenv("TF_CLI_ARGS", "-destroy")
    runner.apply("local", variables=VARIABLES, environment=AWS, report=quiet)

    given = seen(calls)
    assert given["TF_VAR_redis_password"] == "pass word"
    assert given["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert given["TF_DATA_DIR"] == str(paths.home() / "terraform" / "local" / "data")
    assert not {"AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "TF_WORKSPACE", "TF_CLI_ARGS"} & given.keys()


def test_init_runs_once_and_again_when_versions_change(calls: Path) -> None:
    for _ in range(2):
        runner.apply("local", variables=VARIABLES, environment=AWS, report=quiet)
    assert subcommands(calls) == ["init", "apply", "apply"]

    (environments.named("local").root / "versions.tf").write_text("terraform {} # changed\n")
    runner.apply("local", variables=VARIABLES, environment=AWS, report=quiet)
    assert subcommands(calls)[3:] == ["init", "apply"]


def test_init_runs_again_when_the_provider_is_gone(calls: Path) -> None:
    runner.apply("local", variables=VARIABLES, environment=AWS, report=quiet)
    next(environments.named("local").data_dir.rglob("provider")).unlink()
    runner.apply("local", variables=VARIABLES, environment=AWS, report=quiet)

    assert subcommands(calls) == ["init", "apply", "init", "apply"]


def test_a_lock_file_that_init_refuses_is_removed_once(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INIT_CODE", "1")
    (environments.named("local").root / ".terraform.lock.hcl").write_text("of another platform")
    with pytest.raises(InfraError, match="TF_PLUGIN_MIRROR"):
        runner.apply("local", variables=VARIABLES, environment=AWS, report=quiet)

    assert subcommands(calls) == ["init", "init"]


def test_two_homes_have_two_states(calls: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = runner.shell_environment("local", variables=VARIABLES, environment=AWS)
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path / "other"))
    second = runner.shell_environment("local", variables=VARIABLES, environment=AWS)

    assert first["TF_DATA_DIR"] != second["TF_DATA_DIR"]
    assert (
        second["TF_CLI_ARGS_init"]
        == f"-reconfigure -backend-config=path={tmp_path}/other/terraform/local/terraform.tfstate"
    )
    assert "'-backend-config=path=" in first["TF_CLI_ARGS_init"]  # its home has spaces in its name


def test_the_cli_configuration_is_the_owners_alone(calls: Path) -> None:
    exported = runner.shell_environment("local", variables=VARIABLES, environment=AWS)

    assert stat.S_IMODE(Path(exported["TF_CLI_CONFIG_FILE"]).stat().st_mode) == 0o600


def test_plan_tells_changes_by_the_exit_code(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODE", "2")
    counts = {"add": 1, "change": 0, "remove": 0, "operation": "plan"}
    say(
        calls,
        {"type": "planned_change", "change": {"action": "create", "resource": {"addr": "a.b"}}},
        {"type": "change_summary", "changes": counts},
    )
    planned = runner.plan("local", variables=VARIABLES, environment=AWS, report=quiet)

    assert planned.differs
    assert [str(change) for change in planned.changes] == ["+ a.b"]
    assert planned.add == 1


def test_a_failure_holds_the_diagnostics_in_full(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODE", "1")
    diagnostics = [{"severity": "error", "summary": f"broken {n}", "detail": "line 1\nline 2"} for n in (1, 2)]
    say(calls, *[{"type": "diagnostic", "diagnostic": one} for one in diagnostics])

    with pytest.raises(InfraError) as error:
        runner.apply("local", variables=VARIABLES, environment=AWS, report=quiet)
    assert "error: broken 1\nline 1\nline 2\n\nerror: broken 2\nline 1\nline 2" in str(error.value)
    assert str(environments.named("local").log) in str(error.value)


def test_a_held_state_is_explained(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODE", "1")
    diagnostic = {"severity": "error", "summary": "Error acquiring the state lock", "detail": "ID: 1"}
    say(calls, {"type": "diagnostic", "diagnostic": diagnostic})

    with pytest.raises(InfraError, match="another Terraform works on this state"):
        runner.apply("local", variables=VARIABLES, environment=AWS, report=quiet)


def test_ready_is_set_when_an_apply_succeeds_and_not_when_it_fails(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = threading.Event()
    monkeypatch.setenv("CODE", "1")
    with pytest.raises(InfraError):
        runner.apply("local", variables=VARIABLES, environment=AWS, report=quiet, ready=ready)
    assert not ready.is_set()

    monkeypatch.setenv("CODE", "0")
    runner.apply("local", variables=VARIABLES, environment=AWS, report=quiet, ready=ready)
    assert ready.is_set()


def test_a_plan_that_failed_half_way_makes_nothing_ready(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Terraform prints what it has of the plan, with a summary, and then the error."""
    ready = threading.Event()
    monkeypatch.setenv("CODE", "1")
    say(
        calls,
        {"type": "planned_change", "change": {"action": "create", "resource": {"addr": f"{RDS}.this"}}},
        {"type": "change_summary", "changes": {"add": 1, "change": 0, "remove": 0, "operation": "plan"}},
        {"type": "diagnostic", "diagnostic": {"severity": "error", "summary": "Invalid value", "detail": "of another"}},
    )
    with pytest.raises(InfraError, match="Invalid value"):
        runner.apply("local", variables=VARIABLES, environment=AWS, report=quiet, ready=ready)
    assert not ready.is_set()


def test_an_apply_tells_what_is_outstanding_and_is_ready_before_rds(calls: Path) -> None:
    bucket, instance = "module.lake.aws_s3_bucket.raw", f"{RDS}.aws_db_instance.this"
    hooks = [{"resource": {"addr": address}, "action": "create"} for address in (bucket, instance)]
    say(
        calls,
        *({"type": "planned_change", "change": hook} for hook in hooks),
        {"type": "change_summary", "changes": {"add": 2, "change": 0, "remove": 0, "operation": "plan"}},
        *({"type": "apply_start", "hook": hook} for hook in hooks),
        *({"type": "apply_complete", "hook": hook} for hook in hooks),
    )
    ready = threading.Event()
    told: list[tuple[set[str], bool]] = []
    runner.apply(
        "local",
        variables=VARIABLES,
        environment=AWS,
        report=quiet,
        ready=ready,
        outstanding=lambda left: told.append((set(left), ready.is_set())),
    )
    assert told == [({bucket, instance}, False), ({bucket, instance}, False), ({instance}, True), (set(), True)]


def test_a_second_run_waits_for_the_first_and_not_for_ever(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "LOCK_TIMEOUT_S", 0.3)
    told: list[str] = []
    with (
        workspace.exclusive(environments.named("local"), quiet),
        pytest.raises(InfraError, match="has not ended"),
    ):
        runner.plan("local", variables=VARIABLES, environment=AWS, report=told.append)
    assert told == ["another run on 'local' is in progress; waiting for it"]


def test_outputs_are_values_by_name(calls: Path) -> None:
    assert runner.outputs("local", environment=AWS, report=quiet) == {"catalog": "glue"}
