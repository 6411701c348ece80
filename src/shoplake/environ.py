"""Filter the environment variables that reach this program, its libraries, and the programs that it starts.

There are three steps, each with an explicit list. `enter`, in every command, removes variables that would change the
behaviour of a library unnoticed. `use_stack`, for a local stack, keeps only the variables of an allow list, and points
the AWS libraries at the stack's emulator. `for_subprocess` is the environment of a server or a tool. On AWS the
caller's own variables are kept, because they hold the login. See ADR 29.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

FOREIGN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "libpq (psycopg, DuckDB, SQLAlchemy)": ("PG*",),
        "PyIceberg": ("PYICEBERG_*",),
        "fsspec": ("FSSPEC_*",),
        "Polars": ("POLARS_*",),
        "Arrow": ("ARROW_*", "PARQUET_*"),
        "DuckDB": ("DUCKDB_*",),
        "thread pools": ("OMP_*", "OPENBLAS_*", "MKL_*", "BLIS_*", "NUMEXPR_*", "RAYON_*", "TOKIO_*"),
        "NumPy": ("NPY_*", "NUMPY_*"),
        "memory allocators": ("MALLOC_*", "GLIBC_TUNABLES", "JE_MALLOC_*", "MIMALLOC_*", "_RJEM_*"),
        "the dynamic linker": ("LD_PRELOAD", "LD_AUDIT", "LD_DEBUG*", "LD_BIND_*", "LD_PROFILE*"),
        "Python": ("PYTHON*",),
        "Java": ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH"),
        "Kafka's scripts": ("KAFKA_*", "LOG_DIR"),
        "aiokafka": ("AIOKAFKA_*",),
        "MongoDB": ("MONGO*",),
        "Valkey and Redis": ("VALKEY_*", "REDIS*"),
        "SQLAlchemy and Alembic": ("SQLALCHEMY_*", "ALEMBIC_*", "DISABLE_SQLALCHEMY_*"),
        "pydantic": ("PYDANTIC_*",),
        "prometheus_client": ("PROMETHEUS_*", "prometheus_*"),
        "Typer, Click and Rich": ("TYPER_*", "TERMINAL_WIDTH", "TTY_*", "JUPYTER_*", "PY_COLORS", "UNICODE_VERSION"),
        "git": ("GIT_*",),
        "Compose": ("COMPOSE_*",),
        "Terraform and OpenTofu": ("TF_VAR_*", "TF_CLI_ARGS*", "TF_DATA_DIR", "TF_REATTACH_PROVIDERS", "TF_INPUT"),
    }
)
"""Library or tool → variables that no command passes on to it; `*` stands for the rest of a name."""

SYSTEM = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TMP", "TEMP")
"""Variables that every program expects. Helpers of Compose and git read `SHELL`."""

TERMINAL = ("TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TZ", "LANG", "LC_*")
"""Variables for output on a terminal: width, colours, language and time zone."""

OURS = ("SHOPLAKE_*", "_SHOPLAKE_*", "_TYPER_*", "COMP_*", "XDG_*")
"""Settings of this program, shell completion, and the folders of caches and state."""

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
DOWNLOADS = (*PROXIES, "SSL_CERT_*", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "OPENSSL_CONF")
"""Variables for downloads of Kafka's jars, Terraform and its provider."""

TERRAFORM = ("TF_PLUGIN_MIRROR", "TF_CLI_CONFIG_FILE", "TF_LOG*", "TF_WORKSPACE")
"""Read by `infra/`, which decides which of them a Terraform run gets."""

DOCKER = ("DOCKER_*", "SSH_AUTH_SOCK")
"""Select the Docker daemon of `up --stack compose`."""

SPARK = ("SPARK_*", "PYSPARK_*", "HADOOP_*", "YARN_*", "JAVA_HOME", "LD_LIBRARY_PATH")
"""The user's Spark cluster, for `generate --engine spark`, and the library path of this Python."""

TESTS = ("PYTEST_*", "COV_*", "COVERAGE_*")
"""Variables that a test runner sets in the processes that it watches."""

UTF8: Mapping[str, str] = MappingProxyType({"PYTHONUTF8": "1"})
"""Python reads and writes UTF-8 in any locale; with ASCII it does not start in a folder with an umlaut in its name."""

CONFIGURATION: Mapping[str, str] = MappingProxyType(
    {"PYICEBERG_HOME": str(Path(__file__).parent / "library_configuration")}
)
"""Where PyIceberg finds its file: it stops at the first one, so it does not read the caller's `~/.pyiceberg.yaml`."""

LOCAL = (*SYSTEM, *TERMINAL, *OURS, *UTF8, *CONFIGURATION, *DOWNLOADS, *TERRAFORM, *DOCKER, *SPARK, *TESTS)
"""Allow list for a local stack: the variables of the shell that this program keeps."""

FIXED: Mapping[str, str] = MappingProxyType({"LC_ALL": "C.UTF-8", **UTF8, "TZ": "UTC"})
"""Locale and time zone of servers and tools, so that their messages and data do not depend on the user's."""

