"""Which variables of the caller's shell reach this program, the libraries in it, and the programs that it starts.

Three steps, each an explicit list. `enter` drops what would change a library's behaviour behind our back, in every
command. `use_stack` then keeps, for a local stack, only what is on the allow list, and points AWS's libraries at the
stack's emulator. `bare` is what a server or a tool starts with. An environment on AWS keeps the caller's own variables:
they are how one logs in there. See ADR 29.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, MutableMapping
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
"""By who reads them: what no command of ours passes on to a library, `*` standing for any rest of the name."""

SYSTEM = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TMP", "TEMP")
"""What every program expects. `SHELL` is read by Compose's and git's helpers."""

TERMINAL = ("TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TZ", "LANG", "LC_*")
"""How a command shows what it found: widths, colours, and times in the reader's zone."""

OURS = ("SHOPLAKE_*", "_SHOPLAKE_*", "_TYPER_*", "COMP_*", "XDG_*")
"""Our own settings, completion of the shell, and where caches and state are kept."""

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
DOWNLOADS = (*PROXIES, "SSL_CERT_*", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "OPENSSL_CONF")
"""How Kafka's jars, Terraform and its provider are fetched."""

TERRAFORM = ("TF_PLUGIN_MIRROR", "TF_CLI_CONFIG_FILE", "TF_LOG*", "TF_WORKSPACE")
"""Read by `infra/`, which decides what of it a run of Terraform gets."""

DOCKER = ("DOCKER_*", "SSH_AUTH_SOCK")
"""Which daemon runs the containers of `up --stack compose`."""

SPARK = ("SPARK_*", "PYSPARK_*", "HADOOP_*", "YARN_*", "JAVA_HOME", "LD_LIBRARY_PATH")
"""Somebody else's cluster, for `generate --engine spark`, and where libraries of this Python are."""

TESTS = ("PYTEST_*", "COV_*", "COVERAGE_*")
"""What a test runner keeps in a process that it watches."""

UTF8: Mapping[str, str] = MappingProxyType({"PYTHONUTF8": "1"})
"""Python of ours reads and writes UTF-8 whatever the locale; in ASCII it does not start in a folder with an umlaut."""


LOCAL = (*SYSTEM, *TERMINAL, *OURS, *UTF8, *DOWNLOADS, *TERRAFORM, *DOCKER, *SPARK, *TESTS)
"""All that this program keeps of the shell while it works on a local stack; the rest is not there for it."""

FIXED: Mapping[str, str] = MappingProxyType({"LC_ALL": "C.UTF-8", **UTF8, "TZ": "UTC"})
"""What a server or a tool works in: its messages and its data do not depend on the reader's locale."""

NOBODY: Mapping[str, str] = MappingProxyType(
    {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
)
"""For AWS's libraries on an emulator: no profile from the home folder, no role from a metadata server."""

POINTERS = (
    *("AWS_*", "TF_VAR_*", "TF_CLI_ARGS*", "TF_DATA_DIR", "TF_WORKSPACE", "TF_REATTACH_PROVIDERS"),
    *("PGHOSTADDR", "PGSERVICE", "PGSSL*", "PYICEBERG_CATALOG__SHOPLAKE__*"),
)
"""What leads AWS's tools, Terraform, psql and PyIceberg to another account, endpoint, server, state or plan."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")

EXPORTED = "SHOPLAKE_EXPORTED"
"""Names what `shoplake env` has set in a shell, so that `shoplake env --unset` takes back that and nothing else."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_caller: Mapping[str, str] | None = None


def enter() -> None:
    """Drop the variables that belong to libraries and not to us. The first thing that a command does."""
    global _caller
    if _caller is None:
        _caller = dict(os.environ)
    for name in [name for name in os.environ if foreign(name)]:
        del os.environ[name]
    os.environ.update(UTF8)
    _bypass_proxies(os.environ, LOOPBACK)


def caller() -> dict[str, str]:
    """The environment as it was before `enter`."""
    return dict(os.environ if _caller is None else _caller)


def use_stack(aws: Mapping[str, str]) -> None:
    """From here on this process works on a local stack, whatever the shell says of AWS, proxies and the rest.

    Args:
        aws: `AWS_…` of the stack's emulator.
    """
    address = urlsplit(aws.get("AWS_ENDPOINT_URL", ""))
    # The AWS provider opens the file of certificates also where it has no use for it.
    kept = kept_of(os.environ, (*LOCAL, *(["AWS_CA_BUNDLE"] if address.scheme == "https" else [])))
    for name in os.environ.keys() - kept.keys():
        del os.environ[name]
    os.environ.update({**NOBODY, **aws})
    _bypass_proxies(os.environ, (*LOOPBACK, *([address.hostname] if address.hostname else [])))


def misleading(environment: Mapping[str, str], given: Mapping[str, str]) -> list[str]:
    """What a shell has to unset before it uses what is `given`: a profile, a session, an endpoint of one service.

    A profile and a session token are named in any case, since an exported one would be sent along with our keys.
    """
    names = {name for name in environment if _matches(name, POINTERS) and _NAME.fullmatch(name)}
    return sorted({"AWS_PROFILE", "AWS_SESSION_TOKEN", *names} - given.keys())


def exported(environment: Mapping[str, str]) -> list[str]:
    """What `shoplake env` has set in this shell, itself included; nothing if it was not evaluated there."""
    named = environment.get(EXPORTED, "").split()
    return sorted({name for name in named if _NAME.fullmatch(name)} | ({EXPORTED} if named else set()))


def bare(given: Mapping[str, str] = MappingProxyType({}), *more: str) -> dict[str, str]:
    """The environment of a server or a tool.

    Args:
        given: its own variables.
        more: names of the caller's variables that it may have besides `SYSTEM`; `*` at the end stands for any rest.
    """
    return {**kept_of(os.environ, (*SYSTEM, *more)), **FIXED, **given}


def terraform(given: Mapping[str, str], *more: str) -> dict[str, str]:
    """The environment of Terraform, or of a wrapper that finds it.

    On AWS a profile may name a program that fetches credentials, which wants variables that nobody here knows. So it is
    all of this process, without what could lead it to another state, another cloud or another plan.

    Args:
        given: its own variables.
        more: names of the caller's `TF_` and `AWS_` variables that it may have.
    """
    names = [name for name in os.environ if not (foreign(name) or name.startswith(("TF_", "AWS_")))]
    return {**{name: os.environ[name] for name in names}, **kept_of(os.environ, more), **given}


def kept_of(environment: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """The variables that the names allow."""
    return {name: value for name, value in environment.items() if _matches(name, names)}


def foreign(name: str) -> bool:
    """Whether a variable belongs to a library or a tool that we use, and not to us."""
    return any(_matches(name, names) for names in FOREIGN.values())


def _matches(name: str, names: tuple[str, ...]) -> bool:
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in names)


def _bypass_proxies(environment: MutableMapping[str, str], hosts: tuple[str, ...]) -> None:
    """Let no proxy stand before these hosts. Where both spellings are set, libraries differ in which they read."""
    if not any(environment.get(name) for name in PROXIES):
        return
    held = [environment.get(name, "") for name in ("no_proxy", "NO_PROXY")]
    parts = [part.strip() for text in held for part in text.split(",") if part.strip()]
    text = "*" if "*" in parts else ",".join(dict.fromkeys([*parts, *hosts]))
    environment["no_proxy"] = environment["NO_PROXY"] = text
