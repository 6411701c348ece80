from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.hostile_environment import HOSTILE, USER_ON_AWS

from shoplake import environ


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def entered(**variables: str) -> dict[str, str]:
    os.environ.clear()
    os.environ.update({"PATH": "/bin", "HOME": "/home/a", **variables})
    environ.enter()
    return dict(os.environ)


@pytest.mark.parametrize("family", sorted(environ.FOREIGN))
def test_variables_read_by_libraries_and_tools_are_dropped(family: str) -> None:
    names = [name.replace("*", "ANYTHING") for name in environ.FOREIGN[family]]

    assert not set(names) & entered(**dict.fromkeys(names, "x")).keys()


def test_documented_variables_and_aws_credentials_are_kept() -> None:
    given = {
        **USER_ON_AWS,
        "SHOPLAKE_HOME": "/srv",
        "TF_PLUGIN_MIRROR": "/srv/m",
        "DOCKER_HOST": "tcp://d",
        "TZ": "UTC",
    }

    assert given.items() <= entered(**given).items()


def test_a_local_stack_keeps_only_allowed_variables() -> None:
    entered(**HOSTILE, SHOPLAKE_HOME="/srv", UNKNOWN="1")

    environ.use_stack({"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "test"})

    aws = {name for name in os.environ if name.startswith("AWS_")}
    assert aws == {*environ.NO_AWS_LOGIN, "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID"}
    assert os.environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert not {"UNKNOWN", "PGHOST", "LD_PRELOAD", "GATEWAY_PORT", "TF_WORKSPACE_X"} & os.environ.keys()


def test_no_proxy_is_used_for_this_machine_or_the_emulator() -> None:
    entered(http_proxy="http://proxy:3128", no_proxy="a.example", NO_PROXY="b.example")

    environ.use_stack({"AWS_ENDPOINT_URL": "http://ministack:4566"})

    wanted = "a.example,b.example,127.0.0.1,localhost,::1,ministack"
    assert (os.environ["no_proxy"], os.environ["NO_PROXY"]) == (wanted, wanted)
    assert os.environ["http_proxy"] == "http://proxy:3128"


@pytest.mark.parametrize(("before", "after"), [({}, None), ({"no_proxy": "*", "http_proxy": "http://p"}, "*")])
def test_proxy_bypass_settings_are_kept(before: dict[str, str], after: str | None) -> None:
    assert entered(**before).get("no_proxy") == after


def test_a_server_gets_common_variables_and_its_own() -> None:
    os.environ.clear()
    os.environ.update({"PATH": "/bin", "HOME": "/home/a", **HOSTILE, "SHOPLAKE_POSTGRES__PASSWORD": "secret"})

    found = environ.for_subprocess({"STATE_DIR": "/srv"})

    allowed = {*environ.SYSTEM, "STATE_DIR", *environ.FIXED}
    assert found.keys() <= allowed
    assert (found["LC_ALL"], found["TZ"], found["PATH"]) == ("C.UTF-8", "UTC", "/bin")


def test_terraform_gets_no_variable_that_changes_state_cloud_or_plan() -> None:
    os.environ.update({**HOSTILE, "VAULT_ADDR": "http://vault"})

    found = environ.terraform({"AWS_PROFILE": "dev", "TF_DATA_DIR": "/srv"}, "TF_LOG")

    assert {name for name in found if name.startswith(("TF_", "AWS_"))} == {"AWS_PROFILE", "TF_DATA_DIR", "TF_LOG"}
    assert found["VAULT_ADDR"] == "http://vault"


@pytest.mark.parametrize("text", ["catalog:\n  shoplake:\n    uri: http://127.0.0.1:1\nmax-workers: x\n", "not: [yaml"])
def test_pyiceberg_reads_no_file_of_the_users(text: str, tmp_path: Path) -> None:
    (tmp_path / ".pyiceberg.yaml").write_text(text)
    code = (
        "from shoplake import environ; environ.enter(); environ.use_stack({});"
        "from pyiceberg.utils.config import Config; print(sorted(Config().config))"
    )
    given = {**os.environ, "HOME": str(tmp_path), "PYICEBERG_HOME": str(tmp_path)}

    found = subprocess.run([sys.executable, "-c", code], env=given, cwd=tmp_path, capture_output=True, text=True)

    assert (found.stdout, found.stderr) == ("['default-catalog', 'home']\n", "")


def test_the_tests_of_a_checkout_get_the_callers_environment() -> None:
    code = "from shoplake import environ; environ.enter(); print(environ.caller()['PYTHONWARNINGS'])"
    given = {**os.environ, "PYTHONWARNINGS": "ignore"}

    assert subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True).stdout == "ignore\n"


def test_what_env_has_exported_is_named_and_nothing_else() -> None:
    shell = {"PGHOST": "127.0.0.1", "AWS_PROFILE": "mine", environ.EXPORTED: "PGHOST AWS_REGION"}
    assert environ.exported(shell) == ["AWS_REGION", "PGHOST", environ.EXPORTED]


def test_a_shell_that_has_not_evaluated_env_has_nothing_to_unset() -> None:
    assert environ.exported({"PGHOST": "my.own"}) == []


def test_a_name_that_is_none_never_reaches_the_shell() -> None:
    assert environ.exported({environ.EXPORTED: "PGHOST $(reboot) ;id"}) == ["PGHOST", environ.EXPORTED]
