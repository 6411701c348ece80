"""The OpenAPI document, without a server and without settings of an environment."""

from __future__ import annotations

from typing import Any

from shoplake.api.app import create
from shoplake.api.keys import KeyCheck
from shoplake.settings import (
    DynamoDBSettings,
    KafkaSettings,
    LakeSettings,
    MongoSettings,
    PostgresSettings,
    RedisSettings,
    Settings,
)


def document() -> dict[str, Any]:
    """The OpenAPI document of the routes."""
    return create(placeholders(), KeyCheck.of("")).openapi()


def placeholders() -> Settings:
    """Settings that nothing connects with."""
    return Settings.model_construct(
        environment="none",
        kafka=KafkaSettings.model_construct(),
        postgres=PostgresSettings.model_construct(),
        redis=RedisSettings.model_construct(),
        mongo=MongoSettings.model_construct(),
        dynamodb=DynamoDBSettings.model_construct(),
        lake=LakeSettings.model_construct(),
    )
