"""From connections to Terraform variables."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from shoplake import paths
from shoplake.infra import tfvars
from shoplake.infra.tfvars import password_version, variables_from

CONNECTIONS = SimpleNamespace(
    kafka_bootstrap_servers="127.0.0.1:9092",
    postgres_host="127.0.0.1",
    postgres_port=5432,
    postgres_database="shop",
    postgres_user="shoplake",
    postgres_password=SecretStr("p"),
    redis_host="127.0.0.1",
    redis_port=6379,
    redis_password=SecretStr("r"),
    mongo_uri="mongodb://127.0.0.1",
    mongo_database="shop",
)


def test_every_variable_that_the_root_requires_is_given_and_protection_is_lifted() -> None:
    text = (paths.project_root() / "terraform/environments/local/variables.tf").read_text()
    blocks = text.split('variable "')[1:]
    required = {block.split('"')[0] for block in blocks if "\n  default" not in block}

    given = variables_from(CONNECTIONS)
    assert given.keys() == required | {"deletion_protection"}
    assert given["deletion_protection"] == "false"


def test_values_are_text_and_passwords_in_the_clear() -> None:
    variables = variables_from(CONNECTIONS)

    assert variables["postgres_port"] == "5432"
    assert variables["redis_password"] == "r"


@given(st.text(min_size=1), st.text(min_size=1))
def test_the_version_is_a_function_of_the_password_and_fits_terraform(one: str, other: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(tfvars, "DIGEST_ROUNDS", 1)
        first, second = password_version("redis", one), password_version("redis", other)

    assert 1 <= first < 2**31
    assert (first == second) == (one == other)


def test_the_same_password_in_two_sections_has_two_versions() -> None:
    assert password_version("redis", "x") != password_version("postgres", "x")
