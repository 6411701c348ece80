from __future__ import annotations

import pytest

from shoplake.errors import UsageError
from shoplake.stack import CAPABILITIES, Support, support


def test_localstack_has_no_catalogue_no_queries_and_no_databases() -> None:
    assert {support(service, "localstack") for service in ("glue", "athena", "rds")} == {Support.MISSING}


def test_the_database_of_ministack_is_a_control_plane_only() -> None:
    assert support("rds", "ministack") is Support.CONTROL_PLANE


def test_aws_has_everything() -> None:
    assert {row.on("aws") for row in CAPABILITIES} == {Support.REAL}


def test_every_service_is_listed_once() -> None:
    services = [row.service for row in CAPABILITIES]
    assert len(set(services)) == len(services)


def test_an_unknown_service_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="s3"):
        support("quantum", "aws")
