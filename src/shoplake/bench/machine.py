"""Describe the machine and the libraries of a measurement."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

import msgspec

LIBRARIES = ("aiokafka", "polars", "pyarrow", "pyiceberg", "psycopg", "boto3", "pymongo", "redis", "duckdb", "numpy")


class Machine(msgspec.Struct, frozen=True):
    """The machine, as this process may use it.

    Attributes:
        load: processes that wanted a processor before the bench began, over the last minute.
    """

    cpu: str
    cores: int
    memory_bytes: int
    load: float
    system: str
    python: str
    libraries: dict[str, str]


def machine() -> Machine:
    """This one."""
    return Machine(
        cpu=_field("/proc/cpuinfo", "model name") or platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=int((_field("/proc/meminfo", "MemTotal") or "0 kB").split()[0]) * 1024,
        load=os.getloadavg()[0],
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        libraries={name: metadata.version(name) for name in LIBRARIES},
    )


def _field(path: str, name: str) -> str:
    """Value of the first line `name : value` of a file; empty where there is none."""
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""
