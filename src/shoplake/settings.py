"""Typed settings of an environment: Terraform writes them to SSM and Secrets Manager, `SHOPLAKE_…` overrides them.

`/shoplake/<environment>/<section>/<field>` is an SSM parameter. `shoplake/<environment>/<section>` is a secret whose
JSON holds the secret fields of the section. `SHOPLAKE_POSTGRES__HOST` overrides `postgres.host`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import quote, urlencode

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from pydantic import BaseModel, FilePath, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shoplake import aws
from shoplake.errors import InfraError, NoCredentials, NotApplied

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from sqlalchemy import URL

SECTIONS_WITH_SECRETS = ("postgres", "redis")


Login = Literal["password", "iam"]
"""Authentication to a store: a password from the settings, or an IAM token signed by the caller's role."""


class KafkaSettings(BaseModel):
    """Connection to Kafka. A sink's consumer group is `<group_prefix>-<sink>`; two sets of stores need two prefixes."""

    bootstrap_servers: str
    login: Literal["none", "iam"] = "none"
    replication: int = 1
    group_prefix: str = "shoplake"


class PostgresSettings(BaseModel):
    """Connection to Postgres. `ca_file` holds the CA certificates; if it is set, TLS is required."""

    host: str
    port: int
    database: str
    user: str
    login: Login = "password"
    password: SecretStr = SecretStr("")
    secret_arn: str | None = None
    ca_file: FilePath | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _refuse_missing(self, "password" if self.login == "password" else "ca_file")
        return self

    def url(self) -> URL:
        """SQLAlchemy URL with the psycopg driver."""
        from sqlalchemy import URL  # almost 1 s to import, and only migrations and the SQL catalogue need it

        return URL.create(
            "postgresql+psycopg",
            username=self.user,
            password=self._password(),
            host=self.host,
            port=self.port,
            database=self.database,
            query=self._tls(),
        )

    def conninfo(self) -> str:
        """URI for one connection of libpq, psycopg or DuckDB. It holds a password: never log or store it."""
        user, password = quote(self.user, safe=""), quote(self._password(), safe="")
        address = f"postgresql://{user}:{password}@{self.host}:{self.port}/{quote(self.database, safe='')}"
        return f"{address}?{urlencode(self._tls())}" if self.ca_file else address

    def as_user(self, user: str, password: str) -> PostgresSettings:
        """The same connection with another user and password."""
        return self.model_copy(update={"user": user, "password": SecretStr(password), "login": "password"})

    def _password(self) -> str:
        if self.login == "password":
            return self.password.get_secret_value()
        from shoplake import iam_auth  # imports boto3, which a password does not need

        return iam_auth.postgres_token(self.host, self.port, self.user)

    def _tls(self) -> dict[str, str]:
        return {"sslmode": "verify-full", "sslrootcert": str(self.ca_file)} if self.ca_file else {}


class RedisSettings(BaseModel):
    """Connection to Redis or Valkey. `cluster` is the name of the cache for which IAM tokens are signed."""

    host: str
    port: int
    login: Login = "password"
    password: SecretStr = SecretStr("")
    user: str = "default"
    cluster: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _refuse_missing(self, "password" if self.login == "password" else "cluster")
        return self

    def options(self) -> dict[str, Any]:
        """Keyword arguments of `redis.Redis`, sync or asyncio: address and login; with IAM also TLS."""
        address = {"host": self.host, "port": self.port}
        if self.login == "password":
            return address | {"password": self.password.get_secret_value()}
        from shoplake import iam_auth

        return address | {"ssl": True, "credential_provider": iam_auth.ValkeyTokens(self.user, self.cluster)}


class MongoSettings(BaseModel):
    """Connection to MongoDB or DocumentDB. With `secret_arn`, user and password come from the AWS-managed secret."""

    uri: str
    database: str
    secret_arn: str | None = None
    ca_file: FilePath | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.secret_arn:
            _refuse_missing(self, "ca_file")
        return self

    def options(self) -> dict[str, Any]:
        """Keyword arguments of one `MongoClient`, sync or async: address and login. Do not store them."""
        options: dict[str, Any] = {"host": self.uri}
        if self.ca_file:
            options["tlsCAFile"] = str(self.ca_file)
        if self.secret_arn:
            from shoplake import iam_auth

            secret = iam_auth.managed_secret(self.secret_arn)
            options |= {"username": secret.user, "password": secret.password}
        return options


