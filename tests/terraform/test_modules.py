"""The Terraform tree as it stands: formatted, valid, its own tests pass, its README examples plan."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from shoplake import paths
from shoplake.infra import provider_mirror, terraform
from shoplake.infra.terraform import Binary

TREE = paths.project_root() / "terraform"
MODULES = sorted(path.name for path in (TREE / "modules").iterdir() if path.is_dir())
ENVIRONMENTS = sorted(path.name for path in (TREE / "environments").iterdir() if path.is_dir())
AWS_ENVIRONMENTS = sorted({*ENVIRONMENTS} - {"local"})
ROOTS = [f"modules/{name}" for name in MODULES] + [f"environments/{name}" for name in ENVIRONMENTS] + ["bootstrap"]
LIKE_DEV = [f"environments/{name}" for name in AWS_ENVIRONMENTS if name != "dev"]
MOCKED = """
mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
%s
}

run "the_example_is_planned" {
  command = plan
}
"""
EXAMPLE = re.compile(r"```hcl\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="session")
def binary() -> Binary:
    return terraform.ensure()


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, so that init leaves nothing in the checkout."""
    copy = tmp_path_factory.mktemp("tree") / "terraform"
    shutil.copytree(TREE, copy, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    return copy


def run(binary: Binary, folder: Path, data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    data_dir.mkdir(parents=True, exist_ok=True)
    config = data_dir / "cli.tfrc"
    config.write_text(provider_mirror.cli_config(binary.command))
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("TF_", "AWS_"))}
    return subprocess.run(
        [str(binary.path), *arguments],
        cwd=folder,
        env=clean
        | {"TF_DATA_DIR": str(data_dir), "TF_CLI_CONFIG_FILE": str(config), "CHECKPOINT_DISABLE": "1"}
        | {"AWS_REGION": "us-east-1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


def assert_ok(answer: subprocess.CompletedProcess[str]) -> None:
    assert answer.returncode == 0, answer.stdout


def test_every_file_is_formatted(binary: Binary, tmp_path: Path) -> None:
    assert_ok(run(binary, TREE, tmp_path, "fmt", "-check", "-recursive", "-no-color"))


# Another test holds the environments on AWS to the same files, so that one of them is enough.
@pytest.mark.parametrize(
    "root", [pytest.param(root, marks=pytest.mark.large) if root in LIKE_DEV else root for root in ROOTS]
)
def test_a_root_is_valid_and_its_tests_pass(binary: Binary, tree: Path, tmp_path: Path, root: str) -> None:
    assert_ok(run(binary, tree / root, tmp_path, "init", "-no-color", "-backend=false"))
    # It validates the root first.
    answer = run(binary, tree / root, tmp_path, "test", "-no-color")
    assert_ok(answer)
    assert " 0 passed" not in answer.stdout


@pytest.mark.parametrize("module", MODULES)
def test_the_example_in_a_readme_is_formatted_and_can_be_planned(
    binary: Binary, tree: Path, tmp_path: Path, module: str
) -> None:
    answer = planned_example(binary, tree, tmp_path, module, example_of(module))
    assert_ok(answer)
    assert re.search(r"Plan: [1-9]\d* to add", answer.stdout), answer.stdout


def test_an_example_with_a_value_that_its_module_refuses_fails(binary: Binary, tree: Path, tmp_path: Path) -> None:
    broken = example_of("keys").replace('"shoplake-dev"', '"-shoplake-"')
    answer = planned_example(binary, tree, tmp_path, "keys", broken)
    assert answer.returncode
    assert "name_prefix must be 3 to 32" in answer.stdout


def example_of(module: str) -> str:
    example = EXAMPLE.search((TREE / "modules" / module / "README.md").read_text())
    assert example, f"modules/{module}/README.md shows no example"
    return example.group(1)


def planned_example(
    binary: Binary, tree: Path, tmp_path: Path, module: str, example: str
) -> subprocess.CompletedProcess[str]:
    """A root of the example alone, planned with a provider that asks nobody; what it wants to be given is text."""
    root = tree / "examples" / module
    shutil.rmtree(root, ignore_errors=True)
    (root / "tests").mkdir(parents=True)
    (root / "main.tf").write_text(example)
    shutil.copy(TREE / "modules" / module / "versions.tf", root)  # or the mocked provider would not be the module's
    given = "\n".join(f'  {name} = "given"' for name in re.findall(r'^variable "(\w+)"', example, re.MULTILINE))
    (root / "tests" / "example.tftest.hcl").write_text(MOCKED % given)
    assert_ok(run(binary, root, tmp_path, "fmt", "-check", "-no-color", "main.tf"))
    assert_ok(run(binary, root, tmp_path, "init", "-no-color", "-backend=false"))
    return run(binary, root, tmp_path, "test", "-no-color", "-verbose")


@pytest.mark.parametrize("root", ROOTS)
def test_a_root_has_the_files_a_reader_looks_for(root: str) -> None:
    expected = {"main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md", "tests"}
    assert expected <= {path.name for path in (TREE / root).iterdir()}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_configures_no_provider_and_describes_every_variable(module: str) -> None:
    text = "\n".join(path.read_text() for path in (TREE / "modules" / module).glob("*.tf"))
    assert not re.search(r'^provider "', text, re.MULTILINE)
    for block in re.findall(r'^(?:variable|output) "\w+" \{\n.*?^\}', text, re.MULTILINE | re.DOTALL):
        assert re.search(r"^  description\s+=", block, re.MULTILINE), block
    assert "type        = any" not in text


def test_scanners_skip_two_checks_each_with_a_reason() -> None:
    text = "\n".join(path.read_text() for path in TREE.rglob("*.tf"))
    skips = re.findall(r"checkov:skip=(\w+):?(.*)", text)
    assert {check for check, _ in skips} == {"CKV_AWS_144", "CKV2_AWS_62"}
    assert all(len(reason.split()) > 5 for _, reason in skips)
    assert not list(TREE.rglob(".checkov*"))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_pins_the_provider_that_mirrors_are_searched_for(environment: str) -> None:
    versions = (TREE / "environments" / environment / "versions.tf").read_text()
    assert f'version = "{provider_mirror.PROVIDER_VERSION}"' in versions


def test_the_environments_on_aws_differ_by_values_and_the_key_of_their_state_alone() -> None:
    def files(name: str) -> dict[str, str]:
        root = TREE / "environments" / name
        paths_of = [*root.glob("*.tf"), *root.glob("tests/*.tftest.hcl")]
        texts = {str(path.relative_to(root)): path.read_text() for path in paths_of}
        texts["backend.tf"] = texts["backend.tf"].replace(f"shoplake/{name}/terraform.tfstate", "KEY")
        return texts

    assert files("dev") == files("staging") == files("prod")
    assert 'key          = "KEY"' in files("prod")["backend.tf"]
    assert "use_lockfile = true" in files("prod")["backend.tf"]


@pytest.mark.parametrize("environment", AWS_ENVIRONMENTS)
def test_an_environments_state_lies_in_its_own_account(environment: str) -> None:
    root = TREE / "environments" / environment
    account = re.search(r'^account_id\s+= "(\d{12})"$', (root / "terraform.tfvars").read_text(), re.MULTILINE)
    assert account
    assert f'bucket = "shoplake-state-{account.group(1)}"' in (root / "backend.hcl").read_text()
