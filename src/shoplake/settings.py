"""One typed tree of settings: written by Terraform to SSM and Secrets Manager, overridden by `SHOPLAKE_…`.

`/shoplake/<environment>/<section>/<field>` is an SSM parameter, `shoplake/<environment>/<section>` a secret
whose JSON holds the section's secret fields. `SHOPLAKE_POSTGRES__HOST` overrides `postgres.host`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shoplake import aws
from shoplake.errors import InfraError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from sqlalchemy import URL

SECTIONS_WITH_SECRETS = ("postgres", "redis")


class KafkaSettings(BaseModel):
    """How to reach the log."""

    bootstrap_servers: str


class PostgresSettings(BaseModel):
    """How to reach the relational store."""

    host: str
    port: int
    database: str
    user: str
    password: SecretStr

    def url(self) -> URL:
        """SQLAlchemy URL with the psycopg driver."""
        from sqlalchemy import URL  # most of a second, and only migrations and the SQL catalogue need it

        return URL.create(
            "postgresql+psycopg",
            username=self.user,
            password=self.password.get_secret_value(),
            host=self.host,
            port=self.port,
            database=self.database,
        )

    def conninfo(self) -> str:
        """URI for libpq, psycopg and DuckDB; holds the password, so never log it."""
        user, password = quote(self.user, safe=""), quote(self.password.get_secret_value(), safe="")
        return f"postgresql://{user}:{password}@{self.host}:{self.port}/{quote(self.database, safe='')}"


class RedisSettings(BaseModel):
    """How to reach the live board."""

    host: str
    port: int
    password: SecretStr


class MongoSettings(BaseModel):
    """How to reach the document store."""

    uri: str
    database: str


class DynamoDBSettings(BaseModel):
    """Table names of the key-value store."""

    sessions_table: str
    orders_table: str
    checkpoints_table: str


class LakeSettings(BaseModel):
    """Where the lake keeps its files, and which catalogue names its tables."""

    bucket: str
    warehouse: str
    database: str
    catalog: Literal["glue", "sql"]


class Settings(BaseSettings):
    """All that the program has to know about an environment."""

    model_config = SettingsConfigDict(env_prefix="SHOPLAKE_", env_nested_delimiter="__", extra="ignore")

    environment: str
    kafka: KafkaSettings
    postgres: PostgresSettings
    redis: RedisSettings
    mongo: MongoSettings
    dynamodb: DynamoDBSettings
    lake: LakeSettings

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over what Terraform wrote."""
        del dotenv_settings, file_secret_settings
        environment = init_settings().get("environment", "local")
        return (init_settings, env_settings, TerraformSource(settings_cls, environment))


class TerraformSource(PydanticBaseSettingsSource):
    """What Terraform left in SSM and Secrets Manager for one environment."""

    def __init__(self, settings_cls: type[BaseSettings], environment: str) -> None:
        super().__init__(settings_cls)
        self._environment = environment

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Unused: the whole tree is read at once by `__call__`."""
        raise NotImplementedError(f"{field_name}: read as a tree, not field by field ({field})")

    def __call__(self) -> dict[str, Any]:
        """Sections of fields, as far as they exist.

        Raises:
            InfraError: AWS or its emulator did not answer.
        """
        try:
            tree = _parameters(self._environment)
            for section in SECTIONS_WITH_SECRETS:
                tree.setdefault(section, {}).update(_secret(f"shoplake/{self._environment}/{section}"))
        except (BotoCoreError, ClientError) as error:
            raise InfraError(
                f"settings of environment '{self._environment}' could not be read: {error}",
                fix="start the stack with `shoplake up`, or set AWS_ENDPOINT_URL / AWS_PROFILE",
            ) from error
        return tree


def load(environment: str = "local") -> Settings:
    """Settings of one environment.

    Raises:
        InfraError: something is missing or malformed; the message names each field.
    """
    try:
        return Settings(environment=environment)  # type: ignore[call-arg]
    except ValidationError as error:
        fields = ", ".join(".".join(str(part) for part in e["loc"]) for e in error.errors())
        raise InfraError(
            f"environment '{environment}' lacks settings, or has wrong ones: {fields}",
            fix=f"run `shoplake apply {environment}`, which writes them to SSM and Secrets Manager",
        ) from error


def _parameters(environment: str) -> dict[str, Any]:
    prefix = f"/shoplake/{environment}/"
    tree: dict[str, Any] = {}
    pages = aws.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=prefix, Recursive=True)
    for page in pages:
        for parameter in page["Parameters"]:
            section, _, field = parameter["Name"].removeprefix(prefix).partition("/")
            tree.setdefault(section, {})[field] = parameter["Value"]
    return tree


def _secret(name: str) -> dict[str, Any]:
    secrets = aws.client("secretsmanager")
    try:
        value = secrets.get_secret_value(SecretId=name)["SecretString"]
    except secrets.exceptions.ResourceNotFoundException:
        return {}
    parsed: dict[str, Any] = json.loads(value)
    return parsed