class DynamoDBSettings(BaseModel):
    """Names of the DynamoDB tables."""

    sessions_table: str
    orders_table: str
    checkpoints_table: str


class LakeSettings(BaseModel):
    """The S3 bucket and warehouse path of the lake, and its Iceberg catalogue."""

    bucket: str
    warehouse: str
    database: str
    catalog: Literal["glue", "sql"]


class Settings(BaseSettings):
    """All settings of an environment."""

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
        """Environment variables take precedence over the values that Terraform wrote."""
        del dotenv_settings, file_secret_settings
        environment = init_settings().get("environment", "local")
        return (init_settings, env_settings, TerraformSource(settings_cls, environment))


class TerraformSource(PydanticBaseSettingsSource):
    """The settings source that reads SSM and Secrets Manager, where Terraform wrote one environment's values."""

    def __init__(self, settings_cls: type[BaseSettings], environment: str) -> None:
        super().__init__(settings_cls)
        self._environment = environment

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Not used: `__call__` reads all settings at once."""
        raise NotImplementedError(f"{field_name}: read as a tree, not field by field ({field})")

    def __call__(self) -> dict[str, Any]:
        """Read all sections and fields that exist.

        Raises:
            InfraError: AWS or its emulator did not answer.
        """
        try:
            tree = _parameters(self._environment)
            for section in SECTIONS_WITH_SECRETS:
                tree.setdefault(section, {}).update(_secret(f"shoplake/{self._environment}/{section}"))
        except NoCredentialsError as error:
            raise NoCredentials(
                f"settings of environment '{self._environment}' could not be read: {error}",
                fix="sign in (`aws sso login`) or set AWS_PROFILE",
            ) from error
        except (BotoCoreError, ClientError) as error:
            raise InfraError(
                f"settings of environment '{self._environment}' could not be read: {error}",
                fix="start the stack with `shoplake up`, or set AWS_ENDPOINT_URL / AWS_PROFILE",
            ) from error
        return tree


def load(environment: str = "local") -> Settings:
    """Load the settings of one environment.

    Raises:
        InfraError: fields are missing or invalid; the message names each.
    """
    try:
        return Settings(environment=environment)  # type: ignore[call-arg]
    except ValidationError as error:
        if not _settings_of(environment):
            raise NotApplied(
                f"environment '{environment}' has not been applied: it has no settings",
                fix=f"run `shoplake apply {environment}`",
            ) from error
        listed = "".join(f"\n  - {'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
        raise InfraError(
            f"environment '{environment}' has missing or invalid settings:{listed}",
            fix=f"run `shoplake apply {environment}`, which writes them to SSM and Secrets Manager",
        ) from error


def _settings_of(environment: str) -> bool:
    """Whether the environment has any settings. A destroyed one has none, an unfinished one has some."""
    return bool(_parameters(environment))


def _refuse_missing(section: BaseModel, field: str) -> None:
    value = getattr(section, field)
    if not (value.get_secret_value() if isinstance(value, SecretStr) else value):
        raise ValueError(_WANTED[field])


_WANTED = {
    "password": "expected a password, found none",
    "cluster": "expected `cluster`, the name of the cache for which the token is signed, found none",
    "ca_file": (
        "expected `ca_file`, the CA certificates of RDS and DocumentDB, found none; download "
        "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem and set "
        "SHOPLAKE_POSTGRES__CA_FILE and SHOPLAKE_MONGO__CA_FILE to its path"
    ),
}


def _parameters(environment: str) -> dict[str, Any]:
    prefix = f"/shoplake/{environment}/"
    tree: dict[str, Any] = {}
    paginator = aws.client("ssm").get_paginator("get_parameters_by_path")
    pages = paginator.paginate(Path=prefix, Recursive=True, WithDecryption=True)
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
