"""What to type into each client, for each store. Pure: the lines name variables, so they hold no secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from shoplake.connect.access import CATALOG, Access

Kind = Literal["shell", "python", "settings"]


@dataclass(frozen=True, slots=True)
class Client:
    """One way into a store.

    Attributes:
        name: the client.
        kind: where the lines go: a shell, a notebook, or a form or file of the client's.
        lines: what to type, in a shell that has the variables of `shoplake env`.
        opens: the command that `--open` starts, empty if it starts none.
        package: where to get the client.
    """

    name: str
    kind: Kind
    lines: tuple[str, ...]
    opens: tuple[str, ...] = ()
    package: str = ""


def of(access: Access) -> tuple[Client, ...]:
    """The clients of a store, the most common one first."""
    return _BY_STORE[access.store](access)


def _kafka(access: Access) -> tuple[Client, ...]:
    server = access.address
    return (
        Client(
            "kcat",
            "shell",
            ('kcat -b "$KAFKA_BOOTSTRAP_SERVERS" -C -t orders -o beginning -c 3 -q -X isolation.level=read_committed',),
            ("kcat", "-b", server, "-C", "-t", "orders", "-o", "end", "-X", "isolation.level=read_committed"),
            "apt install kcat",
        ),
        Client(
            "kafka-console-consumer",
            "shell",
            (
                'kafka-console-consumer.sh --bootstrap-server "$KAFKA_BOOTSTRAP_SERVERS" --topic orders \\',
                "  --from-beginning --max-messages 3 --isolation-level read_committed",
            ),
            (
                *("kafka-console-consumer.sh", "--bootstrap-server", server, "--topic", "orders"),
                *("--isolation-level", "read_committed"),
            ),
            "it is in the archive of Apache Kafka",
        ),
        Client(
            "notebook (aiokafka)",
            "python",
            (
                "import os",
                "from aiokafka import AIOKafkaConsumer",
                "servers = os.environ['KAFKA_BOOTSTRAP_SERVERS']",
                "options = dict(auto_offset_reset='earliest', isolation_level='read_committed')",
                "async with AIOKafkaConsumer('orders', bootstrap_servers=servers, **options) as orders:",
                "    print((await orders.getone()).value)",
            ),
        ),
        Client(
            "Spark",
            "python",
            (
                "events = (spark.read.format('kafka')  # --packages org.apache.spark:spark-sql-kafka-0-10_2.13:4.1.0",
                f"    .option('kafka.bootstrap.servers', '{server}')",
                "    .option('subscribe', 'orders').load())",
            ),
        ),
    )


def _postgres(access: Access) -> tuple[Client, ...]:
    host, _, port = access.address.rpartition(":")
    return (
        Client(
            "psql",
            "shell",
            ("psql -c 'SELECT status, count(*) FROM orders GROUP BY status'",),
            ("psql",),
            "apt install postgresql-client",
        ),
        Client(
            "DBeaver",
            "settings",
            (
                "New connection > PostgreSQL > connect by URL:",
                access.jdbc,
                "Password: `shoplake connect postgres --show-secrets`",
            ),
        ),
        Client(
            "notebook (psycopg)",
            "python",
            (
                "import psycopg  # reads PGHOST, PGPASSWORD and the others",
                "with psycopg.connect() as shop:",
                "    print(shop.execute('SELECT count(*) FROM orders').fetchone())",
            ),
        ),
        Client(
            "DuckDB",
            "shell",
            (
                "duckdb -c \"INSTALL postgres; ATTACH '' AS pg (TYPE postgres, READ_ONLY);",
                '  SELECT count(*) FROM pg.shop.orders"',
            ),
        ),
        Client(
            "Spark",
            "python",
            (
                "import os",
                "orders = (spark.read.format('jdbc')  # --packages org.postgresql:postgresql:42.7.8",
                f"    .option('url', '{access.jdbc}')",
                "    .option('password', os.environ['PGPASSWORD']).option('dbtable', 'orders').load())",
            ),
        ),
        Client(
            "Trino",
            "settings",
            (
                "# etc/catalog/shop.properties",
                "connector.name=postgresql",
                f"connection-url=jdbc:postgresql://{host}:{port}/{access.database}",
                f"connection-user={access.user}",
                "connection-password=${ENV:PGPASSWORD}",
            ),
        ),
    )


def _redis(access: Access) -> tuple[Client, ...]:
    host, _, port = access.address.rpartition(":")
    board = "ZREVRANGE shoplake:top_products 0 4 WITHSCORES"

    def cli(name: str, package: str) -> Client:
        line = f'{name} -h "$REDIS_HOST" -p "$REDIS_PORT" {board}'
        return Client(name, "shell", (line,), (name, "-h", host, "-p", port), package)

    return (
        cli("redis-cli", "apt install redis-tools"),
        cli("valkey-cli", "apt install valkey-tools"),
        Client(
            "notebook (redis)",
            "python",
            (
                "import os, redis",
                "board = redis.Redis.from_url(os.environ['REDIS_URL'], decode_responses=True)",
                "print(board.zrevrange('shoplake:top_products', 0, 4, withscores=True))",
            ),
        ),
    )


def _mongo(access: Access) -> tuple[Client, ...]:
    opens = () if access.secret_url else ("mongosh", access.url)
    return (
        Client(
            "mongosh",
            "shell",
            ("mongosh \"$MONGODB_URI\" --quiet --eval 'db.customers.findOne()'",),
            opens,
            "npm install --global mongosh",
        ),
        Client("DBeaver, Compass", "settings", ("New connection > paste the URI:", access.url)),
        Client(
            "notebook (pymongo)",
            "python",
            (
                "import os, pymongo",
                "shop = pymongo.MongoClient(os.environ['MONGODB_URI']).get_default_database()",
                "print(shop.customers.find_one())",
            ),
        ),
    )


def _dynamodb(access: Access) -> tuple[Client, ...]:
    scan = ("aws", "dynamodb", "scan", "--table-name", access.database, "--max-items", "3")
    return (
        Client("aws", "shell", (" ".join(scan),), scan, "pip install awscli"),
        Client(
            "notebook (boto3)",
            "python",
            (
                "import boto3  # reads AWS_ENDPOINT_URL and the keys",
                f"sessions = boto3.resource('dynamodb').Table('{access.database}')",
                "print(sessions.scan(Limit=3)['Items'])",
            ),
        ),
    )


def _lake(access: Access) -> tuple[Client, ...]:
    bucket = access.url.removeprefix("s3://").partition("/")[0]
    orders = f"{access.database}.orders"
    listing = ("aws", "s3", "ls", access.url, "--recursive", "--summarize")
    glue = access.variables.get(f"PYICEBERG_CATALOG__{CATALOG.upper()}__TYPE") == "glue"
    endpoint = access.variables["AWS_ENDPOINT_URL"]
    clients = [
        Client("aws", "shell", (" ".join(listing),), listing, "pip install awscli"),
        Client(
            "notebook (PyIceberg, DuckDB)",
            "python",
            (
                "import duckdb, pyiceberg.catalog  # reads PYICEBERG_CATALOG__SHOPLAKE__...",
                f"lake = pyiceberg.catalog.load_catalog('{CATALOG}')",
                f"orders = lake.load_table('{orders}').scan().to_arrow()",
                "print(duckdb.sql('SELECT type, count(*) FROM orders GROUP BY type'))",
            ),
        ),
    ]
    if glue:
        clients += [_duckdb(access), *_engines(access, bucket, endpoint)]
    return tuple(clients)


def _duckdb(access: Access) -> Client:
    look_up = (
        f"aws glue get-table --database-name {access.database} --name orders "
        "--query Table.Parameters.metadata_location --output text"
    )
    return Client(
        "DuckDB",
        "shell",
        (
            f"metadata=$({look_up})",
            'duckdb -c "INSTALL httpfs; INSTALL iceberg; LOAD iceberg; CREATE SECRET (TYPE s3, URL_STYLE path,',
            "  USE_SSL false, KEY_ID '$AWS_ACCESS_KEY_ID', SECRET '$AWS_SECRET_ACCESS_KEY',",
            "  REGION '$AWS_REGION', ENDPOINT '${AWS_ENDPOINT_URL#*://}');",
            "  SELECT type, count(*) FROM iceberg_scan('$metadata') GROUP BY type\"",
        ),
    )


def _engines(access: Access, bucket: str, endpoint: str) -> tuple[Client, ...]:
    name = "spark.sql.catalog.shoplake"
    spark = {
        name: "org.apache.iceberg.spark.SparkCatalog",
        f"{name}.type": "glue",
        f"{name}.warehouse": access.url,
        f"{name}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        f"{name}.glue.endpoint": endpoint,
        f"{name}.s3.endpoint": endpoint,
        f"{name}.s3.path-style-access": "true",
    }
    packages = ("iceberg-spark-runtime-4.0_2.13", "iceberg-aws-bundle")
    listed = ",".join(f"org.apache.iceberg:{package}:1.10.0" for package in packages)
    return (
        Client(
            "Spark",
            "shell",
            (
                f"spark-sql --packages {listed} \\",
                *(f"  --conf {key}={value} \\" for key, value in spark.items()),
                f"  -e 'SELECT count(*) FROM shoplake.{access.database}.orders'",  # noqa: S608 - printed, not run
            ),
        ),
        Client(
            "Trino",
            "settings",
            (
                f"# etc/catalog/lake.properties; reads the bucket {bucket}",
                "connector.name=iceberg",
                "iceberg.catalog.type=glue",
                f"hive.metastore.glue.endpoint-url={endpoint}",
                f"hive.metastore.glue.region={access.variables['AWS_REGION']}",
                f"hive.metastore.glue.default-warehouse-dir={access.url}",
                "fs.native-s3.enabled=true",
                f"s3.endpoint={endpoint}",
                f"s3.region={access.variables['AWS_REGION']}",
                "s3.path-style-access=true",
                "s3.aws-access-key=${ENV:AWS_ACCESS_KEY_ID}",
                "s3.aws-secret-key=${ENV:AWS_SECRET_ACCESS_KEY}",
            ),
        ),
    )


_BY_STORE: Mapping[str, Callable[[Access], tuple[Client, ...]]] = MappingProxyType(
    {
        "kafka": _kafka,
        "postgres": _postgres,
        "redis": _redis,
        "mongo": _mongo,
        "dynamodb": _dynamodb,
        "lake": _lake,
    }
)