NO_AWS_LOGIN: Mapping[str, str] = MappingProxyType(
    {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
)
"""Keeps AWS libraries on an emulator from using a profile of the home folder or a role of a metadata server."""

POINTERS = (
    *("AWS_*", "TF_VAR_*", "TF_CLI_ARGS*", "TF_DATA_DIR", "TF_WORKSPACE", "TF_REATTACH_PROVIDERS"),
    *("PGHOSTADDR", "PGSERVICE", "PGSSL*", "PYICEBERG_CATALOG__SHOPLAKE__*"),
)
"""Variables that select an account, endpoint, server, state or plan for AWS tools, Terraform, psql and PyIceberg."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")

EXPORTED = "SHOPLAKE_EXPORTED"
"""Names what `shoplake env` has set in a shell, so that `shoplake env --unset` takes back that and nothing else."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_caller: Mapping[str, str] | None = None


def enter() -> None:
    """Remove the variables that belong to libraries. Every command calls it first."""
    global _caller
    if _caller is None:
        _caller = dict(os.environ)
    for name in [name for name in os.environ if foreign(name)]:
        del os.environ[name]
    os.environ.update({**UTF8, **CONFIGURATION})
    _bypass_proxies(os.environ, LOOPBACK)


def caller() -> dict[str, str]:
    """The environment of the caller, as it was before `enter`."""
    return dict(os.environ if _caller is None else _caller)


def use_stack(aws: Mapping[str, str]) -> None:
    """Switch this process to a local stack: variables of the shell for AWS, proxies and the rest no longer count.

    Args:
        aws: the `AWS_…` variables of the stack's emulator.
    """
    address = urlsplit(aws.get("AWS_ENDPOINT_URL", ""))
    # The AWS provider opens the certificate file even if it does not use it.
    kept = kept_of(os.environ, (*LOCAL, *(["AWS_CA_BUNDLE"] if address.scheme == "https" else [])))
    for name in os.environ.keys() - kept.keys():
        del os.environ[name]
    os.environ.update({**NO_AWS_LOGIN, **aws})
    _bypass_proxies(os.environ, (*LOOPBACK, *([address.hostname] if address.hostname else [])))


def conflicting(environment: Mapping[str, str], given: Mapping[str, str]) -> list[str]:
    """The variables that a shell has to unset before it uses `given`, such as a profile or a session token.

    A profile and a session token are always among them: an exported one would be sent together with our keys.
    """
    names = {name for name in environment if _matches(name, POINTERS) and _NAME.fullmatch(name)}
    return sorted({"AWS_PROFILE", "AWS_SESSION_TOKEN", *names} - given.keys())


def exported(environment: Mapping[str, str]) -> list[str]:
    """The variables that `shoplake env` has set in this shell, including `EXPORTED`; empty if it was not evaluated."""
    named = environment.get(EXPORTED, "").split()
    return sorted({name for name in named if _NAME.fullmatch(name)} | ({EXPORTED} if named else set()))


def for_subprocess(given: Mapping[str, str] = MappingProxyType({}), *more: str) -> dict[str, str]:
    """The environment of a server or a tool: `SYSTEM` of the caller, `FIXED`, and its own variables.

    Args:
        given: its own variables.
        more: further variables of the caller that it gets; `*` at the end stands for the rest of a name.
    """
    return {**kept_of(os.environ, (*SYSTEM, *more)), **FIXED, **given}


def terraform(given: Mapping[str, str], *more: str) -> dict[str, str]:
    """The environment of Terraform, or of a wrapper that finds it.

    On AWS a profile may name a program that fetches credentials, and that program may need any variable. So Terraform
    gets all variables of this process, except those that select another state, another cloud or another plan.

    Args:
        given: its own variables.
        more: the caller's `TF_` and `AWS_` variables that it gets.
    """
    names = [name for name in os.environ if not (foreign(name) or name.startswith(("TF_", "AWS_")))]
    return {**{name: os.environ[name] for name in names}, **kept_of(os.environ, more), **given}


def kept_of(environment: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """The variables of an environment that match one of the names."""
    return {name: value for name, value in environment.items() if _matches(name, names)}


def foreign(name: str) -> bool:
    """Whether a variable belongs to a library or a tool in `FOREIGN`."""
    return any(_matches(name, names) for names in FOREIGN.values())


def _matches(name: str, names: tuple[str, ...]) -> bool:
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in names)


def _bypass_proxies(environment: MutableMapping[str, str], hosts: tuple[str, ...]) -> None:
    """Connect to these hosts without a proxy. Both spellings are set, because libraries differ in which they read."""
    if not any(environment.get(name) for name in PROXIES):
        return
    held = [environment.get(name, "") for name in ("no_proxy", "NO_PROXY")]
    parts = [part.strip() for text in held for part in text.split(",") if part.strip()]
    text = "*" if "*" in parts else ",".join(dict.fromkeys([*parts, *hosts]))
    environment["no_proxy"] = environment["NO_PROXY"] = text
