"""The contract of this working tree against the accepted one, and the commands that compare contracts."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shoplake import contract_baseline
from shoplake.cli.main import app
from shoplake.contract import compatibility, export
from shoplake.contract.schema import to_text
from shoplake.errors import ContractError, ShoplakeError, UsageError


def contract(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["contract", *arguments])
    failed = done.exception.exit_code if isinstance(done.exception, ShoplakeError) else done.exit_code
    assert failed == code, (done.stderr, done.exception)
    return done.stdout if code == 0 else str(done.exception)


def test_the_contract_is_compatible_with_the_accepted_one() -> None:
    refused = [
        change for change in compatibility.compare(contract_baseline.load(""), export()) if not change.compatible
    ]
    assert not refused, "the log and the stores hold what this contract refuses:\n" + "\n".join(map(str, refused))


def test_the_accepted_contract_is_this_one() -> None:
    assert contract_baseline.SHIPPED.read_text() == to_text(export()), (
        "the contract has changed: look at `shoplake contract check`, then run `shoplake contract accept` and commit"
        f" {contract_baseline.IN_REPOSITORY}"
    )


def test_an_unchanged_contract_is_reported_as_unchanged() -> None:
    assert contract("check") == "the same contract\n"


def test_an_incompatible_contract_is_refused_with_each_change_and_what_to_do(tmp_path: Path) -> None:
    older = json.loads(contract("export"))
    order = older["topics"]["orders"]["events"]["order_placed"]
    order["properties"]["channel"] = {"type": "string"}
    order["properties"]["lines"]["maxItems"] = 200
    (tmp_path / "contract.json").write_text(json.dumps(older))
    said = contract("check", "--against", str(tmp_path), code=1)
    assert "2 of 2 changes are refused" in said
    assert "refused orders.order_placed.channel: field removed" in said
    assert "refused orders.order_placed.lines: type narrowed: maxItems 200 → 100" in said
    assert said.count("what to do:") == 3


def test_a_compatible_contract_goes_through_and_is_listed(tmp_path: Path) -> None:
    older = json.loads(contract("export"))
    del older["topics"]["reviews"]["events"]["review_removed"]
    file = tmp_path / "older.json"
    file.write_text(json.dumps(older))
    assert "ok      reviews.review_removed: event added" in contract("check", "--against", str(file))
    changes = json.loads(contract("check", "--against", str(file), "--json"))["changes"]
    assert [(change["kind"], change["compatible"]) for change in changes] == [("event added", True)]


def test_an_exported_file_is_the_same_contract(tmp_path: Path) -> None:
    contract("export", "--out", str(tmp_path / "contract.json"))
    assert contract("check", "--against", str(tmp_path / "contract.json")) == "the same contract\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository that stands in for the checkout."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    place = tmp_path / contract_baseline.IN_REPOSITORY
    place.parent.mkdir(parents=True)
    shutil.copy(contract_baseline.SHIPPED, place)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "a contract"], check=True)
    monkeypatch.setenv("SHOPLAKE_ROOT", str(tmp_path))
    return tmp_path


def test_a_git_ref_names_the_contract_that_was_accepted_there(repository: Path) -> None:
    assert contract("check", "--against", "main") == "the same contract\n"
    assert contract("check", "--against", "HEAD") == "the same contract\n"


@pytest.mark.parametrize("reference", ["no-such-ref", "--output=x", "older.json"])
def test_an_unknown_contract_name_is_a_usage_error(repository: Path, reference: str) -> None:
    contract("check", f"--against={reference}", code=2)


def test_a_file_that_is_not_a_contract_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "contract.json").write_text('{"format": 1}')
    with pytest.raises(
        UsageError, match=r"contract\.json is not an exported contract: Object missing required field `version`"
    ):
        contract_baseline.load(str(tmp_path))


def test_an_incompatible_contract_is_accepted_only_with_the_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = json.loads(contract("export"))
    older["topics"]["orders"]["key"] = "order_id"
    accepted = tmp_path / "contract.json"
    accepted.write_text(json.dumps(older))
    monkeypatch.setattr(contract_baseline, "SHIPPED", accepted)
    with pytest.raises(ContractError, match="refused orders: key changed: order_id → customer_id"):
        contract_baseline.accept()
    assert json.loads(accepted.read_text()) == older
    assert [change.kind for change in contract_baseline.accept(incompatible=True)] == ["key changed"]
    assert accepted.read_text() == to_text(export(version=older["version"] + 1))
