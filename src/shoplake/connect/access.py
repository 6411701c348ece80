"""How each store is reached: address, user, URL, and the variables that its clients read. Pure: reads nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import quote, urlencode, urlsplit

from pydantic import SecretStr

from shoplake.connect.platform import Platform
from shoplake.errors import NotApplied
from shoplake.stack import Service

SEARCH_PATH = "shop,public"
"""With it `select * from orders` finds `shop.orders`. An option of the session, so the database stays as it is."""
CATALOG = "shoplake"
"""The name of the Iceberg catalogue for PyIceberg: `load_catalog("shoplake")`."""


@dataclass(frozen=True, slots=True)
class Access:
    """How one store is reached.

    Attributes:
        store: its name in commands.
        holds: what is in it, in a few words.
        address: `host:port`.
        user: the login's name, empty if there is none.
        password: the login's password, None if there is none.
        database: what a client opens: a database, a bucket, a table; empty if there is none.
        url: the address as a URL without the password.
        secret_url: the same with the password, None if there is none.
        jdbc: the JDBC URL without the password, empty if the store has no JDBC driver that is in common use.
        variables: environment variables that clients read, without secrets.
        secrets: environment variables that hold a secret.
    """

    store: str
    holds: str
    address: str
    url: str
    database: str = ""
    user: str = ""
    password: SecretStr | None = None
    secret_url: SecretStr | None = None
    jdbc: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, SecretStr] = field(default_factory=dict)

    def in_the_clear(self) -> dict[str, str]:
        """All variables, the secret ones too."""
        return {**self.variables, **{name: value.get_secret_value() for name, value in self.secrets.items()}}


def kafka(platform: Platform) -> Access:
    """The log."""
    address = platform.servers.kafka_bootstrap_servers
    return Access(
        "kafka",
        "events, by topic",
        address,
        f"kafka://{address}",
        variables={"KAFKA_BOOTSTRAP_SERVERS": address},
    )


def postgres(platform: Platform) -> Access:
    """The relational store."""
    here = platform.servers
    password = here.postgres_password.get_secret_value()
    address = f"{here.postgres_host}:{here.postgres_port}"
    user, database = quote(here.postgres_user, safe=""), quote(here.postgres_database, safe="")
    rest = f"{address}/{database}?{urlencode({'options': f'-csearch_path={SEARCH_PATH}'}, quote_via=quote)}"
    secret_url = SecretStr(f"postgresql://{user}:{quote(password, safe='')}@{rest}")
    jdbc = urlencode({"user": here.postgres_user, "currentSchema": SEARCH_PATH}, safe=",")
    return Access(
        "postgres",
        "the shop in tables",
        address,
        f"postgresql://{user}@{rest}",
        here.postgres_database,
        here.postgres_user,
        here.postgres_password,
        secret_url,
        f"jdbc:postgresql://{address}/{database}?{jdbc}",
        variables={
            "PGHOST": here.postgres_host,
            "PGPORT": str(here.postgres_port),
            "PGUSER": here.postgres_user,
            "PGDATABASE": here.postgres_database,
            "PGOPTIONS": f"-csearch_path={SEARCH_PATH}",
        },
        secrets={"PGPASSWORD": here.postgres_password, "DATABASE_URL": secret_url},
    )


def redis(platform: Platform) -> Access:
    """The live board, in Valkey."""
    here = platform.servers
    address = f"{here.redis_host}:{here.redis_port}"
    secret_url = SecretStr(f"redis://:{quote(here.redis_password.get_secret_value(), safe='')}@{address}/0")
    return Access(
        "redis",
        "the live board",
        address,
        f"redis://{address}/0",
        "0",
        "default",
        here.redis_password,
        secret_url,
        variables={"REDIS_HOST": here.redis_host, "REDIS_PORT": str(here.redis_port)},
        # valkey-cli and redis-cli read the password from REDISCLI_AUTH.
        secrets={"REDIS_URL": secret_url, "REDISCLI_AUTH": here.redis_password},
    )


def mongo(platform: Platform) -> Access:
    """The document store. A user and a password, on a stack that has them, are part of its URI."""
    here = platform.servers
    parts = urlsplit(here.mongo_uri)
    login, _, address = parts.netloc.rpartition("@")
    uri = parts._replace(path=f"/{here.mongo_database}")
    user, _, password = login.partition(":")
    public = uri._replace(netloc=f"{user}@{address}" if user else address).geturl()
    secret_url = SecretStr(uri.geturl()) if password else None
    return Access(
        "mongo",
        "documents",
        address,
        public,
        here.mongo_database,
        user,
        SecretStr(password) if password else None,
        secret_url,
        variables={} if secret_url else {"MONGODB_URI": public},
        secrets={"MONGODB_URI": secret_url} if secret_url else {},
    )


def dynamodb(platform: Platform) -> Access:
    """The key-value store.

    Raises:
        NotApplied: Terraform has not made the tables.
    """
    if platform.tables is None:
        raise _not_applied("the tables of DynamoDB")
    endpoint = platform.servers.aws_endpoint_url
    return Access(
        "dynamodb",
        "sessions, orders",
        urlsplit(endpoint).netloc,
        endpoint,
        platform.tables.sessions_table,
        platform.aws["AWS_ACCESS_KEY_ID"],
        variables=platform.aws,
    )


def lake(platform: Platform) -> Access:
    """The lake: Iceberg tables in S3.

    Raises:
        NotApplied: Terraform has not made the bucket.
    """
    if platform.lake is None:
        raise _not_applied("the bucket and the catalogue of the lake")
    prefix = f"PYICEBERG_CATALOG__{CATALOG.upper()}__"
    endpoint, region = platform.servers.aws_endpoint_url, platform.aws["AWS_REGION"]
    iceberg = {
        "TYPE": platform.lake.catalog,
        "WAREHOUSE": platform.lake.warehouse,
        "S3__ENDPOINT": endpoint,
        "S3__REGION": region,
        # Arrow waits 1 s and 3 s by default, which the emulator exceeds on a busy machine.
        "S3__CONNECT_TIMEOUT": "10",
        "S3__REQUEST_TIMEOUT": "60",
        "S3__ACCESS_KEY_ID": platform.aws["AWS_ACCESS_KEY_ID"],
        "S3__SECRET_ACCESS_KEY": platform.aws["AWS_SECRET_ACCESS_KEY"],
        "PY_IO_IMPL": "pyiceberg.io.pyarrow.PyArrowFileIO",
    }
    secrets: dict[str, SecretStr] = {}
    if platform.lake.catalog == "glue":
        iceberg |= {"GLUE__ENDPOINT": endpoint, "GLUE__REGION": region}
    else:
        secrets[f"{prefix}URI"] = _catalogue_url(platform)
    return Access(
        "lake",
        "events, in Iceberg",
        urlsplit(endpoint).netloc,
        platform.lake.warehouse,
        platform.lake.database,
        platform.aws["AWS_ACCESS_KEY_ID"],
        variables={**platform.aws, **{f"{prefix}{name}": value for name, value in iceberg.items()}},
        secrets=secrets,
    )


BY_STORE: Mapping[str, Callable[[Platform], Access]] = MappingProxyType(
    {"kafka": kafka, "postgres": postgres, "redis": redis, "mongo": mongo, "dynamodb": dynamodb, "lake": lake}
)
SERVICES: Mapping[str, Service] = MappingProxyType(
    {"kafka": "kafka", "postgres": "postgres", "redis": "valkey", "mongo": "mongo", "dynamodb": "aws", "lake": "aws"}
)
"""The server that each store is on."""
ON_EMULATOR = frozenset({"dynamodb", "lake"})
"""Stores that exist only after `apply`."""
OTHER_NAMES: Mapping[str, str] = MappingProxyType(
    {"s3": "lake", "iceberg": "lake", "valkey": "redis", "mongodb": "mongo", "pg": "postgres", "postgresql": "postgres"}
)
"""What people also type for a store."""


def each(platform: Platform) -> list[Access]:
    """All stores that there are: without DynamoDB and the lake if Terraform has not made them."""
    there = {"dynamodb": platform.tables is not None, "lake": platform.lake is not None}
    return [access(platform) for store, access in BY_STORE.items() if there.get(store, True)]


def variables(platform: Platform) -> dict[str, str]:
    """The variables of all stores, with the passwords in the clear."""
    values: dict[str, str] = dict(platform.aws)
    for access in each(platform):
        values |= access.in_the_clear()
    return values


def _catalogue_url(platform: Platform) -> SecretStr:
    """SQLAlchemy's URL of Postgres, where PyIceberg's SQL catalogue is. No search path: its tables are in public."""
    here = platform.servers
    login = f"{quote(here.postgres_user, safe='')}:{quote(here.postgres_password.get_secret_value(), safe='')}"
    place = f"{here.postgres_host}:{here.postgres_port}/{quote(here.postgres_database, safe='')}"
    return SecretStr(f"postgresql+psycopg://{login}@{place}")


def _not_applied(what: str) -> NotApplied:
    return NotApplied(
        f"environment 'local' has not been applied: {what} are not there", fix="run `shoplake apply local`"
    )
